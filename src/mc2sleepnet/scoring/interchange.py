"""Nights to and from MNE and YASA, which are needed here alone."""

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.recording import Finding, Recording, Source
from mc2sleepnet.core.stages import EPOCH_S, N1, N2, N3, UNSCORED, R, W
from mc2sleepnet.scoring.raw_channels import RawLike, channel_of_raw, files_of
from mc2sleepnet.signals.conditioning import check_sampling
from mc2sleepnet.signals.doubts import Doubt, settle
from mc2sleepnet.signals.edf_header import read_header
from mc2sleepnet.signals.lights import lights_of
from mc2sleepnet.signals.offset import without_large_offset
from mc2sleepnet.signals.quality import ConverterStatistics
from mc2sleepnet.signals.units import LARGEST_UV, deviations, factor_to_microvolts, judge_unit

if TYPE_CHECKING:
    import mne
    import yasa

    from mc2sleepnet.scoring.night import ScoredNight

YASA_NAMES = {W: "WAKE", N1: "N1", N2: "N2", N3: "N3", R: "REM", UNSCORED: "UNS"}
MNE_NAMES = {W: "W", N1: "1", N2: "2", N3: "3", R: "R", UNSCORED: "?"}
# What to do about an amplitude that is none of EEG, by the unit that samples in memory are in.
_UNIT_REMEDIES = {
    "uV": "Give the samples in µV, which are volts times 1e6",
    "V": "Give the Raw in volts, which are µV times 1e-6, or choose another with channel=",
}
# Samples in memory tell no steps by which an electrode that is off, or bytes that are no samples, could be known.
NO_CONVERTER_BITS = 24
NO_CONVERTER = 1 << NO_CONVERTER_BITS
SAMPLES_AT_A_TIME = 1 << 20
_OF_A_RAW = ("ch_names", "info", "annotations", "first_samp", "get_data", "get_channel_types")


def is_raw(night: object) -> TypeGuard[RawLike]:
    """Whether something has what is asked of an ``mne.io.Raw``."""
    return all(hasattr(night, name) for name in _OF_A_RAW)


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
    chosen, choice_findings = channel_of_raw(where, raw, channel)
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
        findings=(*choice_findings, *(finding for finding in findings if finding.id != "unit-converted")),
        is_synthetic=_says_synthetic(raw),
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
        raise InputError("night", f"{type(night).__name__} is no night", remedy)
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
    check_is_full_epoch(where, len(signal), sampling_hz)
    check_sampling(where, channel, sampling_hz)
    # No recorder writes infinity: it is a gap, as NaN is.
    is_recorded = np.isfinite(signal)
    remedy = _UNIT_REMEDIES[unit]
    largest_uv = float(np.abs(signal[is_recorded]).max(initial=0)) * (factor_to_microvolts(unit) or 1.0)
    if not largest_uv <= LARGEST_UV:
        raise InputError(where, f"channel '{channel}' reaches {largest_uv:.3g} µV, taken as {unit}", remedy)
    signal = np.where(is_recorded, signal, np.nan)
    factor, findings = judge_unit(channel, unit, deviations(signal, sampling_hz), span_steps=NO_CONVERTER)
    findings = tuple(replace(one, remedy=remedy) if isinstance(one, Doubt) else one for one in findings)
    signal_uv = (signal * factor).astype(np.float32)
    # Microvolts for steps: what is cut off stays at its limits in any unit.
    limits = ConverterStatistics(sampling_hz, NO_CONVERTER_BITS, (-NO_CONVERTER, NO_CONVERTER))
    for start in range(0, len(signal_uv), SAMPLES_AT_A_TIME):  # what judging needs is many times what is judged
        limits.feed(signal_uv[start : start + SAMPLES_AT_A_TIME])
    signal_uv, offset_findings = without_large_offset(signal_uv, sampling_hz, channel)
    return signal_uv, settle(where, (*findings, *limits.findings(channel), *offset_findings), accept)


def raw_name(raw: RawLike) -> str:
    """Name of the file behind a Raw, or ``raw``."""
    files = files_of(raw)
    return files[0].name if files else "raw"


def _says_synthetic(raw: RawLike) -> bool:
    """Whether the header behind a Raw, or the name that MNE took from it, says that no person was recorded."""
    person = raw.info["subject_info"] or {}
    if any("synthetic" in str(value).lower() for value in person.values()):
        return True
    for file in files_of(raw):
        try:
            if read_header(file).is_synthetic:
                return True
        except InputError:  # of another format, or gone
            continue
    return False


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
    """One annotation for each run of equal stages, ``Sleep stage W/1/2/3/R/?``, onsets from the first sample.

    They fit the Raw that was scored and the Raw of the file that was scored, cropped or not: `orig_time` is when MNE
    takes the first sample to be. Of a file that is the header's whole second, whatever its time stamps say; nor does
    MNE leave room for a gap of an EDF+D file, after which they do not fit. A last partial epoch has none: MNE wants
    annotations to end before the recording does.
    """
    import mne

    stage = night.hypnogram.stage
    if night.source[-1] is Source.PARTIAL:
        stage = stage[:-1]
    first = np.flatnonzero(np.diff(stage, prepend=np.int8(UNSCORED - 1)))
    end = np.append(first[1:], len(stage))
    start, after_header = night.hypnogram.start, timedelta(seconds=night.recording.after_header_s)
    return mne.Annotations(
        onset=first * float(EPOCH_S),
        duration=(end - first) * float(EPOCH_S),
        description=[f"Sleep stage {MNE_NAMES[int(stage[at])]}" for at in first],
        orig_time=None if start is None else (start - after_header).replace(tzinfo=UTC),
    )


def check_is_full_epoch(where: str | Path, n_samples: int, sampling_hz: float) -> None:
    """Raise `InputError` where a recording is shorter than an epoch."""
    if n_samples / sampling_hz < EPOCH_S:
        remedy = f"Staging needs at least one epoch of {EPOCH_S} s"
        raise InputError(where, f"the recording lasts {n_samples / sampling_hz:g} s only", remedy)
