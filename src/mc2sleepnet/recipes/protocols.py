"""The protocols that `crossval` runs, one function each: command, time, and what to expect."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.corpora.folds import Fold, seeded_folds
from mc2sleepnet.corpora.prepare import prepare
from mc2sleepnet.corpora.splits import folds_of, refuse_few_subjects
from mc2sleepnet.recipes.ablation import AblationEnd, Grid, ablate, settings_of
from mc2sleepnet.recipes.crossval import CrossvalEnd, crossval
from mc2sleepnet.recipes.experiment import Protocol, Run, open_store_of, parse_numbers, phase_options
from mc2sleepnet.store import Store
from mc2sleepnet.synth.cohort import write_cohort
from mc2sleepnet.training.grid import refuse_taken

SMOKE_SUBJECTS, SMOKE_HOURS, SMOKE_FOLDS, SMOKE_SEED = 8, 2.0, 4, 42


def sleep_edf_78(store: Path, out: Path, run: Run) -> CrossvalEnd:
    """Sleep-EDF-78: ten subject-wise folds of 153 nights, as SleePyCo published them.

    ``mc2sleepnet crossval sleep-edf-78 --store store --out crossval-78``. At the paper's width a pass over a fold's
    training epochs takes most of an hour on two cores: this one is for a GPU or a cluster (``--cluster``).

    Expected: not known yet, for want of the recordings. The authors publish an accuracy of 84.6 % for their code.
    """
    return crossval(SLEEP_EDF_78, open_store_of(store, "sleep-edf-78"), out, run)


def sleep_edf_20(store: Path, out: Path, run: Run) -> CrossvalEnd:
    """Sleep-EDF-20: twenty folds, each leaves one subject out; four others, our choice, validate.

    ``mc2sleepnet crossval sleep-edf-20 --store store --out crossval-20``. About a fifth of Sleep-EDF-78's time a fold.

    Expected: not known yet, for want of the recordings.
    """
    return crossval(SLEEP_EDF_20, open_store_of(store, "sleep-edf-20"), out, run)


def shhs(store: Path, out: Path, run: Run) -> CrossvalEnd:
    """SHHS, first visit: one split by recording, run as a single fold.

    ``mc2sleepnet crossval shhs --store store --out shhs``. Thirty times the epochs of Sleep-EDF-78: for a GPU.

    Expected: not known yet, for want of the recordings; the split matches the published counts, not the published
    members, which could not be had. The authors publish an accuracy of 88.6 % for their code.
    """
    return crossval(SHHS, open_store_of(store, "shhs"), out, run)


def smoke(store: Path, out: Path, run: Run) -> CrossvalEnd:
    """Four folds with a small budget, over the subjects of any store: does everything work here?

    ``mc2sleepnet crossval smoke --store store --out smoke``. Where `store` is not there yet, eight synthetic nights
    of two hours are written and prepared into it first. Two to four minutes on two cores.

    Expected: κ 0.4 to 0.7 on its own synthetic nights; the figures mean nothing but that it learns.
    """
    return crossval(SMOKE, smoke_store(store, out, run), out, run)


def ablation(recipe: str, store: Path, out: Path, run: Run, grid: Grid) -> AblationEnd:
    """The grid of `ablate` under any protocol; see `mc2sleepnet.recipes.ablation.ablate` for command and time."""
    protocol = PROTOCOLS[recipe]
    settings_of(phase_options(protocol, run), grid)  # what is wrong with the call is told before a store is made
    opened = smoke_store(store, out, run) if protocol is SMOKE else open_store_of(store, recipe)
    return ablate(protocol, opened, out, run, grid)


def smoke_store(store: Path, out: Path, run: Run) -> Store:
    """A store of any corpus; where there is none, one of a small synthetic cohort, made now after it was told.

    A call that is wrong in itself makes none, and one that is broken off leaves none.

    Raises
    ------
    InputError
        For a store, an option, a fold or an `out` that cannot be used.
    """
    if store.exists():
        return Store.open(store)
    phase_options(SMOKE, run)
    if run.folds:
        parse_numbers(run.folds, SMOKE_FOLDS)
    refuse_taken(out, resume=run.resume)
    if store.resolve().is_relative_to(out.resolve()):
        raise InputError(out, "the store would be made in it", "Choose another --out")
    run.tell(
        f"{store}: there is no store here. One of {SMOKE_SUBJECTS} synthetic nights is made there now; to use nights "
        "of your own, stop this and name their store."
    )
    store.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=store.parent, prefix="cohort-") as folder:
        cohort, made = Path(folder) / "cohort", Path(folder) / "store"
        with run.step("synthetic nights") as advance:
            write_cohort(
                cohort, subjects=SMOKE_SUBJECTS, nights=1, seed=SMOKE_SEED, hours=SMOKE_HOURS, progress=advance
            )
        with run.step("preparing") as advance:
            prepare("sleep-edf-20", cohort, made, progress=advance)
        made.replace(store)
    return Store.open(store)


def _smoke_folds(store: Store) -> Sequence[Fold]:
    refuse_few_subjects(store)
    n_folds = min(SMOKE_FOLDS, len(store.subjects))
    return seeded_folds(store.subjects, n_folds=n_folds, seed=SMOKE_SEED)


SLEEP_EDF_78 = Protocol(name="sleep-edf-78", folds_of=folds_of)
SLEEP_EDF_20 = Protocol(name="sleep-edf-20", folds_of=folds_of)
SHHS = Protocol(name="shhs", folds_of=folds_of)
SMOKE = Protocol(
    name="smoke",
    folds_of=_smoke_folds,
    pretraining={
        "width": 0.25,
        "learning_rate": 1e-3,
        "batch_sequences": 16,
        "validate_every_steps": 20,
        "max_steps": 60,
    },
    finetuning={"validate_every_steps": 20, "max_steps": 80, "patience": 4},
)

PROTOCOLS: Mapping[str, Protocol] = MappingProxyType(
    {protocol.name: protocol for protocol in (SLEEP_EDF_78, SLEEP_EDF_20, SHHS, SMOKE)}
)
CROSSVALS: Mapping[str, Callable[[Path, Path, Run], CrossvalEnd]] = MappingProxyType(
    {"sleep-edf-78": sleep_edf_78, "sleep-edf-20": sleep_edf_20, "shhs": shhs, "smoke": smoke}
)
