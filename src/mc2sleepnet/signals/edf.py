"""Channels out of an EDF or BDF file: one walk through its data records, whatever is wanted of them."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.recording import Finding, Recording
from mc2sleepnet.core.stages import EPOCH_S, SAMPLING_HZ
from mc2sleepnet.signals.channels import Channel, choose_channel, find_channel
from mc2sleepnet.signals.conditioning import Line
from mc2sleepnet.signals.data_records import digital_pieces
from mc2sleepnet.signals.doubts import check_accepted, settle
from mc2sleepnet.signals.edf_header import EdfHeader, SignalHeader, read_header
from mc2sleepnet.signals.offset import without_large_offset
from mc2sleepnet.signals.quality import ConverterStatistics
from mc2sleepnet.signals.timeline import Layout, Timeline, lay_out, longest_bridge, read_timeline
from mc2sleepnet.signals.units import check_voltage, deviations, factor_to_microvolts, judge_unit

# What single precision cannot hold becomes this number, which `check_voltage` refuses. It leaves room for differences
# of two samples and for what a resampler overshoots.
_LARGEST: Final = float(np.finfo(np.float32).max) / 4


def read_recording(path: Path, channel: str | None = None, *, accept: Collection[str] = ()) -> Recording:
    """Read one channel of an EDF or BDF file at its own rate; the others are not loaded.

    Parameters
    ----------
    path
        The file.
    channel
        Its label; None chooses the best EEG channel there is. A derivation such as ``C4-M1`` is computed where only
        its parts are there.
    accept
        Ids of the doubts to pass over (`doubts.ACCEPTABLE`).

    Returns
    -------
    Recording
        In µV at the file's own rate (at 100 Hz where a derivation's parts have different rates), NaN in gaps.

    Raises
    ------
    InputError
        If the file cannot be opened, is not EDF, lacks the channel or its unit, or is shorter than an epoch.
    DoubtError
        If it can be read but is doubtful in a way that would change stages, and that is not among `accept`.
    """
    check_accepted(accept)
    file = open_file(path)
    chosen = file.channel(channel)
    signals = [place for place in (chosen.plus, chosen.minus) if place is not None]
    rates = {file.header.ordinary[place].sampling_hz for place in signals}
    (recording,) = read_lines(file, [chosen], to_hz=rates.pop() if len(rates) == 1 else Fraction(SAMPLING_HZ))
    return replace(recording, findings=settle(path, recording.findings, accept))


@dataclass(frozen=True, kw_only=True)
class OpenFile:
    """A file whose header and time stamps were read and agree well enough to go on."""

    path: Path
    header: EdfHeader
    timeline: Timeline

    @property
    def start(self) -> datetime | None:
        """Local clock time of the first sample; None where the file does not tell."""
        if self.header.start is None:
            return None
        try:
            start = self.header.start + timedelta(seconds=self.timeline.offset_s)
            _ = start + timedelta(seconds=self.duration_s, days=1)  # every epoch's time can be told
        except OverflowError:
            return None
        return start

    @property
    def duration_s(self) -> float:
        """From the first sample to the last, gaps included."""
        onsets_s = self.timeline.onsets_s
        if onsets_s is None:
            return self.header.duration_s
        return float(onsets_s[-1] - onsets_s[0] + self.header.record_s)

    def channel(self, wanted: str | None) -> Channel:
        """The channel that is wanted, or the best one.

        Raises
        ------
        InputError
            If there is none.
        """
        if wanted is None:
            return choose_channel(self.path, self.header.ordinary)
        return find_channel(self.path, self.header.ordinary, wanted)


def open_file(path: Path) -> OpenFile:
    """Read a file's header and time stamps.

    Raises
    ------
    InputError
        As `read_header` and `read_timeline` do.
    """
    header = read_header(path)
    return OpenFile(path=path, header=header, timeline=read_timeline(path, header))


def read_lines(file: OpenFile, channels: Sequence[Channel], *, to_hz: Fraction) -> tuple[Recording, ...]:
    """Read channels in one walk through the file; their findings may hold doubts that nobody has accepted yet.

    Parameters
    ----------
    file
        What `open_file` gave.
    channels
        Of this file.
    to_hz
        Rate of the recordings: each signal is converted while it is read.

    Returns
    -------
    tuple
        A recording for each channel, in µV, all of one length; what is wrong with the file is among the findings of
        each.

    Raises
    ------
    InputError
        If the recording is shorter than an epoch, or a unit cannot be one of voltage.
    """
    header, path = file.header, file.path
    places = sorted({place for channel in channels for place in (channel.plus, channel.minus) if place is not None})
    signals = {place: _Assembly(file, header.ordinary[place], to_hz) for place in places}
    duration_s = next(iter(signals.values())).duration_s
    if duration_s < EPOCH_S:
        remedy = f"Staging needs at least one epoch of {EPOCH_S} s"
        raise InputError(path, f"the recording lasts {float(duration_s):g} s only", remedy)
    for k, steps in digital_pieces(path, header, [header.ordinary[place] for place in places]):
        signals[places[k]].feed(steps)
    lines = {place: assembly.finished() for place, assembly in signals.items()}
    return _of_one_length([_recording(file, channel, signals, lines, to_hz) for channel in channels])


def _of_one_length(recordings: Sequence[Recording]) -> tuple[Recording, ...]:
    """Recordings of one night as long as the shortest: signals of unlike rates round time stamps to unlike ends."""
    n_samples = min(len(recording.signal_uv) for recording in recordings)
    return tuple(replace(recording, signal_uv=recording.signal_uv[:n_samples]) for recording in recordings)


class _Assembly:
    """A signal on its way from data records to a line of time, in the header's unit."""

    def __init__(self, file: OpenFile, signal: SignalHeader, to_hz: Fraction) -> None:
        header = file.header
        assert signal.digital_range is not None
        assert signal.physical_range is not None
        self.signal = signal
        self._length = signal.samples_per_record
        onsets_s = file.timeline.onsets_s
        self.layout = (
            Layout(first=None, n_samples=header.n_records * self._length)
            if onsets_s is None
            else lay_out(file.path, onsets_s, self._length, signal.sampling_hz)
        )
        n_bits = 8 * header.bytes_per_sample
        self.statistics = ConverterStatistics(float(signal.sampling_hz), n_bits, signal.digital_range)
        self.largest = 0.0
        self._offset = signal.physical_range[0] - signal.digital_range[0] * signal.gain
        self._line = Line(self.layout.n_samples, signal.sampling_hz, to_hz)
        self._line.begin(0)
        self._stretches = _stretches(self.layout, header.n_records, self._length)
        self._n_left = self._n_drop = 0
        self._bridge = 0

    @property
    def duration_s(self) -> Fraction:
        """From the first sample to the end of the last one."""
        return self.layout.n_samples / self.signal.sampling_hz

    def feed(self, steps: NDArray[np.float32]) -> None:
        """The next samples in steps of the converter."""
        self.statistics.feed(steps)
        physical = np.clip(steps * np.float64(self.signal.gain) + self._offset, -_LARGEST, _LARGEST).astype(np.float32)
        self.largest = max(self.largest, float(np.abs(physical).max(initial=0)))
        while len(physical):
            if not self._n_left:
                self._next_stretch()
            if self._bridge:
                bridge = np.linspace(self._line.last, physical[0], self._bridge + 2, dtype=np.float32)[1:-1]
                self._line.feed(bridge)
                self._bridge = 0
            n_taken = min(self._n_left, len(physical))
            n_dropped = min(self._n_drop, n_taken)
            self._line.feed(physical[n_dropped:n_taken])
            self._n_drop -= n_dropped
            self._n_left -= n_taken
            physical = physical[n_taken:]

    def finished(self) -> NDArray[np.float32]:
        """The line of time."""
        return self._line.finished()

    def _next_stretch(self) -> None:
        at, hole, self._n_left = next(self._stretches)
        self._n_drop, self._bridge = max(0, -hole), 0
        if 0 < hole <= longest_bridge(float(self.signal.sampling_hz)):
            self._bridge = hole
        elif hole > 0:
            self._line.begin(at)


