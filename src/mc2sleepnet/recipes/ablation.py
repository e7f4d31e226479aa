"""The ablation grid and the label-efficiency study: settings × folds × seeds under one protocol, one table."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.corpora.folds import Fold
from mc2sleepnet.evaluation.ablation_files import ABLATION_HEAD, ablation_table, write_ablation
from mc2sleepnet.evaluation.ablation_results import AblationResults, SettingResult
from mc2sleepnet.evaluation.crossval_results import REPORT, RESULTS_JSON, RESULTS_MD
from mc2sleepnet.evaluation.tables import aligned_text
from mc2sleepnet.recipes.crossval import finished_among, fold_folder, told_facts
from mc2sleepnet.recipes.experiment import PhaseOptions, Protocol, Run, phase_options, runnable_folds
from mc2sleepnet.recipes.settings import Setting, ablation_settings, chosen_settings, label_settings
from mc2sleepnet.store import Store
from mc2sleepnet.training.cell import RESULT_FILE, Cell, CellResult
from mc2sleepnet.training.grid import open_grid, run_grid

_CELL_FOLDER = re.compile(r"fold-(\d+)-seed-(\d+)")


@dataclass(frozen=True, kw_only=True)
class Grid:
    """How large an ablation is.

    Attributes
    ----------
    seeds
        Networks of each setting and fold.
    nights
        Training nights of each fold to use; 0 for all.
    labelled_nights
        Numbers of labelled nights: the label-efficiency study instead of the grid.
    only
        Names of settings to run; none for all.
    """

    seeds: int = 1
    nights: int = 0
    labelled_nights: Sequence[int] = ()
    only: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class AblationEnd:
    """What an ablation came to."""

    results: AblationResults | None
    failures: Sequence[InputError]
    n_cells: int
    out: Path

    def to_text(self) -> str:
        """The table and where the files are."""
        if self.results is None:
            return "no cell is finished"
        lines = [
            *self.results.caveats(),
            "",
            aligned_text(ABLATION_HEAD, ablation_table(self.results), n_text_columns=1),
            "",
        ]
        lines += [f"{name:<8}{self.out / file}" for name, file in (("table", RESULTS_MD), ("report", REPORT))]
        return "\n".join(lines)

    def to_json_text(self) -> str:
        """The content of `results.json`."""
        return "" if self.results is None else (self.out / RESULTS_JSON).read_text(encoding="utf-8").rstrip("\n")


def ablate(protocol: Protocol, store: Store, out: Path, run: Run, grid: Grid) -> AblationEnd:
    """Run every setting on every fold with every seed, each a cell that can be killed and resumed, and compare.

    ``mc2sleepnet ablate smoke --store STORE --out ablation --folds 1 --seeds 3 --nights 12 --set width=0.25``: one
    split, a dozen training nights. docs/log.md holds what it took and what came out, where it was run.

    Cells that an earlier call finished in `out` are compared too, whichever this call asked for.

    Raises
    ------
    InputError
        For an option, a fold or an `out` that cannot be used; what fails within cells is in the result.
    KeyboardInterrupt
        On Ctrl-C or SIGTERM, with everything saved.
    """
    full = phase_options(protocol, run)
    settings = settings_of(full, grid)
    assert full.pretraining is not None
    folds, _, n_folds = runnable_folds(protocol, store, run.folds)
    seeds = [full.seed + number for number in range(grid.seeds)]

    def cell(setting: Setting, number: int, fold: Fold, seed: int, threads: int) -> Cell:
        return Cell(
            setting=setting.name,
            number=number,
            fold=fold,
            seed=seed,
            pretraining=setting.options.pretraining,
            finetuning=setting.options.finetuning,
            nights=grid.nights,
            labelled_nights=setting.labelled_nights,
            store=store.path.resolve(),
            content_hash=store.content_hash,
            folder=out.resolve() / setting.folder / f"{fold_folder(number)}-seed-{seed}",
            threads=threads,
            exports=False,
        )

    threads = run.where.threads_of_a_cell
    for number, fold in folds.items():
        for setting in settings:
            cell(setting, number, fold, full.seed, threads).check(store)
    manifest: dict[str, Any] = {
        "experiment": "labels" if grid.labelled_nights else "ablation",
        "recipe": protocol.name,
        "store": {"corpus": store.corpus, "content_hash": store.content_hash},
        "preset": run.preset,
        "pretraining": dict(full.pretraining),
        "finetuning": dict(full.finetuning),
        "nights": grid.nights,
    }
    threads = open_grid(out, manifest, threads=threads, resume=run.resume)
    # By seed, then fold, then setting: whenever it is cut off, settings stand beside each other.
    planned = [
        cell(setting, number, fold, seed, threads)
        for seed in seeds
        for number, fold in folds.items()
        for setting in settings
    ]
    outcome = run_grid(planned, run.where, run.step)
    end = AblationEnd(results=None, failures=list(outcome.failures.values()), n_cells=len(planned), out=out)
    known = settings_of(full, _as_wide_as_found(grid, out))
    all_folds = runnable_folds(protocol, store, "")[0] if run.folds else folds
    asked_for = {one.folder for one in planned}
    others = [
        one
        for setting in known
        for number, seed in _finished_in(out / setting.folder)
        if number in all_folds
        and (one := cell(setting, number, all_folds[number], seed, threads)).folder not in asked_for
    ]
    found = [*outcome.results, *finished_among(others, store)]
    compared = [result for setting in known if (result := _of_setting(setting, found)) is not None]
    if not compared:
        return end
    facts = told_facts(store, run, full, found) | {
        "seed": ", ".join(map(str, sorted({result.seed for result in found}))),
        "masking": f"M = {full.pretraining['mask_ratio']:g} is the full setting",
        "folds": f"{', '.join(map(str, sorted({result.number for result in found})))} of {n_folds}",
        "training nights of each fold": grid.nights or "all",
        "cells": f"{len(outcome.results)} of {len(planned)} finished",
    }
    if len(found) > len(outcome.results):
        facts["cells of earlier calls"] = len(found) - len(outcome.results)
    results = AblationResults(
        recipe=protocol.name,
        is_label_study=bool(grid.labelled_nights),
        settings=compared,
        n_unfinished=len(planned) - len(outcome.results),
        is_synthetic=store.is_synthetic,
        facts=facts,
    )
    write_ablation(results, out)
    return replace(end, results=results)


def settings_of(full: PhaseOptions, grid: Grid) -> list[Setting]:
    """Every setting to run.

    Raises
    ------
    InputError
        For options of no full method, or a setting that does not exist.
    """
    if full.pretraining is None:
        raise InputError("--set", "architecture of a rival has nothing to ablate", "Leave architecture out")
    made = label_settings(full, grid.labelled_nights) if grid.labelled_nights else ablation_settings(full)
    return chosen_settings(made, grid.only)


def _as_wide_as_found(grid: Grid, out: Path) -> Grid:
    """All settings; of a label-efficiency study also those of the numbers of nights that earlier calls asked for."""
    if not grid.labelled_nights:
        return replace(grid, only=())
    earlier = {int(match[1]) for path in out.iterdir() if (match := re.search(r"-(\d+)-labelled$", path.name))}
    return replace(grid, only=(), labelled_nights=sorted({*grid.labelled_nights, *earlier}))


def _finished_in(folder: Path) -> list[tuple[int, int]]:
    """Fold and seed of the cells of a setting that have a result, in order."""
    names = (path.parent.name for path in folder.glob(f"*/{RESULT_FILE}"))
    return sorted((int(match[1]), int(match[2])) for name in names if (match := _CELL_FOLDER.fullmatch(name)))


def _of_setting(setting: Setting, results: Sequence[CellResult]) -> SettingResult | None:
    own = [result for result in results if result.setting == setting.name]
    if not own:
        return None
    return SettingResult(
        name=setting.name,
        beside=setting.beside,
        labelled_nights=setting.labelled_nights,
        by_run={(result.number, result.seed): result.recordings for result in own},
        seconds=sum(result.seconds for result in own),
    )
