"""The demo: the whole way on synthetic nights."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mc2sleepnet.core.files import write_text_atomically
from mc2sleepnet.core.model_folder import file_sha256, open_model_folder
from mc2sleepnet.core.progress import Step, silent
from mc2sleepnet.corpora.folds import Fold, seeded_fold
from mc2sleepnet.corpora.prepare import prepare
from mc2sleepnet.evaluation.held_out import HeldOutAgreement, agree_on_held_out
from mc2sleepnet.evaluation.tables import agreement_text, agreements_text
from mc2sleepnet.metrics.agreement import kappa
from mc2sleepnet.metrics.intervals import bootstrap_over_subjects
from mc2sleepnet.model.network import NetworkConfig
from mc2sleepnet.recipes.single_fold import FINETUNING_STRIDE
from mc2sleepnet.report.experiment import experiment_report
from mc2sleepnet.scoring.engine import OpenVinoStager
from mc2sleepnet.scoring.night import score_recording
from mc2sleepnet.scoring.outputs import REPORT_FILE, save_night
from mc2sleepnet.signals import read_epochs
from mc2sleepnet.store import Store
from mc2sleepnet.synth.cohort import write_cohort
from mc2sleepnet.training.finetune import finetune
from mc2sleepnet.training.fold_data import FoldData
from mc2sleepnet.training.loop import LoopOptions
from mc2sleepnet.training.pretrain import pretrain
from mc2sleepnet.training.pretraining import PretrainOptions
from mc2sleepnet.training.watching import METRICS_FILE

BOOTSTRAP_RESAMPLES = 2000


@dataclass(frozen=True, kw_only=True)
class DemoResult:
    """What the demo found, and where it is."""

    agreement: HeldOutAgreement
    kappa_interval: tuple[float, float]
    n_test_subjects: int
    report: Path
    model: Path
    night: Path

    def to_text(self) -> str:
        """The figures, that they are synthetic, and the paths."""
        ours, *baselines = self.agreement.pooled.items()
        low, high = self.kappa_interval
        margins = ", ".join(f"{ours[1].kappa - other.kappa:+.3f} over {name}" for name, other in baselines)
        return "\n".join(
            [
                agreement_text(ours[1]),
                "",
                agreements_text(self.agreement.pooled),
                "",
                f"κ {ours[1].kappa:.3f}, 95 % interval over {self.n_test_subjects} subjects {low:.3f} to {high:.3f}; "
                f"{margins}",
                "All figures are from synthetic data: they show that everything works, not how well it scores people.",
                f"report  {self.report}",
                f"model   {self.model}",
                f"night   {self.night}",
            ]
        )


DEMO_PRETRAINING = LoopOptions(batch_sequences=20, validate_every_steps=30, max_steps=120, learning_rate=1e-3)
DEMO_FINETUNING = LoopOptions(sequence_stride=FINETUNING_STRIDE, validate_every_steps=25, max_steps=150, patience=4)


@dataclass(frozen=True, kw_only=True)
class DemoSize:
    """How much of everything the demo uses: the full network, narrow, on a few nights."""

    subjects: int = 20
    validation: int = 3
    test: int = 5
    hours: float | None = None
    width: float = 0.25
    pretraining: LoopOptions = DEMO_PRETRAINING
    finetuning: LoopOptions = DEMO_FINETUNING


def demo(out: Path, *, seed: int, step: Step = silent, size: DemoSize | None = None) -> DemoResult:
    """The whole way on synthetic nights: files, store, both phases, evaluation, one scored night, a report.

    Run with ``mc2sleepnet demo``; about four minutes on two cores. An interrupted demo goes on where it stopped.

    Parameters
    ----------
    out
        Folder to write everything to.
    seed
        Of the nights, the split and the training: the same seed gives the same figures.
    step
        Makes a progress bar for a step of the given name.
    size
        How much of everything; None for the default.

    Raises
    ------
    InputError
        If `out` holds something else than an earlier demo of this seed.
    """
    size = size or DemoSize()
    cohort, store_dir = out / "cohort", out / "store"
    with step("synthetic nights") as advance:
        recordings = write_cohort(
            cohort, subjects=size.subjects, nights=1, seed=seed, hours=size.hours, progress=advance
        )
    with step("preparing") as advance:
        prepare("sleep-edf-20", cohort, store_dir, progress=advance)
    store = Store.open(store_dir)
    fold = seeded_fold(store.subjects, n_validation=size.validation, n_test=size.test, seed=seed)
    data = FoldData(store=store, fold=fold)
    pretrain(
        data,
        out / "pretrain",
        network=NetworkConfig(width=size.width),
        options=PretrainOptions(),
        loop=replace(size.pretraining, seed=seed),
        resume=True,
        step=step,
    )
    finetune(data, out / "pretrain", out / "model", loop=replace(size.finetuning, seed=seed), resume=True, step=step)
    model = open_model_folder(out / "model")
    stager = OpenVinoStager(model)
    with step("evaluating") as advance:
        found = agree_on_held_out(
            stager,
            store,
            train=fold.train,
            test=fold.test,
            stride=model.calibration.scoring_stride,
            aggregation=model.calibration.aggregation,
            progress=advance,
        )
    interval = bootstrap_over_subjects(found.subject_confusions, kappa, n=BOOTSTRAP_RESAMPLES, seed=seed)
    with step("scoring a night") as advance:
        psg = _recording_of(recordings, store, fold)
        folder = out / "scored" / psg.stem
        origin = {"file": psg.name, "sha256": file_sha256(psg)}
        save_night(score_recording(read_epochs(psg), model, stager, origin=origin), folder)
        advance(1, 1, psg.name)
    result = DemoResult(
        agreement=found,
        kappa_interval=interval,
        n_test_subjects=len(fold.test),
        report=out / "report.html",
        model=model.path,
        night=folder / REPORT_FILE,
    )
    _write_demo_report(result, data, out, seed)
    return result


def _write_demo_report(result: DemoResult, data: FoldData, out: Path, seed: int) -> None:
    fold, store = data.fold, data.store
    sides = {"train": fold.train, "validation": fold.validation, "test": fold.test}
    figures = {
        "is_synthetic": True,
        "seed": seed,
        "test_subjects": list(fold.test),
        "kappa_interval": result.kappa_interval,
        "agreement": {name: agreement.to_json() for name, agreement in result.agreement.pooled.items()},
        "per_recording": {name: agreement.to_json() for name, agreement in result.agreement.per_recording},
    }
    write_text_atomically(out / "figures.json", json.dumps(figures, indent=1) + "\n")
    curves = {
        name: [json.loads(row) for row in (out / folder / METRICS_FILE).read_text(encoding="utf-8").splitlines()]
        for name, folder in (("Pre-training", "pretrain"), ("Fine-tuning", "model"))
    }
    page = experiment_report(
        title="MC2SleepNet demo",
        lead="A network trained from nothing on synthetic nights and judged on synthetic subjects it has never met, "
        "beside what the most frequent stage and a regression on band power reach on the same epochs.",
        agreements=result.agreement.pooled,
        per_recording=result.agreement.per_recording,
        curves=curves,
        facts={
            "seed": str(seed),
            "epochs in the store": f"{store.n_epochs:,}",
            **{f"{side} subjects": ", ".join(subjects) for side, subjects in sides.items()},
            "κ, 95 % interval over subjects": " to ".join(f"{bound:.3f}" for bound in result.kappa_interval),
        },
        night_links=[(result.night.parent.name, result.night.relative_to(out).as_posix())],
        is_synthetic=True,
    )
    write_text_atomically(result.report, page)


def _recording_of(recordings: Sequence[Path], store: Store, fold: Fold) -> Path:
    """The file of the first test subject's first recording."""
    first = store.recordings[store.recordings_of(fold.test)[0]]
    return next(path for path in recordings if path.name.startswith(first.name[:6]))
