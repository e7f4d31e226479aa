"""Text of files whose encoding nobody wrote down."""

import codecs
import re
from pathlib import Path
from typing import Final

from mc2sleepnet.core.errors import InputError

# A hypnogram is some hundred kilobytes, a scoring with all its events some megabytes; a recording given by mistake
# must not fill the memory.
LARGEST_BYTES: Final = 32 * 1024 * 1024
MOST_LINES: Final = 500_000
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARED: Final = re.compile(rb"^\s*<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._\-]+)[\"']")


def read_text(path: Path) -> str:
    r"""Read a text file in UTF-8, UTF-16 or UTF-32 with or without byte-order mark, or else in Windows-1252.

    Line ends become ``\n``. An encoding that an XML declaration names is tried where the bytes are not UTF-8.

    Raises
    ------
    InputError
        If the file is too large or too long for a hypnogram, or binary.
    OSError
        If it cannot be read.
    """
    with path.open("rb") as file:
        content = file.read(LARGEST_BYTES + 1)
    if len(content) > LARGEST_BYTES:
        fault = f"is larger than {LARGEST_BYTES // 2**20} MiB, which no hypnogram is"
        raise InputError(path, fault, "Name the file with the scoring, not the recording")
    text = _decode(content)
    if "\x00" in text:
        raise InputError(path, "is no text file", "Name a hypnogram in a known format")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.count("\n") > MOST_LINES:
        raise InputError(path, f"has more than {MOST_LINES} lines, which no hypnogram has", "Name the scoring's file")
    return text


def _decode(content: bytes) -> str:
    for bom, encoding in _BOMS:
        if content.startswith(bom):
            return content.removeprefix(bom).decode(encoding, errors="replace")
    # Without a mark, every other byte of Western text in UTF-16 is zero.
    beginning = content[:400]
    if len(beginning) >= 4 and len(content) % 2 == 0:
        for first, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
            if not any(beginning[first::2]) and all(beginning[1 - first :: 2]):
                return content.decode(encoding, errors="replace")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        pass
    declared = _DECLARED.match(content)
    if declared is not None:
        try:
            return content.decode(declared[1].decode())
        except (LookupError, ValueError):
            pass
    return content.decode("cp1252", errors="replace")
