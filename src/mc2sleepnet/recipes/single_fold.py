"""One phase on one fold, as the verbs `pretrain` and `finetune` run it."""

from collections.abc import Sequence
from pathlib import Path

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.model_folder import CALIBRATION_FILE, CONFIG_FILE
from mc2sleepnet.core.progress import Step, silent
from mc2sleepnet.corpora.folds import corpus_folds
from mc2sleepnet.model.checkpoint import load_checkpoint
from mc2sleepnet.model.network import NetworkConfig
from mc2sleepnet.store import Store
from mc2sleepnet.training.finetune import finetune
from mc2sleepnet.training.fold_data import FoldData
from mc2sleepnet.training.loop import LoopOptions, TrainingResult
from mc2sleepnet.training.presets import PRESETS, build, chosen_options
from mc2sleepnet.training.pretrain import PretrainOptions, pretrain
from mc2sleepnet.training.resume import has_resume

# Fine-tuning's sequences cost little, because every epoch is encoded once: they may overlap.
FINETUNING_STRIDE = 4


def pretrain_fold(
    store: Path, out: Path, *, fold: int, preset: str, assignments: Sequence[str], resume: bool, step: Step = silent
) -> str:
    """Pre-train on one fold of a store's corpus; a line that says how it ended.

    Raises
    ------
    InputError
        For an option, a fold or a store that cannot be used, or a run that is there already.
    """
    values = chosen_options(preset, assignments, (NetworkConfig, PretrainOptions, LoopOptions))
    refuse_to_overwrite(out, resume=resume)
    data = open_fold(store, fold)
    result = pretrain(
        data,
        out,
        network=build(NetworkConfig, values),
        options=build(PretrainOptions, values),
        loop=build(LoopOptions, values),
        resume=resume,
        step=step,
    )
    return _ending(result, out, data)


def finetune_fold(
    store: Path,
    start: Path,
    out: Path,
    *,
    fold: int,
    preset: str | None,
    assignments: Sequence[str],
    resume: bool,
    step: Step = silent,
) -> str:
    """Fine-tune on one fold of a store's corpus; a line that says how it ended.

    Raises
    ------
    InputError
        For an option, a fold, a store or a start that cannot be used, or a run that is there already.
    """
    values = {"sequence_stride": FINETUNING_STRIDE} | chosen_options(preset or "paper", assignments, (LoopOptions,))
    if preset is not None:
        _check_preset(start, preset)
    loop = build(LoopOptions, values)
    refuse_to_overwrite(out, resume=resume)
    data = open_fold(store, fold)
    return _ending(finetune(data, start, out, loop=loop, resume=resume, step=step), out, data)


def _check_preset(start: Path, preset: str) -> None:
    """Fine-tuning has no options of its own in any preset; it must not be asked for another than its start's."""
    wanted = build(NetworkConfig, chosen_options(preset, [], (NetworkConfig,))).to_json()
    found = load_checkpoint(start).network.config.to_json()
    differing = [name for name in PRESETS["author_code"] if name in wanted and wanted[name] != found[name]]
    if differing:
        fault = f"was not pre-trained with the preset {preset}: {', '.join(differing)} differ"
        raise InputError(start, fault, "Leave --preset out, or start from another run")


def open_fold(store: Path, number: int) -> FoldData:
    """A store, and the fold of its corpus with that number, as far as its subjects are there."""
    opened = Store.open(store)
    fold_of, _ = corpus_folds(opened.corpus)
    return FoldData(store=opened, fold=fold_of(number).restricted_to(opened.subjects))


def refuse_to_overwrite(out: Path, *, resume: bool) -> None:
    """A finished or interrupted run, and a model without its run, are never overwritten by mistake."""
    is_run, is_model = has_resume(out), (out / CALIBRATION_FILE).exists()
    if is_model and not is_run:
        raise InputError(out, "a model is here already", "Choose another --out")
    if not resume and (is_run or (out / CONFIG_FILE).exists()):
        raise InputError(out, "a run is here already", "Go on with --resume, or choose another --out")


def _ending(result: TrainingResult, out: Path, data: FoldData) -> str:
    synthetic = ", synthetic data" if data.store.is_synthetic else ""
    return (
        f"fold {data.fold.name}: {result.steps} steps, ended by {result.ended_by}; best macro-F1 on the validation "
        f"subjects {result.best_macro_f1:.3f} at step {result.best_step}{synthetic}\nrun: {out}"
    )
