"""What an ablation compares: the full method, each part of it taken away, and rivals; or more and fewer labels."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.recipes.experiment import PhaseOptions, from_scratch

FULL = "full"


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One row of an ablation.

    Attributes
    ----------
    name
        For people; `folder` makes a folder's name of it.
    options
        Of both phases.
    labelled_nights
        Training nights whose stages are known; 0 for all.
    beside
        Name of the setting it is tested against.
    """

    name: str
    options: PhaseOptions
    labelled_nights: int = 0
    beside: str = FULL

    @property
    def folder(self) -> str:
        """Of its cells."""
        words = "".join(letter if letter.isalnum() or letter == "." else " " for letter in self.name.lower())
        return "-".join(words.split())


def ablation_settings(full: PhaseOptions) -> list[Setting]:
    """The grid: the full method first. A setting that would be the full one again is left out.

    Rivals, and nothing else, are trained from scratch, with the steps of both phases.
    """
    changes: list[tuple[str, Callable[[PhaseOptions], PhaseOptions]]] = [
        ("no InfoNCE", _pretrained_with(lambda_nce=0.0)),
        ("no masking", _pretrained_with(lambda_recon=0.0)),
        ("masking without the other modality", _pretrained_with(restoration_memory="none")),
        *((f"M = {ratio:g}", _pretrained_with(mask_ratio=ratio)) for ratio in (0.25, 0.5, 0.75)),
        ("unfrozen fine-tuning", _unfrozen),
        ("single-view heads", _pretrained_with(prediction_view="single")),
        ("self-supervised pre-training", _pretrained_with(pretrain_supervision="none")),
        ("rival: raw backbone + sequence encoder", _rival("signal_only")),
        ("rival: spectrogram backbone + sequence encoder", _rival("spectrogram_only")),
        ("rival: both, concatenated", _rival("concatenated")),
        ("rival: CNN + LSTM (TinySleepNet-like)", _rival("cnn_lstm")),
    ]
    settings = [Setting(name=FULL, options=full)]
    for name, change in changes:
        options = change(full)
        if options != full:
            settings.append(Setting(name=name, options=options))
    return settings


def label_settings(full: PhaseOptions, labelled_nights: Sequence[int]) -> list[Setting]:
    """For each number of labelled nights: pre-training on all nights, with stages or without, against scratch.

    Every arm fine-tunes, or trains, on the labelled nights alone; the arms of one number know the same nights. With
    all nights labelled, full and from scratch stand for comparison.
    """
    scratch = from_scratch(full)
    no_stages = _pretrained_with(pretrain_supervision="none")(full)
    settings = [
        Setting(name=FULL, options=full, beside="from scratch"),
        Setting(name="from scratch", options=scratch, beside="from scratch"),
    ]
    for n in labelled_nights:
        alone = f"from scratch, {n} labelled"
        settings += [
            Setting(name=f"joint pre-training, {n} labelled", options=full, labelled_nights=n, beside=alone),
            Setting(
                name=f"self-supervised pre-training, {n} labelled", options=no_stages, labelled_nights=n, beside=alone
            ),
            Setting(name=alone, options=scratch, labelled_nights=n, beside=alone),
        ]
    return settings


def chosen_settings(settings: Sequence[Setting], wanted: Sequence[str]) -> list[Setting]:
    """Those of some names or folders, with what they are tested against; all where none is named.

    Raises
    ------
    InputError
        If there is no such setting.
    """
    if not wanted:
        return list(settings)
    of_name = {name: one for one in settings for name in (one.name, one.folder)}
    unknown = [name for name in wanted if name not in of_name]
    if unknown:
        known = ", ".join(one.folder for one in settings)
        raise InputError("--only", f"no setting '{unknown[0]}'", f"Choose from {known}")
    names = {of_name[name].name for name in wanted}
    names |= {of_name[name].beside for name in wanted}
    return [one for one in settings if one.name in names or one.name == FULL]


def _pretrained_with(**changes: Any) -> Callable[[PhaseOptions], PhaseOptions]:
    def change(full: PhaseOptions) -> PhaseOptions:
        assert full.pretraining is not None
        return replace(full, pretraining={**full.pretraining, **changes})

    return change


def _unfrozen(full: PhaseOptions) -> PhaseOptions:
    # Every step encodes its epochs again: sequences that overlap would cost fourfold.
    assert full.pretraining is not None
    stride = full.pretraining["sequence_stride"]
    return replace(full, finetuning={**full.finetuning, "backbones": "trained", "sequence_stride": stride})


def _rival(architecture: str) -> Callable[[PhaseOptions], PhaseOptions]:
    def change(full: PhaseOptions) -> PhaseOptions:
        return from_scratch(_pretrained_with(architecture=architecture)(full))

    return change
