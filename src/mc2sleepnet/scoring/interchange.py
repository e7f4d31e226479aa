"""Nights to and from MNE and YASA, which are needed here alone."""

from collections.abc import Collection
from datetime import UTC, timedelta
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.recording import Finding, Recording, Source
from mc2sleepnet.core.stages import EPOCH_S, N1, N2, N3, UNSCORED, R, W
from mc2sleepnet.signals.channels import choose_channel, find_channel
from mc2sleepnet.signals.doubts import settle
from mc2sleepnet.signals.edf_header import SignalHeader
from mc2sleepnet.signals.lights import lights_of
from mc2sleepnet.signals.quality import ConverterStatistics
from mc2sleepnet.signals.units import check_voltage, deviations, judge_unit

if TYPE_CHECKING:
    import mne
    import yasa

    from mc2sleepnet.scoring.night import ScoredNight

YASA_NAMES = {W: "WAKE", N1: "N1", N2: "N2", N3: "N3", R: "REM", UNSCORED: "UNS"}
MNE_NAMES = {W: "W", N1: "1", N2: "2", N3: "3", R: "R", UNSCORED: "?"}
# Samples in memory tell no steps by which an electrode that is off, or bytes that are no samples, could be known.
NO_CONVERTER_BITS = 24
NO_CONVERTER = 1 << NO_CONVERTER_BITS
SAMPLES_AT_A_TIME = 1 << 20
VOLTAGE_TYPES = frozenset({"eeg", "eog", "emg", "ecg", "seeg", "ecog", "dbs", "bio"})


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


def is_raw(night: object) -> TypeGuard[RawLike]:
    """Whether something has what is asked of an ``mne.io.Raw``."""
    return all(hasattr(night, name) for name in ("ch_names", "info", "get_data", "get_channel_types"))


def recording_of_raw(raw: RawLike, channel: str | None, *, accept: Collection[str] = ()) -> Recording:
    """One channel of an ``mne.io.Raw``, which holds volts, as a recording in µV.

    Parameters
    ----------
    raw
        Any Raw; it need not be preloaded, and is not changed.
    channel
        Its name; None chooses the best EEG channel there is. A derivation is computed where only its parts are there.
    accept
        Ids of the doubts to pass over.

    Raises
    ------
    InputError
        If there is no such channel, or its amplitude is not that of EEG in volts.
    """
    where = Path(raw_name(raw))
    sampling_hz = float(raw.info["sfreq"])
    # In the words of the channels' choice, so that a Raw's channel is the one its file's would be.
    signals = [
        SignalHeader(
            label=label,
            unit="V" if kind in VOLTAGE_TYPES else "%",
            samples_per_record=1,
            first_sample=place,
            sampling_hz=Fraction(sampling_hz),
            physical_range=(-1.0, 1.0),
            digital_range=(-1, 1),
        )
        for place, (label, kind) in enumerate(zip(raw.ch_names, raw.get_channel_types(), strict=True))
    ]
    chosen = choose_channel(where, signals) if channel is None else find_channel(where, signals, channel)
    volts = np.asarray(raw.get_data(picks=[chosen.plus]), np.float64)[0]
    if chosen.minus is not None:
        with np.errstate(over="ignore", invalid="ignore"):  # infinities become gaps
            volts = volts - np.asarray(raw.get_data(picks=[chosen.minus]), np.float64)[0]
    signal_uv, findings = in_microvolts(where, chosen.label, "V", volts, sampling_hz, accept=accept)
    measured = None if raw.info["meas_date"] is None else raw.info["meas_date"] + timedelta(seconds=_first_s(raw))
    return Recording(
        name=where.stem,
        signal_uv=signal_uv,
        sampling_hz=sampling_hz,
        channel=chosen.label,
        channel_reason=chosen.reason,
        # MNE calls a file's local clock UTC, because a file has no time zone.
        start=None if measured is None else measured.astimezone(UTC).replace(tzinfo=None),
        # That MNE's volts were converted is no news.
        findings=tuple(finding for finding in findings if finding.id != "unit-converted"),
    )


def recording_of_samples(night: object, *, accept: Collection[str] = ()) -> Recording:
    """Samples in µV and their rate as a recording.

    Raises
    ------
    InputError
        If it is no such pair, or its amplitude is not that of EEG in µV.
    """
    remedy = "Give a file, an mne Raw, or one channel's samples in µV, shape [samples], and their rate in Hz"
    if not isinstance(night, tuple | list) or len(night) != 2:
        raise InputError("night", f"a {type(night).__name__} is no night", remedy)
    if np.iscomplexobj(night[0]):
        raise InputError("night", "its samples are complex numbers", remedy)
    try:
        # What is masked was not recorded: a gap, as NaN is.
        samples_uv, sampling_hz = np.ma.filled(np.ma.asarray(night[0], np.float64), np.nan), float(night[1])
    except (TypeError, ValueError):
        raise InputError("night", "its samples or their rate are no numbers", remedy) from None
    if samples_uv.ndim != 1 or not 0 < sampling_hz < np.inf:
        raise InputError("night", f"samples of {samples_uv.ndim} dimensions at {sampling_hz:g} Hz", remedy)
    if not np.isfinite(samples_uv).any():
        raise InputError("night", "there are no samples", remedy)
    signal_uv, findings = in_microvolts(Path("array"), "array", "uV", samples_uv, sampling_hz, accept=accept)
    return Recording(
        name="array",
        signal_uv=signal_uv,
        sampling_hz=sampling_hz,
        channel="array",
        channel_reason="given as samples",
        start=None,
        findings=findings,
    )


