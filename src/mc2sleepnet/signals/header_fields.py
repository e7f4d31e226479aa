"""The bytes of an EDF header, field by field, and how small offences against the standard are mended."""

import re
from collections.abc import Iterator
from typing import Final

FIXED_BYTES: Final = 256
# Name and width of the fields of the fixed header and of one signal's, in order (EDF, section "header record").
_FIXED: Final = (
    *(("version", 8), ("patient", 80), ("recording", 80), ("start date", 8), ("start time", 8)),
    *(("header size", 8), ("reserved", 44), ("count of data records", 8)),
    *(("duration of a data record", 8), ("count of signals", 4)),
)
_OF_A_SIGNAL: Final = (
    *(("label", 16), ("transducer", 80), ("unit", 8), ("physical minimum", 8), ("physical maximum", 8)),
    *(("digital minimum", 8), ("digital maximum", 8), ("prefiltering", 80), ("samples per data record", 8)),
    ("reserved of a signal", 32),
)
_WHOLE: Final = frozenset(
    {"header size", "count of data records", "count of signals", "digital minimum", "digital maximum"}
    | {"samples per data record"}
)
_NUMBERS: Final = _WHOLE | {"duration of a data record", "physical minimum", "physical maximum"}
# Recorders vary its case and its plural; readers look for the standard's spelling.
_ANNOTATIONS: Final = re.compile(rb"[EB]DF ANNOTATIONS?", re.IGNORECASE)
# What Python takes for blank in text, and so what readers of text cut off at a field's end; of bytes, it takes fewer.
_BLANK: Final = b" \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f"
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")


def fixed_field(header: bytes, name: str) -> bytes:
    """A field of the fixed header."""
    at = 0
    for field, width in _FIXED:
        if field == name:
            return header[at : at + width]
        at += width
    raise KeyError(name)


def signal_fields(header: bytes, name: str, n_signals: int) -> list[bytes]:
    """A field of every signal's header; they stand side by side."""
    at = FIXED_BYTES
    for field, width in _OF_A_SIGNAL:
        if field == name:
            return [header[at + width * i : at + width * (i + 1)] for i in range(n_signals)]
        at += width * n_signals
    raise KeyError(name)


def with_fixed_field(header: bytes, name: str, text: bytes) -> bytes:
    """The header with another value in a field of its fixed part."""
    at = 0
    for field, width in _FIXED:
        if field == name:
            return header[:at] + text.ljust(width) + header[at + width :]
        at += width
    raise KeyError(name)


def mended(header: bytes, n_signals: int) -> tuple[bytes, tuple[str, ...], tuple[str, ...]]:
    """Write a header's fields the way the standard wants them.

    Numbers lose a decimal comma, padding by NUL and spaces in front; whole numbers a fraction of zeros; texts their
    padding by NUL. A number that is none stays as it is.

    Parameters
    ----------
    header
        Fixed header and those of `n_signals` signals.
    n_signals
        Of them.

    Returns
    -------
    tuple
        The header, as long as before; names of the fields that were mended; names of those whose text is not ASCII.
    """
    parts = [header[:8]]
    mends: dict[str, None] = {}
    foreign: dict[str, None] = {}
    for name, field in _fields(header, n_signals):
        content = _mended_number(field, is_whole=name in _WHOLE) if name in _NUMBERS else _mended_text(field)
        if content != field:
            mends[name] = None
        if name not in _NUMBERS and not content.isascii():
            foreign[name] = None
        parts.append(content)
    return b"".join(parts), tuple(mends), tuple(foreign)


def text_of(field: bytes) -> str:
    """Text of a header field: UTF-8 if its bytes are that, else Latin-1; printable, on one line."""
    try:
        text = field.decode("utf-8")
    except UnicodeDecodeError:
        text = field.decode("latin-1")
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text).strip()


def whole_in(field: bytes) -> int | None:
    """The whole number that a mended field holds, in digits; None if it holds none."""
    text = field.decode("latin-1").strip()
    return int(text) if re.fullmatch(r"-?[0-9]+", text) else None


def number_in(field: bytes) -> float | None:
    """The finite number that a mended field holds; None if it holds none."""
    text = field.decode("latin-1").strip()
    value = float(text) if _NUMBER.fullmatch(text) else float("inf")
    return value if abs(value) != float("inf") else None


def _fields(header: bytes, n_signals: int) -> Iterator[tuple[str, bytes]]:
    """Every field but the version, in the order of the file."""
    at = 8
    for name, width in _FIXED[1:]:
        yield name, header[at : at + width]
        at += width
    for name, width in _OF_A_SIGNAL:
        for _ in range(n_signals):
            yield name, header[at : at + width]
            at += width


def _mended_number(field: bytes, *, is_whole: bool) -> bytes:
    text = field.decode("latin-1").replace("\x00", " ").strip().replace(",", ".")
    if not _NUMBER.fullmatch(text):
        return field
    if is_whole and not re.fullmatch("-?[0-9]+", text):
        value = float(text)
        if not value.is_integer():
            return field
        text = str(int(value))
    return text.encode().ljust(len(field)) if len(text) <= len(field) else field


def _mended_text(field: bytes) -> bytes:
    text = field.replace(b"\x00", b" ")
    if _ANNOTATIONS.fullmatch(text.strip(_BLANK)):
        text = (text.strip(_BLANK)[:3].upper() + b" Annotations").ljust(len(field))
    return text
