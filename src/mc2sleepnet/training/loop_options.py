"""Options of the training loop, the same for both phases."""

import math
from dataclasses import dataclass
from typing import Literal

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.options import check_choices
from mc2sleepnet.inference import Aggregation
from mc2sleepnet.training.devices import Device
from mc2sleepnet.training.engine import Compile, FusedAdam
from mc2sleepnet.training.training_signals import Place


@dataclass(frozen=True, kw_only=True)
class LoopOptions:
    """How long and how fast to train; the defaults are those of docs/method.md.

    Attributes
    ----------
    learning_rate, weight_decay
        Of Adam.
    warmup_steps
        Steps over which the learning rate rises linearly from nothing; 0 for none.
    decay
        How the learning rate falls afterwards: ``"none"``, or ``"cosine"``, to nothing at the last step.
    batch_sequences
        Sequences per step, drawn from all training recordings at random.
    sequence_stride
        Epochs between the starts of two training sequences of a recording.
    join_gaps
        Whether a training sequence may go on behind a gap of its recording as if nothing lay between.
    gradient_clip
        Largest norm of the gradient.
    validate_every_steps
        Steps between two validations.
    patience
        Validations without a better figure (macro-F1; the loss, where nothing learns stages) after which training
        stops.
    max_passes
        Sweeps over the training sequences after which training stops in any case.
    max_steps
        The same in steps; 0 for no such limit.
    statistics_window
        What the statistics of `spectrogram_norm` and `signal_norm` are taken from while training: the whole
        ``"recording"``, or a ``"random"`` part: a stretch of 20 min to all of it, or the epochs of some stages, the
        others then being holes. So short and broken recordings are no surprise.
    validation_recordings
        Validation recordings that judge; 0 for all. A sample makes validations of a large corpus cheap.
    scoring_stride
        Epochs between the starts of two sequences when validation nights are scored.
    aggregation
        ``"average"``: an epoch's stage comes from all sequences that hold it. ``"last"``: from the one that ends with
        it, so that the first L−1 epochs of a night are never scored; needs `scoring_stride` 1.
    augmentation
        ``"sleepyco"``: the signals of training epochs are changed at random (`augmentation.augment`), anew in every
        step. Validation and statistics read them as they are.
    augmentation_probability
        That an epoch meets one of the six changes, for each of them.
    precision
        ``"float32"``, or ``"bf16"``: steps under autocast, LayerNorms, spectrogram and losses in float32. Validation
        and scoring are float32 in any case.
    dropout_blocks
        Parts of a batch that draw their dropout each from a generator of its own, so that as many ranks, or fewer, that
        share a batch draw the same numbers.
    device
        ``"auto"``: a GPU where there is one.
    corpus
        Where the training signals lie: ``"device"``, as int16 (2.1 GB for 350,000 epochs), ``"host"``, read from the
        store while steps compute, or ``"auto"``: on a GPU where they fit into its free memory less the reserve. Frozen
        backbones' tokens lie likewise.
    device_reserve_gb
        Memory of a GPU that is kept free for training.
    read_ahead
        Batches that a thread reads ahead from the host; 0 for none.
    compile
        ``"default"`` or ``"reduce-overhead"``: torch compiles backbones and stacks, and in the second way turns the
        stacks into CUDA graphs (the backbones see another number of epochs in nearly every step, and a graph is for
        one). Dropout then comes from torch's own generator, seeded by step and rank, so that several ranks draw other
        numbers than one. ``"none"``, or ``"auto"``: default on a GPU that has a compiler.
    fused_adam
        Whether Adam is one kernel for all parameters: ``"on"``, ``"off"``, or ``"auto"``: on a GPU.
    seed
        Of initialisation, order, masks, dropout and augmentation.
    """

    learning_rate: float = 5e-4
    weight_decay: float = 1e-4
    warmup_steps: int = 0
    decay: Literal["none", "cosine"] = "none"
    batch_sequences: int = 64
    sequence_stride: int = 16
    join_gaps: bool = False
    gradient_clip: float = 1.0
    validate_every_steps: int = 50
    patience: int = 20
    max_passes: int = 100
    max_steps: int = 0
    statistics_window: Literal["recording", "random"] = "recording"
    validation_recordings: int = 0
    scoring_stride: int = 4
    aggregation: Aggregation = "average"
    augmentation: Literal["none", "sleepyco"] = "none"
    augmentation_probability: float = 0.5
    precision: Literal["float32", "bf16"] = "float32"
    dropout_blocks: int = 8
    device: Device = "auto"
    corpus: Place = "auto"
    device_reserve_gb: float = 16.0
    read_ahead: int = 2
    compile: Compile = "auto"
    fused_adam: FusedAdam = "auto"
    seed: int = 42

    def __post_init__(self) -> None:
        check_choices(self)
        for name in ("batch_sequences", "validate_every_steps", "patience", "max_passes", "dropout_blocks"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        for name in ("learning_rate", "gradient_clip"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)}")
        not_negative = ("weight_decay", "warmup_steps", "max_steps", "validation_recordings", "seed")
        for name in (*not_negative, "device_reserve_gb", "read_ahead"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must not be negative, not {getattr(self, name)}")
        if not 0 < self.augmentation_probability <= 1:
            raise ValueError(f"augmentation_probability must lie in (0, 1], not {self.augmentation_probability}")

    def check_against(self, sequence_length: int) -> None:
        """Refuse strides by which sequences would leave epochs out.

        Raises
        ------
        InputError
            If a stride does not lie between 1 and the length of a sequence, or `aggregation` ``"last"`` wants 1.
        """
        if self.aggregation == "last" and self.scoring_stride != 1:
            fault = f"aggregation=last leaves epochs out at scoring_stride={self.scoring_stride}"
            raise InputError("--set", fault, "Add --set scoring_stride=1")
        for name in ("sequence_stride", "scoring_stride"):
            if not 1 <= getattr(self, name) <= sequence_length:
                fault = f"{name}={getattr(self, name)} leaves epochs out between sequences of {sequence_length}"
                raise InputError("--set", fault, f"Choose {name} from 1 to {sequence_length}")