def in_microvolts(
    where: Path,
    channel: str,
    unit: str,
    signal: NDArray[np.float64],
    sampling_hz: float,
    *,
    accept: Collection[str],
) -> tuple[NDArray[np.float32], tuple[Finding, ...]]:
    """Samples from a program's memory in µV, judged as a file's are. Shape: [samples]"""
    # No recorder writes infinity: it is a gap, as NaN is.
    is_recorded = np.isfinite(signal)
    check_voltage(where, channel, unit, float(np.abs(signal[is_recorded]).max(initial=0)))
    signal = np.where(is_recorded, signal, np.nan)
    factor, findings = judge_unit(channel, unit, deviations(signal, sampling_hz), span_steps=NO_CONVERTER)
    signal_uv = (signal * factor).astype(np.float32)
    # Microvolts for steps: what is cut off stays at its limits in any unit.
    limits = ConverterStatistics(sampling_hz, NO_CONVERTER_BITS, (-NO_CONVERTER, NO_CONVERTER))
    for start in range(0, len(signal_uv), SAMPLES_AT_A_TIME):  # what judging needs is many times what is judged
        limits.feed(signal_uv[start : start + SAMPLES_AT_A_TIME])
    return signal_uv, settle(where, (*findings, *limits.findings(channel)), accept)


def raw_name(raw: RawLike) -> str:
    """Name of the file behind a Raw, or ``raw``."""
    files = [file for file in getattr(raw, "filenames", ()) if file is not None]
    return Path(files[0]).name if files else "raw"


def lights_of_raw(raw: RawLike) -> dict[str, float]:
    """Seconds at which a Raw's annotations say lights off and lights on; see `signals.lights.lights_of`."""
    annotations = raw.annotations
    onsets_s = annotations.onset - _first_s(raw)
    return lights_of(zip(onsets_s.tolist(), annotations.description.tolist(), strict=True))


def _first_s(raw: RawLike) -> float:
    """Seconds from the date of a Raw, to which its annotations refer, to its first sample: those that were cropped."""
    return float(raw.first_samp) / float(raw.info["sfreq"])


def to_yasa(night: "ScoredNight") -> "yasa.Hypnogram":
    """Stages, start and probabilities as YASA knows them.

    Unscored epochs are ``UNS``; YASA wants every row of probabilities to sum to 1, theirs are 0.2 each.
    """
    import pandas as pd
    import yasa

    order = (N1, N2, N3, R, W)
    names = [YASA_NAMES[code] for code in order]
    known = np.where(night.hypnogram.is_scored[:, None], night.hypnodensity[:, order], 1 / len(order))
    start = night.hypnogram.start
    step = f"{EPOCH_S}s"
    index = None if start is None else pd.date_range(start, periods=len(known), freq=step)
    return yasa.Hypnogram(
        [YASA_NAMES[int(stage)] for stage in night.hypnogram.stage],
        n_stages=len(order),
        freq=step,
        start=start,
        scorer="mc2sleepnet",
        proba=pd.DataFrame(known, columns=names, index=index),
    )


def to_mne(night: "ScoredNight") -> "mne.Annotations":
    """One annotation for each run of equal stages, ``Sleep stage W/1/2/3/R/?``, onsets from the recording's start.

    A last partial epoch has none: MNE wants annotations to end before the recording does.
    """
    import mne

    stage = night.hypnogram.stage
    if night.source[-1] is Source.PARTIAL:
        stage = stage[:-1]
    first = np.flatnonzero(np.diff(stage, prepend=np.int8(UNSCORED - 1)))
    end = np.append(first[1:], len(stage))
    start = night.hypnogram.start
    return mne.Annotations(
        onset=first * float(EPOCH_S),
        duration=(end - first) * float(EPOCH_S),
        description=[f"Sleep stage {MNE_NAMES[int(stage[at])]}" for at in first],
        orig_time=None if start is None else start.replace(tzinfo=UTC),
    )


def check_is_full_epoch(recording: Recording) -> None:
    """Raise `InputError` where a recording is shorter than an epoch."""
    duration_s = len(recording.signal_uv) / recording.sampling_hz
    if duration_s < EPOCH_S:
        remedy = f"Staging needs at least one epoch of {EPOCH_S} s"
        raise InputError(recording.name, f"the recording lasts {duration_s:g} s only", remedy)
