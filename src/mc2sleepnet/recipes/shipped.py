"""The model in the package: MC2SleepNet taught by synthetic nights alone, no recorded EEG anywhere in its training."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mc2sleepnet.core.progress import Step, silent
from mc2sleepnet.corpora.folds import Fold
from mc2sleepnet.model.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from mc2sleepnet.model.config import NetworkConfig
from mc2sleepnet.model.ensemble import joined
from mc2sleepnet.model.network import MC2SleepNet
from mc2sleepnet.recipes.shipped_card import write_shipped_card
from mc2sleepnet.store import Store
from mc2sleepnet.synth.recorder import RecorderRange
from mc2sleepnet.synth.training_nights import GeneratorSetting
from mc2sleepnet.synth.training_store import write_training_store
from mc2sleepnet.training.calibrate import calibrate
from mc2sleepnet.training.finetune import PHASE, finetune
from mc2sleepnet.training.fold_data import FoldData, figures_of
from mc2sleepnet.training.loop import LoopOptions
from mc2sleepnet.training.model_folder import write_model_folder
from mc2sleepnet.training.pretrain import PretrainOptions, pretrain
from mc2sleepnet.training.provenance import made_by
from mc2sleepnet.training.stager import TorchStager

# Nobody's recorder in training is as far out, and no course of sleep is invented there as often: what is chosen by
# these nights is chosen by how well it reaches beyond the generator's own range.
HELD_OUT_SETTINGS: Mapping[str, GeneratorSetting] = {
    "far": GeneratorSetting(
        recorders=RecorderRange(
            montage=(-0.3, 1.5), centrality=(-0.5, 1.6), flatness=(-0.3, 1.6), gain_sd=0.6, tilt_sd=0.3, dirt=0.6
        )
    ),
    "invented": GeneratorSetting(
        real_course=0.0, arousal_sd=1.2, recorders=RecorderRange(low_pass_hz=(18.0, 30.0), noise_uv=(0.5, 5.0))
    ),
}
NETWORK = NetworkConfig(
    width=0.25, sequence_length=24, spectrogram_norm="recording+gain+training", signal_norm="recording"
)
PRETRAINING = LoopOptions(
    batch_sequences=16,
    sequence_stride=24,
    statistics_window="random",
    learning_rate=1.5e-3,
    warmup_steps=30,
    decay="cosine",
    validate_every_steps=100,
    max_steps=400,
    scoring_stride=8,
)
# Longer fine-tuning raised agreement on synthetic nights and lowered it on a real one (docs/log.md).
FINETUNING = LoopOptions(
    sequence_stride=8, statistics_window="random", validate_every_steps=20, max_steps=60, scoring_stride=8
)


@dataclass(frozen=True, kw_only=True)
class ShippedSize:
    """How much of everything; the defaults made the model in the package."""

    nights: int = 200
    members: int = 3
    held_out_nights: int = 8
    setting: GeneratorSetting = field(default_factory=GeneratorSetting)
    network: NetworkConfig = NETWORK
    pretraining: LoopOptions = PRETRAINING
    finetuning: LoopOptions = FINETUNING
    finetuning_nights: int = 40


def shipped(out: Path, *, seed: int, step: Step = silent, size: ShippedSize | None = None) -> Path:
    """Make the nights, train both phases, calibrate and export; an interrupted run goes on where it stopped.

    Parameters
    ----------
    out
        Folder to write to: ``store``, ``member-0`` and so on, and ``model``, all of them joined.
    seed
        Of nights and training.
    step
        Makes a progress bar for a step of the given name.
    size
        How much of everything; None for the default.

    Returns
    -------
    Path
        The model folder.
    """
    size = size or ShippedSize()
    settings = {"train": (size.setting, size.nights)}
    settings |= {name: (setting, size.held_out_nights) for name, setting in HELD_OUT_SETTINGS.items()}
    with step("synthetic nights") as advance:
        write_training_store(out / "store", settings, seed=seed, progress=advance)
    data = training_data(out / "store")
    runs = [out / f"member-{index}" for index in range(size.members)]
    for index, run in enumerate(runs):
        pretrain(
            data,
            run / "pretrain",
            network=size.network,
            options=PretrainOptions(),
            loop=replace(size.pretraining, seed=seed + index),
            resume=True,
            step=step,
        )
        loop = replace(size.finetuning, seed=seed + index)
        few = training_data(out / "store", nights=size.finetuning_nights)
        finetune(few, run / "pretrain", run / "model", loop=loop, resume=True, step=step)
    model = join_runs(data, [run / "model" for run in runs], out / "model", loop=size.finetuning, step=step)
    write_shipped_card(model, seed=seed)
    return model


def join_runs(data: FoldData, runs: Sequence[Path], out: Path, *, loop: LoopOptions, step: Step = silent) -> Path:
    """Join fine-tuned networks into one model, calibrate it on the validation nights and export it."""
    members = [load_checkpoint(run) for run in runs]
    networks = [member.network for member in members if isinstance(member.network, MC2SleepNet)]
    ensemble = joined(networks)
    stager = TorchStager(ensemble)
    with step("validating the ensemble") as advance:
        tokens = data.encode(stager, data.validation, advance)
    figures = figures_of(*data.judge(stager, tokens, stride=loop.scoring_stride))
    provenance = members[0].provenance | made_by()
    provenance |= {
        "network": ensemble.config.to_json(),
        "best": {"step": 0, **figures},
        "members": [member.provenance for member in members],
    }
    checkpoint = Checkpoint(network=ensemble, phase=PHASE, is_synthetic=True, provenance=provenance)
    save_checkpoint(checkpoint, out)
    write_model_folder(load_checkpoint(out), calibrate(data, stager, tokens, loop), out)
    return out


def training_data(store_dir: Path, *, nights: int | None = None) -> FoldData:
    """Train on the generator's own range, on all of its nights or some; validate on the held-out settings."""
    store = Store.open(store_dir)
    train = tuple(subject for subject in store.subjects if subject.startswith("train-"))[:nights]
    validation = tuple(subject for subject in store.subjects if not subject.startswith("train-"))
    return FoldData(store=store, fold=Fold(name="held-out settings", train=train, validation=validation, test=()))
