"""One phase on one fold, as the verbs `pretrain` and `finetune` run it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.model_folder import CALIBRATION_FILE, COMPLETION_FILE, CONFIG_FILE, WEIGHTS_FILE
from mc2sleepnet.core.progress import Step, silent
from mc2sleepnet.core.run_record import RUN_FILE, recorded
from mc2sleepnet.corpora import folds_of
from mc2sleepnet.model.checkpoint import load_checkpoint
from mc2sleepnet.model.network import NetworkConfig
from mc2sleepnet.store import Store
from mc2sleepnet.training.devices import joined_ranks
from mc2sleepnet.training.finetune import begin, finetune, stages_already
from mc2sleepnet.training.finetuning import FinetuneOptions
from mc2sleepnet.training.fold_data import FoldData
from mc2sleepnet.training.kept_tokens import is_token_folder
from mc2sleepnet.training.loop import LoopOptions, TrainingResult
from mc2sleepnet.training.presets import PRESETS, build, chosen_options
from mc2sleepnet.training.pretrain import check_pretraining, fingerprint_of, pretrain
from mc2sleepnet.training.pretraining import PretrainOptions
from mc2sleepnet.training.resume import has_resume, refuse_other_run
from mc2sleepnet.training.watching import METRICS_FILE, TENSORBOARD_FOLDER

# Of fine-tuning's sequences where they cost little, because every epoch is encoded once: they may overlap.
FINETUNING_STRIDE = 4
# Where the start stages already: a few nights of a laboratory teach it within tens of steps, and unteach it, so half of
# what it knew stays. Chosen by synthetic laboratories (docs/log.md, 2026-11-29).
ADAPTING: Mapping[str, Any] = MappingProxyType({"start_share": 0.5, "validate_every_steps": 10, "patience": 5})


def pretrain_fold(
    store: Path, out: Path, *, fold: int, preset: str, assignments: Sequence[str], resume: bool, step: Step = silent
) -> str:
    """Pre-train on one fold of a store's corpus; a line that says how it ended (of several ranks, the first says it).

    Raises
    ------
    InputError
        For an option, a fold or a store that cannot be used, or a run that is there already.
    """
    values = chosen_options(preset, assignments, (NetworkConfig, PretrainOptions, LoopOptions))
    refuse_to_overwrite(out, resume=resume)
    options = build(PretrainOptions, values)
    network, loop = build(NetworkConfig, values), build(LoopOptions, values)
    needs_stages = options.pretrain_supervision == "stages"
    data = open_fold(store, fold, needs_stages=needs_stages, validation_recordings=loop.validation_recordings)
    check_pretraining(network, options, loop)
    if resume:
        refuse_other_run(out, fingerprint_of(data, network, options, loop))
    told = _options_told(fold, network, options, loop)
    with recorded(out, "pretrain", told) as record, joined_ranks(loop.device) as ranks:
        shown = step if ranks.is_first else silent
        result = pretrain(data, out, network=network, options=options, loop=loop, resume=resume, step=shown)
        record.tell(ending=asdict(result))
    return _ending(result, out, data) if ranks.is_first else ""


def finetune_fold(
    store: Path,
    start: Path | None,
    out: Path,
    *,
    fold: int,
    preset: str | None,
    assignments: Sequence[str],
    resume: bool,
    step: Step = silent,
) -> str:
    """Fine-tune on one fold of a store's corpus, or train from scratch there; a line that says how it ended.

    Without a `start` the assignments must say ``from_scratch=true``, and any option of the network may be set.

    Raises
    ------
    InputError
        For an option, a fold, a store or a start that cannot be used, or a run that is there already.
    """
    known = (Scratch, FinetuneOptions, LoopOptions, NetworkConfig)
    # A preset's network is that of its start.
    values = chosen_options(preset if start is None and preset else "paper", assignments, known)
    from_scratch = build(Scratch, values).from_scratch
    if from_scratch is not (start is None):
        fault = "names a network to start from, and from_scratch too" if start else "no network to start from"
        raise InputError("--from", fault, "Name a run that `pretrain` wrote, or else --set from_scratch=true")
    if start is not None and preset is not None:
        _check_preset(start, preset)
    if from_scratch:
        values = {"backbones": "trained"} | values
    values = {**finetuning_stride(values), **adapting(start), **values}
    loop, options = build(LoopOptions, values), build(FinetuneOptions, values)
    build(NetworkConfig, values)
    network = {field.name: values[field.name] for field in fields(NetworkConfig) if field.name in values}
    refuse_to_overwrite(out, resume=resume)
    data = open_fold(store, fold, validation_recordings=loop.validation_recordings)
    beginning = begin(data, start, out, loop=loop, options=options, network=network)
    if resume:
        refuse_other_run(out, beginning.fingerprint)
    told = {"from": None if start is None else str(start), **network, **_options_told(fold, options, loop)}
    with recorded(out, "finetune", told) as record, joined_ranks(loop.device) as ranks:
        shown = step if ranks.is_first else silent
        result = finetune(data, start, out, loop=loop, options=options, network=network, resume=resume, step=shown)
        record.tell(ending=asdict(result))
    return _ending(result, out, data) if ranks.is_first else ""


def finetuning_stride(values: Mapping[str, Any]) -> dict[str, int]:
    """The stride by name, where every epoch is encoded once; where it is encoded in every step, the loop's own."""
    is_encoded_once = values.get("backbones", "frozen") == "frozen" and values.get("augmentation", "none") == "none"
    return {"sequence_stride": FINETUNING_STRIDE} if is_encoded_once else {}


