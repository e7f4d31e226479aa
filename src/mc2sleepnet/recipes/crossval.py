"""Cross-validation of a protocol: every fold, both phases, every held-out epoch, one table."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.evaluation.crossval_results import (
    REPORT,
    RESULTS_JSON,
    RESULTS_MD,
    TABLE_HEAD,
    CrossvalResults,
    write_results,
)
from mc2sleepnet.evaluation.tables import aligned_text
from mc2sleepnet.evaluation.tested import Pooled
from mc2sleepnet.recipes.experiment import PhaseOptions, Protocol, Run, phase_options, runnable_folds
from mc2sleepnet.store import Store
from mc2sleepnet.training.cell import Cell, CellResult, finished_result
from mc2sleepnet.training.grid import open_grid, run_grid
from mc2sleepnet.training.provenance import made_by

SETTING = "crossval"


@dataclass(frozen=True, kw_only=True)
class CrossvalEnd:
    """What a cross-validation came to.

    Attributes
    ----------
    results, pooled
        Of the finished folds; None where none is.
    failures
        One for every fold that failed.
    n_folds
        How many were to be run.
    out
        Where the tables are.
    """

    results: CrossvalResults | None
    pooled: Pooled | None
    failures: Mapping[Path, InputError]
    n_folds: int
    out: Path

    def to_text(self) -> str:
        """The table and where the files are."""
        if self.results is None or self.pooled is None:
            return "no fold is finished"
        lines = [*self.results.caveats(), "", aligned_text(TABLE_HEAD, self.results.table(self.pooled)), ""]
        lines += [f"{name:<8}{self.out / file}" for name, file in (("table", RESULTS_MD), ("report", REPORT))]
        return "\n".join(lines)

    def to_json_text(self) -> str:
        """The content of `results.json`."""
        return "" if self.results is None else (self.out / RESULTS_JSON).read_text(encoding="utf-8").rstrip("\n")


def crossval(protocol: Protocol, store: Store, out: Path, run: Run) -> CrossvalEnd:
    """Run a protocol's folds in `out`, each a folder, and pool what is finished there.

    Folds that an earlier call finished in `out` are in the table too, whichever this call asked for.

    Raises
    ------
    InputError
        For an option, a fold or an `out` that cannot be used; what fails within folds is in the result.
    KeyboardInterrupt
        On Ctrl-C or SIGTERM, with everything saved.
    """
    options = phase_options(protocol, run)
    wanted, missing, n_folds = runnable_folds(protocol, store, run.folds)
    folds = runnable_folds(protocol, store, "")[0] if run.folds else wanted

    def cells(numbers: Iterable[int], threads: int) -> list[Cell]:
        return [
            Cell(
                setting=SETTING,
                number=number,
                fold=folds[number],
                seed=options.seed,
                pretraining=options.pretraining,
                finetuning=options.finetuning,
                store=store.path.resolve(),
                content_hash=store.content_hash,
                folder=out.resolve() / fold_folder(number),
                threads=threads,
                exports=run.exports,
            )
            for number in numbers
        ]

    threads = run.where.threads_of_a_cell
    cells(list(wanted)[:1], threads)[0].check(store)
    manifest = _manifest(protocol, store, run, options)
    threads = open_grid(out, manifest, threads=threads, resume=run.resume)
    outcome = run_grid(cells(wanted, threads), run.where, run.step)
    others = [number for number in folds if number not in wanted]
    found = sorted([*outcome.results, *finished_among(cells(others, threads), store)], key=lambda result: result.number)
    end = CrossvalEnd(results=None, pooled=None, failures=outcome.failures, n_folds=len(wanted), out=out)
    if not found:
        return end
    done = {result.number for result in found}
    for cell in cells(wanted, threads):
        if (failure := outcome.failures.get(cell.folder)) is not None:
            missing[cell.number] = f"failed: {failure.fault}"
    results = CrossvalResults(
        recipe=protocol.name,
        corpus=store.corpus,
        recordings=[recording for result in found for recording in result.recordings],
        n_folds=n_folds,
        missing={number: missing[number] for number in sorted(set(missing) - done)},
        is_synthetic=any(result.is_synthetic for result in found),
        facts=told_facts(store, run, options, found),
    )
    return replace(end, results=results, pooled=write_results(results, out))


def fold_folder(number: int) -> str:
    """Name of a fold's folder."""
    return f"fold-{number:02d}"


def finished_among(cells: Sequence[Cell], store: Store) -> list[CellResult]:
    """Results of those cells that are finished; an unfinished or foreign one has none."""
    found = []
    for cell in cells:
        try:
            result = finished_result(cell, store)
        except InputError:
            continue
        if result is not None:
            found.append(result)
    return found


def _manifest(protocol: Protocol, store: Store, run: Run, options: PhaseOptions) -> dict[str, object]:
    return {
        "experiment": SETTING,
        "recipe": protocol.name,
        "store": {"corpus": store.corpus, "content_hash": store.content_hash},
        "preset": run.preset,
        "seed": options.seed,
        "pretraining": options.pretraining and dict(options.pretraining),
        "finetuning": dict(options.finetuning),
    }


def told_facts(store: Store, run: Run, options: PhaseOptions, found: Sequence[CellResult]) -> dict[str, object]:
    """What made the results, for the tables."""
    trimming = {str(dict(recording.protocol).get("trim_limits", "none")) for recording in store.recordings}
    versions = made_by()
    return {
        "preset": run.preset,
        "width": (options.pretraining or options.finetuning)["width"],
        "seed": options.seed,
        "options set": ", ".join(run.assignments) or "none",
        "store": f"{store.corpus}: {len(store.recordings)} recordings of {len(store.subjects)} subjects, "
        f"{store.n_epochs:,} epochs, content {store.content_hash[:12]}",
        "trim limits": ", ".join(sorted(trimming)),
        "threads of each fold": found[0].content["identity"]["threads"],
        "hours of work": round(sum(result.seconds for result in found) / 3600, 2),
        "versions": ", ".join(f"{name} {versions[name]}" for name in ("mc2sleepnet", "torch", "python")),
    }
