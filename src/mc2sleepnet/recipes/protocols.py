"""The protocols that `crossval` runs, one function each: command, time, and what to expect."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from mc2sleepnet.core.progress import Step
from mc2sleepnet.corpora.folds import Fold, seeded_folds
from mc2sleepnet.corpora.prepare import prepare
from mc2sleepnet.corpora.splits import folds_of
from mc2sleepnet.recipes.ablation import AblationEnd, Grid, ablate
from mc2sleepnet.recipes.crossval import CrossvalEnd, crossval
from mc2sleepnet.recipes.experiment import Protocol, Run, open_store_of
from mc2sleepnet.store import Store
from mc2sleepnet.synth.cohort import write_cohort

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
    return crossval(SMOKE, smoke_store(store, run.step), out, run)


def ablation(recipe: str, store: Path, out: Path, run: Run, grid: Grid) -> AblationEnd:
    """The grid of `ablate` under any protocol; see `mc2sleepnet.recipes.ablation.ablate` for command and time."""
    opened = smoke_store(store, run.step) if recipe == SMOKE.name else open_store_of(store, recipe)
    return ablate(PROTOCOLS[recipe], opened, out, run, grid)


def smoke_store(store: Path, step: Step) -> Store:
    """A store of any corpus; where there is none, one of a small synthetic cohort, made now."""
    if store.exists():
        return Store.open(store)
    store.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=store.parent, prefix="cohort-") as cohort:
        with step("synthetic nights") as advance:
            write_cohort(
                Path(cohort), subjects=SMOKE_SUBJECTS, nights=1, seed=SMOKE_SEED, hours=SMOKE_HOURS, progress=advance
            )
        with step("preparing") as advance:
            prepare("sleep-edf-20", Path(cohort), store, progress=advance)
    return Store.open(store)


def _smoke_folds(store: Store) -> Sequence[Fold]:
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