def adapting(start: Path | None) -> Mapping[str, Any]:
    """`ADAPTING` where the start has learned stages; nothing for a pre-trained network or none."""
    return ADAPTING if start is not None and stages_already(load_checkpoint(start)) else {}


@dataclass(frozen=True, kw_only=True)
class Scratch:
    """Whether a network is trained from nothing, as rivals are: said aloud, so that no start is forgotten."""

    from_scratch: bool = False


def _check_preset(start: Path, preset: str) -> None:
    """Fine-tuning has no options of its own in any preset; it must not be asked for another than its start's."""
    wanted = build(NetworkConfig, chosen_options(preset, [], (NetworkConfig,))).to_json()
    found = load_checkpoint(start).network.config.to_json()
    differing = [name for name in PRESETS["author_code"] if name in wanted and wanted[name] != found[name]]
    if differing:
        fault = f"was not pre-trained with the preset {preset}: {', '.join(differing)} differ"
        raise InputError(start, fault, "Leave --preset out, or start from another run")


def _options_told(fold: int, *options: Any) -> dict[str, Any]:
    """Every option by name, for the run's record."""
    return {"fold": fold} | {name: value for one in options for name, value in asdict(one).items()}


def open_fold(store: Path, number: int, *, needs_stages: bool = True, validation_recordings: int = 0) -> FoldData:
    """A store, and the fold of its corpus with that number, as far as its subjects are there."""
    opened = Store.open(store)
    folds = folds_of(opened)
    if not 1 <= number <= len(folds):
        raise InputError(f"fold {number}", f"{opened.corpus} has folds 1 to {len(folds)}", "Choose one of them")
    return FoldData(
        store=opened,
        fold=folds[number - 1].restricted_to(opened.subjects),
        needs_stages=needs_stages,
        validation_recordings=validation_recordings,
    )


def refuse_to_overwrite(out: Path, *, resume: bool) -> None:
    """A finished or interrupted run, a model without its run, and what no run wrote, are never overwritten.

    Of hidden files no notice is taken: no run reads them.

    Raises
    ------
    InputError
        If one of them is in `out`, but a run that `resume` wants to go on with.
    """
    if out.exists() and not out.is_dir():
        raise InputError(out, "is a file", "Choose another --out")
    is_run, is_model = has_resume(out), (out / CALIBRATION_FILE).exists()
    if is_model and not is_run:
        raise InputError(out, "a model is here already", "Choose another --out")
    if not resume and (is_run or (out / CONFIG_FILE).exists()):
        raise InputError(out, "a run is here already", "Go on with --resume, or choose another --out")
    others = [] if is_run else sorted(path.name for path in out.glob("[!.]*") if not _is_of_run(path))
    if others:
        raise InputError(out, f"holds {others[0]}, which no run wrote", "Choose another --out")


def _is_of_run(path: Path) -> bool:
    """Whether a run that was killed before its first `resume.pt` may have left this."""
    if path.name == CONFIG_FILE:
        return '"weights_sha256"' in path.read_text(encoding="utf-8", errors="replace")
    names = {RUN_FILE, METRICS_FILE, TENSORBOARD_FOLDER, WEIGHTS_FILE, COMPLETION_FILE}
    return path.name in names or is_token_folder(path)


def _ending(result: TrainingResult, out: Path, data: FoldData) -> str:
    synthetic = ", synthetic data" if data.store.is_synthetic else ""
    figure = {"macro_f1": "macro-F1", "loss": "loss"}[result.judged_by]
    start = "" if result.best_step else ", which is the start: no step was better, and it is kept"
    absent = f"\nno training epoch is {' or '.join(data.absent_stages)}" if data.absent_stages else ""
    return (
        f"fold {data.fold.name}: {result.steps} steps, ended by {result.ended_by}; best {figure} on the validation "
        f"subjects {result.best_figure:.3f} at step {result.best_step}{start}{synthetic}{absent}\nrun: {out}"
    )
