"""The arithmetic of an EDF header, checked before anything is read by it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.recording import Finding

# Sizes of the fields of the fixed header, in bytes, in order.
_FIXED_BYTES: Final = 256
_ANNOTATIONS: Final = "EDF Annotations"
_BYTES_PER_SAMPLE: Final = 2
_NOT_EDF: Final = "Give an EDF or EDF+ file"
# What edfio and number parsing meet in damaged headers.
PARSER_ERRORS: Final = (ValueError, LookupError, ArithmeticError, NameError)


@dataclass(frozen=True, kw_only=True)
class EdfHeader:
    """What a file says of itself, in agreement with its size.

    Attributes
    ----------
    patient, recording
        The two identification fields.
    labels, samples_per_record
        Of every signal, annotations included.
    n_records, record_s
        Data records in the file, and the seconds each lasts.
    is_discontinuous
        True for EDF+D: records need not follow one another in time.
    findings
        Repairs that reading by this header amounts to.
    """

    patient: str
    recording: str
    labels: tuple[str, ...]
    samples_per_record: tuple[int, ...]
    n_records: int
    record_s: float
    is_discontinuous: bool
    findings: tuple[Finding, ...]

    @property
    def n_header_bytes(self) -> int:
        """Bytes before the first data record."""
        return _FIXED_BYTES * (1 + len(self.labels))

    @property
    def is_synthetic(self) -> bool:
        """True where one of the identification fields says so."""
        return "synthetic" in f"{self.patient} {self.recording}".lower()

    @property
    def annotation_signal(self) -> int | None:
        """Index of the signal that keeps the time of every data record; None if there is none."""
        return self.labels.index(_ANNOTATIONS) if _ANNOTATIONS in self.labels else None


def text_of(field: str) -> str:
    """Text of a header field that was decoded as Latin-1: as UTF-8, if its bytes are that; printable."""
    try:
        text = field.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        text = field
    # Labels stand in one-line messages.
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text).strip()


def read_header(path: Path) -> EdfHeader:
    """Read a file's header and hold it against the file's size.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    EdfHeader
        With findings ``record-count-unknown`` or ``trailing-data`` where the count of records was mended.

    Raises
    ------
    InputError
        If the file cannot be opened, is not EDF, has no signals, or holds fewer records than it says.
    """
    try:
        n_bytes = path.stat().st_size
        with path.open("rb") as file:
            fixed = file.read(_FIXED_BYTES)
            n_signals = _n_signals(path, fixed)
            variable = file.read(_FIXED_BYTES * n_signals)
    except OSError as error:
        fault = (error.strerror or "cannot be opened").lower()
        raise InputError(path, fault, "Name an EDF file that can be opened") from error
    if len(variable) < _FIXED_BYTES * n_signals:
        raise InputError(path, "is cut off within its header", "Fetch or export the file again")
    labels = tuple(text_of(variable[16 * i : 16 * (i + 1)].decode("latin-1")) for i in range(n_signals))
    counts = variable[216 * n_signals : 224 * n_signals]
    try:
        n_records, record_s = int(fixed[236:244]), float(fixed[244:252])
        samples_per_record = tuple(int(counts[8 * i : 8 * (i + 1)]) for i in range(n_signals))
    except ValueError as error:
        raise InputError(path, f"is not EDF: a number of its header is none ({error})", _NOT_EDF) from error
    if all(label == _ANNOTATIONS for label in labels):
        raise InputError(path, "holds annotations only, no signals", "Give the recording, not its hypnogram")
    if not 0 < record_s < float("inf") or min(samples_per_record) < 0 or sum(samples_per_record) == 0:
        fault = f"its data records of {record_s:g} s with {sum(samples_per_record)} samples cannot be read"
        raise InputError(path, fault, "Export the file again")
    record_bytes = _BYTES_PER_SAMPLE * sum(samples_per_record)
    present, rest = divmod(n_bytes - _FIXED_BYTES * (1 + n_signals), record_bytes)
    n_records, findings = _n_readable_records(path, n_records, present, rest)
    return EdfHeader(
        patient=fixed[8:88].decode("latin-1"),
        recording=fixed[88:168].decode("latin-1"),
        labels=labels,
        samples_per_record=samples_per_record,
        n_records=n_records,
        record_s=record_s,
        is_discontinuous=fixed[192:197] == b"EDF+D",
        findings=findings,
    )


def _n_signals(path: Path, fixed: bytes) -> int:
    if not fixed:
        raise InputError(path, "the file is empty", _NOT_EDF)
    if fixed.startswith(b"\xffBIOSEMI"):
        raise InputError(path, "is BDF, which is not read yet", "Convert it to EDF")
    if not fixed.startswith(b"0       ") or len(fixed) < _FIXED_BYTES:
        raise InputError(path, "is not EDF: it does not begin with an EDF header", _NOT_EDF)
    try:
        n_signals = int(fixed[252:256])
    except ValueError:
        n_signals = 0
    if n_signals < 1:
        raise InputError(path, "is not EDF: its header does not say how many signals it has", _NOT_EDF)
    return n_signals


def _n_readable_records(path: Path, announced: int, present: int, rest_bytes: int) -> tuple[int, tuple[Finding, ...]]:
    if announced == -1 and present:
        # EDF's way to say that the recorder was never stopped properly.
        message = f"the header does not count its data records; the {present} that are there were read"
        return present, (Finding(id="record-count-unknown", message=message),)
    if present < announced:
        fault = f"is truncated: {present} of {announced} data records are there"
        raise InputError(path, fault, "Fetch or export the file again")
    if announced < 1:
        raise InputError(path, "holds no data records", "Fetch or export the file again")
    if present > announced or rest_bytes:
        message = f"data beyond the {announced} data records that the header counts were ignored"
        return announced, (Finding(id="trailing-data", message=message),)
    return announced, ()
