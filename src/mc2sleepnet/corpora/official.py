"""Files held against PhysioNet's SHA256SUMS.txt, where it lies beside them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mc2sleepnet.core.errors import InputError

SUMS_NAME: Final = "SHA256SUMS.txt"
_HEX_DIGITS: Final = 64
_REMEDY: Final = "Fetch it again, or give the folder that PhysioNet publishes"


def parse_sums(where: str | Path, text: str) -> dict[str, str]:
    """Hash of every file of a list, by its path below the list.

    Raises
    ------
    InputError
        If a line is no hash and path, a path leads out of the folder, or one file has two hashes.
    """
    sums: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        digest, _, name = line.strip().partition(" ")
        # `sha256sum` marks binary files with an asterisk.
        name = name.lstrip(" *")
        if len(digest) != _HEX_DIGITS or set(digest.lower()) - set("0123456789abcdef") or not name:
            raise InputError(where, f"line {number} is no SHA-256 and file name", _REMEDY)
        parts = name.split("/")
        if name.startswith("/") or "\\" in name or ":" in parts[0] or {"", ".", ".."} & {*parts}:
            raise InputError(where, f"line {number} names a file outside its folder, '{name}'", _REMEDY)
        if sums.setdefault(name, digest.lower()) != digest.lower():
            raise InputError(where, f"line {number} gives '{name}' a second hash", _REMEDY)
    if not sums:
        raise InputError(where, "names no files", _REMEDY)
    return sums


def unofficial_files(source: Path, sha256_of: Mapping[Path, str]) -> tuple[str, ...]:
    """A remark for every file that differs from the list in `source` or above it; none where there is no list."""
    folder = next((place for place in (source, source.parent) if (place / SUMS_NAME).is_file()), None)
    if folder is None:
        return ()
    try:
        sums = parse_sums(folder / SUMS_NAME, (folder / SUMS_NAME).read_text(encoding="utf-8", errors="replace"))
    except InputError as error:
        return (str(error),)
    digest_of = {name.rpartition("/")[2]: digest for name, digest in sums.items()}
    remarks = []
    for path, digest in sorted(sha256_of.items()):
        published = digest_of.get(path.name)
        if published is not None and published != digest:
            remarks.append(f"{path.name} is not the file that {SUMS_NAME} names")
    return tuple(remarks)
