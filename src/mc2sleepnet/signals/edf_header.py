"""What an EDF or BDF file says of itself, held against its size before anything is read by it."""

import stat
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import edfio

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.recording import Finding
from mc2sleepnet.signals.doubts import Doubt
from mc2sleepnet.signals.header_fields import (
    FIXED_BYTES,
    fixed_field,
    mended,
    number_in,
    signal_fields,
    text_of,
    whole_in,
    with_fixed_field,
)
from mc2sleepnet.signals.start_time import start_of

ANNOTATIONS: Final = frozenset({"EDF Annotations", "BDF Annotations"})
_BDF_VERSION: Final = b"\xffBIOSEMI"
_NOT_EDF: Final = "Give an EDF, EDF+, BDF or BDF+ file"
_AGAIN: Final = "Fetch or export the file again"
# What files that are no EDF begin with, where people mistake them for it.
_OTHER_FORMATS: Final = (
    *((b"\x1f\x8b", "a gzip archive"), (b"PK\x03\x04", "a zip archive"), (b"\x89HDF", "HDF5 or MATLAB")),
    *((b"MATLAB", "MATLAB"), (b"GDF ", "GDF"), (b"{", "JSON"), (b"<", "XML or HTML"), (b"%PDF", "a PDF")),
)
# More of the announced data lacking or left over than this share: then the header may describe the file wrongly.
_SMALL_SHARE: Final = 0.1
# A record's duration has eight characters; a rate this near to a whole number was one (1/3 s is written 0.333333).
_ROUNDED_RATE: Final = 1e-5
# No recorder writes a data record more often.
_SHORTEST_RECORD_S: Final = 1e-6
# No recorder's range needs more than single precision holds; steps of one that does could not be computed with.
_LARGEST: Final = 3.4e38
# What edfio and number parsing meet in damaged headers.
PARSER_ERRORS: Final = (ValueError, LookupError, ArithmeticError, NameError)


@dataclass(frozen=True, kw_only=True)
class SignalHeader:
    """One signal, as the header describes it.

    Attributes
    ----------
    label, unit
        As the file spells them.
    samples_per_record
        In every data record.
    first_sample
        Place of its first sample within a data record, in samples.
    sampling_hz
        Samples per second, exact.
    physical_range, digital_range
        Minimum and maximum; None where the header does not hold them as numbers.
    """

    label: str
    unit: str
    samples_per_record: int
    first_sample: int
    sampling_hz: Fraction
    physical_range: tuple[float, float] | None
    digital_range: tuple[int, int] | None

    @property
    def gain(self) -> float:
        """Physical units per step of the converter; 0 where the ranges do not tell."""
        if self.physical_range is None or self.digital_range is None:
            return 0.0
        steps = self.digital_range[1] - self.digital_range[0]
        return (self.physical_range[1] - self.physical_range[0]) / steps if steps else 0.0


@dataclass(frozen=True, kw_only=True)
class EdfHeader:
    """What a file says of itself, in agreement with its size.

    Attributes
    ----------
    kind
        ``EDF``, ``EDF+C``, ``EDF+D``, ``BDF``, ``BDF+C`` or ``BDF+D``.
    patient, recording
        The two identification fields.
    start
        Local clock time of the first data record by the header; None where it does not tell.
    signals
        Annotations included.
    n_header_bytes
        Bytes before the first data record.
    n_records, record_s
        Whole data records in the file, and the seconds each lasts.
    n_bytes_over
        Bytes that are no whole data record, at the end of the file.
    findings
        Repairs that reading by this header amounts to, and doubts.
    """

    kind: str
    patient: str
    recording: str
    start: datetime | None
    signals: tuple[SignalHeader, ...]
    n_header_bytes: int
    n_records: int
    record_s: Fraction
    n_bytes_over: int
    findings: tuple[Finding, ...]

    @property
    def bytes_per_sample(self) -> int:
        """3 in BDF, else 2."""
        return 3 if self.kind.startswith("BDF") else 2

    @property
    def samples_per_record(self) -> int:
        """Samples of all signals in a data record."""
        return sum(signal.samples_per_record for signal in self.signals)

    @property
    def duration_s(self) -> float:
        """Seconds of data in the file."""
        return float(self.n_records * self.record_s)

    @property
    def is_synthetic(self) -> bool:
        """True where one of the identification fields says so."""
        return "synthetic" in f"{self.patient} {self.recording}".lower()

    @property
    def ordinary(self) -> tuple[SignalHeader, ...]:
        """The signals that are no annotations."""
        return tuple(signal for signal in self.signals if not self._is_annotations(signal))

    @property
    def time_keeper(self) -> SignalHeader | None:
        """The signal that keeps the time of every data record; None if there is none."""
        return next(filter(self._is_annotations, self.signals), None)

    def _is_annotations(self, signal: SignalHeader) -> bool:
        return signal.label in ANNOTATIONS