def _stretches(layout: Layout, n_records: int, length: int) -> Iterator[tuple[int, int, int]]:
    """Data records that follow one another, together: where they begin, the hole before, and their samples."""
    if layout.first is None:
        yield 0, 0, n_records * length
        return
    holes = np.diff(layout.first) - length
    begins = [0, *(np.flatnonzero(holes) + 1).tolist(), n_records]
    for begin, end in pairwise(begins):
        yield int(layout.first[begin]), int(holes[begin - 1]) if begin else 0, (end - begin) * length


def _recording(
    file: OpenFile,
    channel: Channel,
    signals: dict[int, _Assembly],
    lines: dict[int, NDArray[np.float32]],
    to_hz: Fraction,
) -> Recording:
    header = file.header
    plus, minus = signals[channel.plus], None if channel.minus is None else signals[channel.minus]
    unit, line, step, largest = plus.signal.unit, lines[channel.plus], abs(plus.signal.gain), plus.largest
    # Both are in volts of some kind, or in one unknown unit.
    to_plus = 0.0
    if minus is not None:
        to_plus = (factor_to_microvolts(minus.signal.unit) or 1.0) / (factor_to_microvolts(unit) or 1.0)
        largest += minus.largest * to_plus
    check_voltage(file.path, channel.label, unit, largest)
    if minus is not None:
        n = min(len(line), len(lines[channel.minus or 0]))
        line = line[:n] - lines[channel.minus or 0][:n] * np.float32(to_plus)
        step += abs(minus.signal.gain) * to_plus
    quality = [f for part in (plus, minus) if part is not None for f in part.statistics.findings(part.signal.label)]
    factor, unit_findings = judge_unit(
        channel.label,
        unit,
        deviations(line, float(to_hz), step),
        span_steps=max(part.statistics.largest_span for part in (plus, minus) if part is not None),
    )
    if factor != 1:
        line *= np.float32(factor)
    line, offset_findings = without_large_offset(line, float(to_hz), channel.label)
    return Recording(
        name=file.path.stem,
        signal_uv=line,
        sampling_hz=float(to_hz),
        channel=channel.label,
        channel_reason=channel.reason,
        start=file.start,
        findings=(
            *header.findings,
            *file.timeline.findings,
            *_label_findings(header, channel),
            *plus.layout.findings,
            *unit_findings,
            *quality,
            *offset_findings,
        ),
        is_synthetic=header.is_synthetic,
        after_header_s=file.timeline.offset_s,
    )


def _label_findings(header: EdfHeader, channel: Channel) -> tuple[Finding, ...]:
    """What may surprise in the headers of the signals that are read."""
    findings = []
    labels = [signal.label for signal in header.ordinary]
    for place in (channel.plus, channel.minus):
        if place is None:
            continue
        signal = header.ordinary[place]
        if labels.count(signal.label) > 1:
            which = "the first is used" if labels.index(signal.label) == place else f"number {place + 1} is used"
            message = f"{labels.count(signal.label)} channels are named '{signal.label}'; {which}"
            findings.append(Finding(id="duplicate-label", message=message))
        assert signal.digital_range is not None
        if signal.digital_range[0] > signal.digital_range[1] or signal.gain < 0:
            message = (
                f"channel '{signal.label}' has a minimum above its maximum; read by the formula, perhaps upside down"
            )
            findings.append(Finding(id="range-inverted", message=message))
    return tuple(findings)
