"""What decides a network's shape and its forward pass: one flat list of named options."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from types import MappingProxyType
from typing import Any, Literal

from mc2sleepnet.core.options import check_choices
from mc2sleepnet.core.smoothing import Smoothing
from mc2sleepnet.model.spectrogram_filter import MARGIN_SAMPLES

PAPER_WIDTH = 128
PAPER_FEED_FORWARD = 1024
PAPER_POOLING = 64
HEADS = 8

# Options that networks of earlier versions do not name, and what those did.
ADDED_LATER: Mapping[str, Any] = MappingProxyType(
    {
        "architecture": "mc2sleepnet",
        "spectrogram_norm": "training",
        "signal_norm": "none",
        "members": 1,
        "spectrogram_filter": "none",
        "cross_memory": "static",
        "prediction_view": "cross",
        "prediction_head": "fusion",
        "statistics_completion": "none",
        "drift": "kept",
        "smoothing": "none",
    }
)
# What decides which of a trained network's answers is asked and what becomes of them, and none of its weights.
PREDICTION_OPTIONS = frozenset({"prediction_view", "prediction_head", "smoothing"})


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """What decides the network's shape and its forward pass. The defaults are the preset ``paper``.

    Attributes
    ----------
    architecture
        ``"mc2sleepnet"``, or a rival: ``"signal_only"`` or ``"spectrogram_only"``, one backbone and its sequence
        stack; ``"concatenated"``, both, joined by the fusion head alone; ``"cnn_lstm"``, TinySleepNet's.
    width
        Scale of every width of the network; 1.0 is the paper's.
    sequence_length
        L, epochs per sequence.
    spectrogram_layers, sequence_layers
        Encoder layers of the spectrogram backbone, and of each sequence stack.
    dropout
        On attention outputs and inside feed-forwards.
    batch_norm_momentum
        Of the raw backbone's running statistics.
    spectrogram_norm
        The views of the spectrogram, joined by ``+``: ``training`` (statistics of the training epochs),
        ``recording`` (the recording's own, per bin), ``gain`` (its own overall level only).
    signal_norm
        ``"none"``: raw µV. ``"recording"``: less the recording's median, in units of its robust deviation.
    statistics_completion
        ``"ridge"``: a recording's own statistics are completed to what a whole night's would be, as parts of the
        training recordings taught it (`core.completion`). ``"ridge+stages"``: short recordings are looked at twice, the
        second time with what the levels of the stages found say of the night (`core.stage_levels`). ``"none"``: taken
        as they are.
    drift
        ``"removed"``: what is slower than any wave that is scored is taken out of each epoch, and out of what the
        recording's statistics are taken from (`core.slow_drift`). ``"kept"``: the signal as it is.
    smoothing
        What becomes of a night's answers when it is scored; no part of training, and the fitted temperature knows it.
        ``"course"``: they are joined by how stages follow one another in real nights (`core.sleep_course`).
        ``"course+spectra"``: and once more, beside what the night's own spectra say of them (`core.own_spectra`).
        ``"none"``: as they come.
    members
        Networks whose answers are averaged; more than one only by joining trained ones (`ensemble`).
    spectrogram_filter
        ``"recording"``: the recording goes through SleepTransformer's band-pass before its spectrogram is made; an
        epoch's filter reads the edges of its neighbours. Only with statistics of the training epochs: a recording's
        own, per bin, undo a filter.
    token_norm
        ``"layer"``: parameter-free LayerNorm on both backbones' tokens. ``"none"``: tokens as they come.
    restoration_layer
        Whether a Linear(D→D), dropped after pre-training, ends the restoration of masked tokens.
    single_view_restarts
        The author's published loop: in pre-training's single-view pass every layer restarts from the input, so
        that only the last one counts.
    cross_memory
        What a stack looks at in the cross view: ``"static"``, the other modality's input tokens at every layer, or
        ``"layerwise"``, what the other stack has made of them by then.
    prediction_view, prediction_head
        Which answer is the prediction: the ``"cross"`` or the ``"single"`` view; the ``"fusion"`` head, or the
        stage head on the ``"signal"`` or the ``"spectrogram"``. Rivals have one answer each and pass over this.
    """

    architecture: Literal["mc2sleepnet", "signal_only", "spectrogram_only", "concatenated", "cnn_lstm"] = "mc2sleepnet"
    width: float = 1.0
    sequence_length: int = 16
    spectrogram_layers: int = 4
    sequence_layers: int = 4
    dropout: float = 0.1
    batch_norm_momentum: float = 0.1
    spectrogram_norm: Literal["training", "recording", "gain", "recording+gain", "recording+gain+training"] = "training"
    signal_norm: Literal["none", "recording"] = "none"
    statistics_completion: Literal["none", "ridge", "ridge+stages"] = "none"
    drift: Literal["kept", "removed"] = "kept"
    smoothing: Smoothing = "none"
    members: int = 1
    spectrogram_filter: Literal["none", "recording"] = "none"
    token_norm: Literal["layer", "none"] = "layer"
    restoration_layer: bool = True
    single_view_restarts: bool = False
    cross_memory: Literal["static", "layerwise"] = "static"
    prediction_view: Literal["cross", "single"] = "cross"
    prediction_head: Literal["fusion", "signal", "spectrogram"] = "fusion"

    def __post_init__(self) -> None:
        check_choices(self)
        if self.spectrogram_filter == "recording" and self.needs_statistics:
            raise ValueError("spectrogram_filter 'recording' needs spectrogram_norm 'training' and signal_norm 'none'")
        if self.statistics_completion != "none" and not self.needs_statistics:
            raise ValueError("statistics_completion needs a spectrogram_norm or signal_norm of the recording's")
        if self.statistics_completion != "none" and self.architecture != "mc2sleepnet":
            raise ValueError("statistics_completion is for architecture 'mc2sleepnet'")
        if self.drift == "removed" and (self.architecture != "mc2sleepnet" or self.spectrogram_filter != "none"):
            raise ValueError("drift 'removed' is for architecture 'mc2sleepnet' with spectrogram_filter 'none'")
        if not 0 < self.width <= 4:
            raise ValueError(f"width must lie in (0, 4], not {self.width}")
        if self.sequence_length < 1 or self.spectrogram_layers < 1 or self.sequence_layers < 1:
            raise ValueError("sequence_length, spectrogram_layers and sequence_layers must be at least 1")
        if self.members < 1 or (self.members > 1 and self.architecture != "mc2sleepnet"):
            raise ValueError(f"members must be at least 1, and 1 for rivals, not {self.members}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must lie in [0, 1), not {self.dropout}")
        if not 0 < self.batch_norm_momentum <= 1:
            raise ValueError(f"batch_norm_momentum must lie in (0, 1], not {self.batch_norm_momentum}")

    @property
    def token_width(self) -> int:
        """D: the paper's 128 scaled, rounded so that the heads divide it."""
        return max(HEADS, HEADS * round(PAPER_WIDTH * self.width / HEADS))

    @property
    def feed_forward(self) -> int:
        """Hidden width of every feed-forward."""
        return max(HEADS, round(PAPER_FEED_FORWARD * self.width))

    @property
    def pooling(self) -> int:
        """Hidden width of the spectrogram backbone's attention pooling."""
        return max(1, round(PAPER_POOLING * self.width))

    @property
    def spectrogram_views(self) -> tuple[str, ...]:
        """Names of the spectrogram's views."""
        return tuple(self.spectrogram_norm.split("+"))

    @property
    def margin_samples(self) -> int:
        """Samples of its neighbours that the network reads on each side of an epoch."""
        return MARGIN_SAMPLES if self.spectrogram_filter == "recording" else 0

    @property
    def needs_statistics(self) -> bool:
        """Whether the network reads the recording's own statistics."""
        return self.signal_norm == "recording" or self.spectrogram_views != ("training",)

    @property
    def removes_drift(self) -> bool:
        """Whether slow drift is taken out of each epoch."""
        return self.drift == "removed"

    def to_json(self) -> dict[str, Any]:
        """Every option by name."""
        return asdict(self)

    @classmethod
    def from_json(cls, options: dict[str, Any]) -> "NetworkConfig":
        """Rebuild from `to_json`, of this or an earlier version; an unknown or missing option is a ValueError."""
        known = {field.name for field in fields(cls)}
        complete = {**ADDED_LATER, **options}
        if set(complete) != known:
            raise ValueError(f"options differ from this version's: {sorted(set(complete) ^ known)}")
        return cls(**complete)
