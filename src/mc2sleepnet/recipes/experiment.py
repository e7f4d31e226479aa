"""What recipes have in common: which folds of which corpus, which options in which phase, where, and how far."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.progress import Step, silent
from mc2sleepnet.corpora.folds import Fold
from mc2sleepnet.model.network import NetworkConfig
from mc2sleepnet.recipes.single_fold import finetuning_stride
from mc2sleepnet.store import Store
from mc2sleepnet.training.finetuning import FinetuneOptions
from mc2sleepnet.training.grid import Where
from mc2sleepnet.training.loop import LoopOptions
from mc2sleepnet.training.presets import build, chosen_options
from mc2sleepnet.training.pretraining import PretrainOptions

PRETRAINING_OPTIONS = (NetworkConfig, PretrainOptions, LoopOptions)
FINETUNING_OPTIONS = (FinetuneOptions, LoopOptions)
PREFIXES = {"pretrain": PRETRAINING_OPTIONS, "finetune": FINETUNING_OPTIONS}


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """A recipe's data and defaults.

    Attributes
    ----------
    name
        As the command line calls it.
    folds_of
        From a store to all of its folds, in order.
    pretraining, finetuning
        Options that differ from the defaults in each phase.
    """

    name: str
    folds_of: Callable[[Store], Sequence[Fold]]
    pretraining: Mapping[str, Any] = field(default_factory=dict)
    finetuning: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """How the user wants an experiment run.

    Attributes
    ----------
    folds
        Such as ``"1-10"`` or ``"1,3,5-7"``; empty for every fold that the store has subjects for.
    preset, assignments
        A preset, and ``key=value`` over it; ``pretrain.key=value`` and ``finetune.key=value`` for one phase.
    resume
        Go on with what is there.
    where
        Workers, cluster, threads.
    step
        Shows how far it is.
    exports
        Whether every fold's network becomes a model folder that `score` takes.
    tell
        Told, before it is done, what is made beside `out`.
    """

    folds: str = ""
    preset: str = "paper"
    assignments: Sequence[str] = ()
    resume: bool = False
    where: Where = field(default_factory=Where)
    step: Step = silent
    exports: bool = True
    tell: Callable[[str], None] = lambda _: None


@dataclass(frozen=True, kw_only=True)
class PhaseOptions:
    """Every option of both phases by name, the seed left out, and the seed. No pre-training: from scratch."""

    pretraining: Mapping[str, Any] | None
    finetuning: Mapping[str, Any]
    seed: int


def phase_options(protocol: Protocol, run: Run) -> PhaseOptions:
    """The preset, the recipe's defaults over it, and the user's choice over both.

    Raises
    ------
    InputError
        For an option or a value that cannot be.
    """
    common: list[str] = []
    own: dict[str, list[str]] = {phase: [] for phase in PREFIXES}
    for assignment in run.assignments:
        prefix, dot, rest = assignment.partition(".")
        if dot and prefix in PREFIXES:
            own[prefix].append(rest)
        else:
            common.append(assignment)
    preset = chosen_options(run.preset, [], PRETRAINING_OPTIONS)
    for_both = chosen_options("paper", common, {*PRETRAINING_OPTIONS, *FINETUNING_OPTIONS})
    chosen = {phase: for_both | chosen_options("paper", own[phase], kinds) for phase, kinds in PREFIXES.items()}
    pretraining = preset | dict(protocol.pretraining) | chosen["pretrain"]
    finetuning = dict(protocol.finetuning) | chosen["finetune"]
    finetuning = finetuning_stride(finetuning) | finetuning
    before = _all_options(PRETRAINING_OPTIONS, pretraining)
    after = _all_options(FINETUNING_OPTIONS, finetuning)
    seed = before.pop("seed")
    if after.pop("seed") != seed:
        raise InputError("--set", "another seed in each phase", "Set seed without a prefix")
    options = PhaseOptions(pretraining=before, finetuning=after, seed=seed)
    return options if before["architecture"] == "mc2sleepnet" else from_scratch(options)


def from_scratch(options: PhaseOptions) -> PhaseOptions:
    """The same network trained from nothing in one phase, as rivals are, with the steps that both phases would have.

    Its loop is pre-training's, which trains backbones too.
    """
    assert options.pretraining is not None
    loop = {field.name for field in fields(LoopOptions)} - {"seed"}
    network = {field.name for field in fields(NetworkConfig)}
    values = {name: value for name, value in options.pretraining.items() if name in loop | network}
    values |= asdict(FinetuneOptions(backbones="trained"))
    steps = options.pretraining["max_steps"], options.finetuning["max_steps"]
    values["max_steps"] = sum(steps) if all(steps) else 0
    return replace(options, pretraining=None, finetuning=values)


def _all_options(kinds: Sequence[type[Any]], values: Mapping[str, Any]) -> dict[str, Any]:
    """Chosen values and defaults, by name."""
    options: dict[str, Any] = {}
    for kind in kinds:
        options |= asdict(build(kind, values))
    return options


def runnable_folds(protocol: Protocol, store: Store, wanted: str) -> tuple[dict[int, Fold], dict[int, str], int]:
    """Folds to run by number, the others with why not, and how many the recipe has.

    Raises
    ------
    InputError
        If a fold that was asked for does not exist or has no subjects in the store, or none can be run.
    """
    folds = protocol.folds_of(store)
    numbers = parse_numbers(wanted, len(folds)) if wanted else range(1, len(folds) + 1)
    present: dict[int, Fold] = {}
    missing: dict[int, str] = {}
    for number, fold in enumerate(folds, start=1):
        if number not in numbers:
            missing[number] = "not asked for"
            continue
        try:
            present[number] = fold.restricted_to(store.subjects)
        except InputError as error:
            if wanted:
                raise
            missing[number] = error.fault
    if not present:
        fault = f"no fold of {protocol.name} has subjects to train, validate and test in this store"
        raise InputError(store.path, fault, "Prepare more of the corpus")
    return present, missing, len(folds)


def parse_numbers(text: str, largest: int) -> list[int]:
    """Numbers from ``"1-3,5"``, each once, in order.

    Raises
    ------
    InputError
        If it says something else, or numbers beyond 1 to `largest`.
    """
    numbers: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise InputError("--folds", f"'{text}' names no folds", "Write them like 1-10 or 1,3,5")
        if not 1 <= int(first) <= largest or int(last or first) > largest:
            raise InputError("--folds", f"'{text}': there are folds 1 to {largest}", "Choose among them")
        numbers |= set(range(int(first), int(last or first) + 1))
    if not numbers:
        raise InputError("--folds", f"'{text}' names no folds", "Write them like 1-10 or 1,3,5")
    return sorted(numbers)


def parse_counts(option: str, text: str) -> list[int]:
    """Whole numbers above 0 from ``"1,2,4"``, each once, in order; none from nothing.

    Raises
    ------
    InputError
        If it says something else.
    """
    parts = [part.strip() for part in text.split(",")] if text else []
    if not all(part.isdecimal() and int(part) for part in parts):
        raise InputError(option, f"'{text}' names no counts", "Write them like 1,2,4")
    return sorted(set(map(int, parts)))


def open_store_of(store: Path, corpus: str) -> Store:
    """A store of a recipe's corpus.

    Raises
    ------
    InputError
        If there is none, or it is of another corpus.
    """
    opened = Store.open(store)
    if opened.corpus != corpus:
        fault = f"is a store of {opened.corpus}, not of {corpus}"
        raise InputError(store, fault, f"Prepare it with `mc2sleepnet prepare {corpus}`, or take another recipe")
    return opened
