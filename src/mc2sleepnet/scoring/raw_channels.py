"""Which channel of an MNE Raw to score: by its name, as of a file, and by the types and bad channels MNE knows of."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, Protocol

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.recording import Finding
from mc2sleepnet.signals.channels import Channel, eeg_channels, find_channel
from mc2sleepnet.signals.conditioning import MIN_SAMPLING_HZ
from mc2sleepnet.signals.edf_header import SignalHeader

_EEG: Final = "eeg"
VOLTAGE_TYPES: Final = frozenset({_EEG, "eog", "emg", "ecg", "seeg", "ecog", "dbs", "bio"})
# What MNE's readers give by themselves: EEG to whatever they know nothing of, and this to triggers.
_GIVEN_BY_READERS: Final = frozenset({_EEG, "stim"})
# A unit that is no voltage keeps a signal from being chosen.
_NO_VOLTAGE: Final = "%"


class RawLike(Protocol):
    """What is asked of an ``mne.io.Raw``; MNE itself is not imported."""

    ch_names: list[str]
    info: Any
    annotations: Any
    first_samp: int

    def get_data(self, picks: Any = ...) -> Any:
        """Samples of channels in volts, shape ``[channels, samples]``."""

    def get_channel_types(self) -> list[str]:
        """A word for each channel."""


def files_of(raw: RawLike) -> list[Path]:
    """The files behind a Raw; none where it was made in memory."""
    return [Path(file) for file in getattr(raw, "filenames", ()) if file is not None]


def channel_of_raw(where: Path, raw: RawLike, wanted: str | None) -> tuple[Channel, tuple[Finding, ...]]:
    """Find the channel that is wanted, or the best one.

    The best is the one that would be a file's, among the channels that MNE types as EEG and that are not bad. Where no
    name is that of EEG and somebody has set types, those are believed.

    Parameters
    ----------
    where
        Named in errors.
    raw
        Any Raw.
    wanted
        Name of a channel, bad or not; None for the best one.

    Returns
    -------
    tuple
        The channel; and finding ``channel-passed-over`` where another would have been the first choice by its name.

    Raises
    ------
    InputError
        If there is none, or MNE keeps no volts of it.
    """
    sampling_hz = float(raw.info["sfreq"])
    if sampling_hz < MIN_SAMPLING_HZ:
        fault = f"has {sampling_hz:g} samples a second, of the {MIN_SAMPLING_HZ} that staging needs"
        raise InputError(where, fault, "Give a Raw of a higher rate")
    types, bads = raw.get_channel_types(), set(raw.info["bads"])
    signals = _signals(raw)
    if wanted is not None:
        return _asked_for(where, find_channel(where, signals, wanted), raw.ch_names, types, bads), ()
    why_not = [_why_not(name, kind, bads) for name, kind in zip(raw.ch_names, types, strict=True)]
    fit = [replace(one, unit=_NO_VOLTAGE) if why else one for one, why in zip(signals, why_not, strict=True)]
    channels = eeg_channels(fit) or (_by_type(fit) if _types_tell(raw, types) else [])
    has_volts = [kind in VOLTAGE_TYPES for kind in types]
    volts = [one if has else replace(one, unit=_NO_VOLTAGE) for one, has in zip(signals, has_volts, strict=True)]
    by_name = next(iter(eeg_channels(volts)), None)
    if not channels:
        raise _no_channel(where, raw.ch_names, types, [i for i, one in enumerate(raw.ch_names) if one in bads])
    chosen = channels[0]
    if by_name is None or (by_name.plus, by_name.minus) == (chosen.plus, chosen.minus):
        return chosen, ()
    passed = [place for place in (by_name.plus, by_name.minus) if place is not None and why_not[place]]
    reasons = " and ".join(f"'{raw.ch_names[place]}' {why_not[place]}" for place in passed)
    message = f"channel '{by_name.label}' is the first choice by its name, but {reasons}; '{chosen.label}' was taken"
    return chosen, (Finding(id="channel-passed-over", message=message),)


def _signals(raw: RawLike) -> list[SignalHeader]:
    """Channels in the words of a file's, so that a Raw's channel is the one its file's would be."""
    return [
        SignalHeader(
            label=label,
            unit="V",
            samples_per_record=1,
            first_sample=place,
            sampling_hz=Fraction(float(raw.info["sfreq"])),
            physical_range=(-1.0, 1.0),
            digital_range=(-1, 1),
        )
        for place, label in enumerate(raw.ch_names)
    ]


def _why_not(name: str, kind: str, bads: set[str]) -> str:
    """Why a channel is none to choose, as a clause; "" where it is one."""
    if name in bads:
        return "is marked as bad"
    return "" if kind == _EEG else f"has MNE's type '{kind}'"


def _types_tell(raw: RawLike, types: Sequence[str]) -> bool:
    """Whether somebody has set types; a reader calls breathing and all else EEG, too."""
    return not files_of(raw) or not _GIVEN_BY_READERS.issuperset(types)


def _by_type(fit: Sequence[SignalHeader]) -> list[Channel]:
    """Channels whose type says EEG where no name does; none whose name says something else."""
    told = [replace(signal, label=f"EEG {signal.label}") for signal in fit]
    return [
        replace(channel, label=fit[channel.plus].label, reason="no name is that of EEG; MNE's type of this one is")
        for channel in eeg_channels(told)
        if channel.minus is None
    ]


def _asked_for(where: Path, channel: Channel, names: Sequence[str], types: Sequence[str], bads: set[str]) -> Channel:
    """Refuse what MNE keeps no volts of; of bad channels tell that they were asked for all the same."""
    places = [place for place in (channel.plus, channel.minus) if place is not None]
    for place in places:
        if types[place] not in VOLTAGE_TYPES:
            fault = f"channel '{names[place]}' has MNE's type '{types[place]}', which is none of voltage"
            raise InputError(where, fault, "Correct it with raw.set_channel_types, or choose another with channel=")
    marked = [f"'{names[place]}'" for place in places if names[place] in bads]
    if not marked:
        return channel
    return replace(channel, reason=f"{channel.reason}, though {' and '.join(marked)} is marked as bad")


def _no_channel(where: Path, names: Sequence[str], types: Sequence[str], bad: Sequence[int]) -> InputError:
    listed = [f"'{name}' ({'bad' if place in bad else types[place]})" for place, name in enumerate(names[:40])]
    if len(names) > len(listed):
        listed.append(f"and {len(names) - len(listed)} more")
    fault = "no EEG channel that is not marked as bad" if bad else "no EEG channel"
    return InputError(where, fault, f"Name one with channel=. It has {', '.join(listed) or 'no channels at all'}")