def read_header(path: Path) -> EdfHeader:
    """Read a file's header and hold it against the file's size.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    EdfHeader
        Its findings say what was mended, and where header and size disagree.

    Raises
    ------
    InputError
        If the file cannot be opened, is not EDF, has no signals or no data.
    """
    n_bytes, raw = _header_bytes(path)
    n_signals = len(raw) // FIXED_BYTES - 1
    header, mends, foreign = mended(raw, n_signals)
    labels = [text_of(field) for field in signal_fields(header, "label", n_signals)]
    counts = [whole_in(field) for field in signal_fields(header, "samples per data record", n_signals)]
    samples = [count for count in counts if count is not None and count >= 0]
    if len(samples) < n_signals:
        raise InputError(path, "is not EDF: its header does not say how many samples its signals have", _NOT_EDF)
    if all(label in ANNOTATIONS for label in labels):
        raise InputError(path, "holds annotations only, no signals", "Give the recording, not its hypnogram")
    duration = number_in(fixed_field(header, "duration of a data record"))
    if duration is None or duration < _SHORTEST_RECORD_S or sum(samples) == 0:
        named = text_of(fixed_field(header, "duration of a data record"))
        fault = f"its data records of '{named}' s with {sum(samples)} samples cannot be read"
        raise InputError(path, fault, "Export the file again")
    edf = _parsed(path, header)
    record_s = _exact_duration(duration, samples)
    is_bdf = header.startswith(_BDF_VERSION)
    record_bytes = (3 if is_bdf else 2) * sum(samples)
    announced = whole_in(fixed_field(header, "count of data records"))
    at, size_findings = _data_begin(path, header, n_bytes, announced, record_bytes)
    n_records, count_findings = _n_readable_records(path, announced, n_bytes - at, record_bytes)
    start, start_findings = start_of(
        *(text_of(fixed_field(header, name)) for name in ("start date", "start time", "recording"))
    )
    plus = fixed_field(header, "reserved")[:5].decode("latin-1").upper()
    return EdfHeader(
        kind=plus if plus in {"EDF+C", "EDF+D", "BDF+C", "BDF+D"} else "BDF" if is_bdf else "EDF",
        patient=text_of(fixed_field(header, "patient")),
        recording=text_of(fixed_field(header, "recording")),
        start=start,
        signals=_signals(edf, labels, samples, record_s),
        n_header_bytes=at,
        n_records=n_records,
        record_s=record_s,
        n_bytes_over=(n_bytes - at) % record_bytes,
        findings=(*_text_findings(mends, foreign), *size_findings, *count_findings, *start_findings),
    )


def _header_bytes(path: Path) -> tuple[int, bytes]:
    """Size of the file, and its header."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            what = "is a directory" if stat.S_ISDIR(status.st_mode) else "is no regular file"
            raise InputError(path, what, "Name an EDF file")
        with path.open("rb") as file:
            fixed = file.read(FIXED_BYTES)
            n_signals = _n_signals(path, fixed)
            header = fixed + file.read(FIXED_BYTES * n_signals)
    except OSError as error:
        fault = (error.strerror or "cannot be opened").lower()
        raise InputError(path, fault, "Name an EDF file that can be opened") from error
    if len(header) < FIXED_BYTES * (1 + n_signals):
        fault = f"is cut off within its header, which is to describe {n_signals} signals"
        raise InputError(path, fault, _AGAIN)
    version = _BDF_VERSION if header.startswith(_BDF_VERSION) else b"0       "
    return status.st_size, version + header[8:]


def _n_signals(path: Path, fixed: bytes) -> int:
    if not fixed:
        raise InputError(path, "the file is empty", _NOT_EDF)
    for beginning, name in _OTHER_FORMATS:
        if fixed.startswith(beginning):
            raise InputError(path, f"is not EDF but seems to be {name}", _NOT_EDF)
    is_edf = fixed[:8].strip(b" \x00") == b"0" or fixed.startswith(_BDF_VERSION)
    if not is_edf or len(fixed) < FIXED_BYTES:
        raise InputError(path, "is not EDF: it does not begin with an EDF header", _NOT_EDF)
    number = whole_in(mended(fixed, 0)[0][252:])
    if number is None or number < 1:
        raise InputError(path, "is not EDF: its header does not say how many signals it has", _NOT_EDF)
    return number


def _parsed(path: Path, header: bytes) -> edfio.Edf | edfio.Bdf:
    """The header in edfio's hands, as that of a file without data records: those are read here, by blocks."""
    alone = with_fixed_field(header, "count of data records", b"0")
    alone = with_fixed_field(alone, "header size", str(len(header)).encode())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            if header.startswith(_BDF_VERSION):
                return edfio.read_bdf(alone, header_encoding="latin-1")
            return edfio.read_edf(alone, header_encoding="latin-1")
    except PARSER_ERRORS as error:
        fault = f"its header cannot be read ({' '.join(str(error).split())[:120]})"
        raise InputError(path, fault, "Export the file again") from error


def _signals(
    edf: edfio.Edf | edfio.Bdf, labels: list[str], samples: list[int], record_s: Fraction
) -> tuple[SignalHeader, ...]:
    """Every signal; edfio keeps annotations apart, of which only the place in a data record is needed."""
    ordinary: Iterator[edfio.EdfSignal | edfio.BdfSignal] = iter(edf.signals)
    signals, first = [], 0
    for label, n_samples in zip(labels, samples, strict=True):
        signal = None if label in ANNOTATIONS else next(ordinary)
        signals.append(
            SignalHeader(
                label=label,
                unit="" if signal is None else text_of(signal.physical_dimension.encode("latin-1")),
                samples_per_record=n_samples,
                first_sample=first,
                sampling_hz=n_samples / record_s,
                physical_range=_range(signal, "physical_range"),
                digital_range=_range(signal, "digital_range"),
            )
        )
        first += n_samples
    return tuple(signals)


def _range(signal: edfio.EdfSignal | edfio.BdfSignal | None, name: str) -> Any:
    """One of a signal's two ranges; None where it cannot be read as numbers that single precision holds."""
    try:
        low, high = getattr(signal, name)
    except (*PARSER_ERRORS, AttributeError):
        return None
    return (low, high) if abs(low) <= _LARGEST and abs(high) <= _LARGEST else None


def _exact_duration(duration: float, samples: list[int]) -> Fraction:
    """A record's duration, without the rounding that eight characters force upon it."""
    exact = Fraction(duration).limit_denominator(10**9)
    rate = max(samples) / exact
    whole = round(rate)
    if whole and abs(rate / whole - 1) <= _ROUNDED_RATE:
        return Fraction(max(samples), whole)
    return exact


def _data_begin(
    path: Path, header: bytes, n_bytes: int, announced: int | None, record_bytes: int
) -> tuple[int, tuple[Finding, ...]]:
    """Where the data begin: after the signals' headers, or where the header says; the file's size decides."""
    after_signals, field = len(header), fixed_field(header, "header size")
    stated = whole_in(field)
    if stated == after_signals:
        return after_signals, ()
    named = text_of(field)
    message = f"the header says that it has '{named}' bytes, but with its signals it has {after_signals}"
    if stated is None or not after_signals < stated < n_bytes or announced is None or announced < 1:
        return after_signals, (Finding(id="header-size", message=message),)
    fits = [at for at in (after_signals, stated) if n_bytes - at == announced * record_bytes]
    if not fits:
        raise InputError(path, f"{message}, and the file's size fits neither", "Export the file again")
    return fits[0], (Finding(id="header-size", message=f"{message}; read as {fits[0]}, which fits the file's size"),)


def _n_readable_records(
    path: Path, announced: int | None, n_bytes: int, record_bytes: int
) -> tuple[int, tuple[Finding, ...]]:
    """Whole data records in the file that belong to the recording."""
    present, rest = divmod(n_bytes, record_bytes)
    if present == 0:
        fault = f"holds no data: a data record has {record_bytes:,} bytes, of which {max(0, rest):,} are there"
        raise InputError(path, fault, _AGAIN)
    if announced is None or announced < 1:
        # -1 is EDF's way to say that the recorder was never stopped properly.
        message = f"the header does not count its data records; the {present} that are there were read"
        return present, (Finding(id="record-count-unknown", message=message),)
    count = announced
    off = abs(present - count) / count
    if present < count:
        fault = f"is truncated: {present} of {count} data records are there"
        remedy = _AGAIN
        finding: Finding = Finding(id="truncated", message=fault)
        if off > _SMALL_SHARE:
            finding = Doubt(id="truncated", message=fault, remedy=remedy)
        return present, (finding,)
    if present == count and not rest:
        return count, ()
    message = f"{n_bytes - count * record_bytes:,} bytes beyond the {count} data records that the header counts"
    if off > _SMALL_SHARE:
        message += f", room for {present - count} more: its header may describe the file wrongly"
        return count, (Doubt(id="trailing-data", message=f"holds {message}", remedy="Export the file again"),)
    return count, (Finding(id="trailing-data", message=f"{message} were ignored"),)


def _text_findings(mends: tuple[str, ...], foreign: tuple[str, ...]) -> tuple[Finding, ...]:
    findings = []
    if mends:
        message = f"header fields that are not written as the standard asks were read as meant: {', '.join(mends)}"
        findings.append(Finding(id="header-mended", message=message))
    if foreign:
        message = f"header fields hold letters that are not ASCII: {', '.join(foreign)}"
        findings.append(Finding(id="header-not-ascii", message=message))
    return tuple(findings)
