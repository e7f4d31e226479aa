"""From one dialect to another, and what that cost."""

from dataclasses import dataclass
from pathlib import Path

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.formats.reading import read_scored_hypnogram
from mc2sleepnet.formats.registry import check_format, write_hypnogram


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """A hypnogram rewritten.

    Attributes
    ----------
    source, out
        The two files.
    dialect
        What was written.
    start
        Local ISO 8601 clock time of the first epoch; None where unknown.
    n_epochs, n_scored
        Epochs, and how many of them have a stage.
    notes
        What had to be assumed in reading.
    lost
        What the new dialect does not carry.
    """

    source: Path
    out: Path
    dialect: str
    start: str | None
    n_epochs: int
    n_scored: int
    notes: tuple[str, ...]
    lost: tuple[str, ...]

    def told(self) -> list[str]:
        """One line for each assumption and each loss."""
        return [
            *(f"{self.source}: {note}" for note in self.notes),
            *(f"{self.out}: {self.dialect} does not carry {what}" for what in self.lost),
        ]

    def to_text(self) -> str:
        """One line on what was written."""
        start = "" if self.start is None else f", from {self.start}"
        return f"{self.out}: {self.n_epochs} epochs, {self.n_scored} scored{start}"

    def to_json(self) -> dict[str, object]:
        """Plain values."""
        return {
            "file": str(self.source),
            "out": str(self.out),
            "format": self.dialect,
            "start": self.start,
            "n_epochs": self.n_epochs,
            "n_scored": self.n_scored,
            "notes": list(self.notes),
            "lost": list(self.lost),
        }


def convert_hypnogram(
    source: Path,
    out: Path,
    dialect: str,
    *,
    codes: str | None = None,
    column: str | None = None,
    integers: bool = False,
) -> Conversion:
    """Read a hypnogram of any dialect and write it in another, all or nothing.

    Parameters
    ----------
    source, out
        The file to read, and the one to write.
    dialect
        One of `FORMATS`.
    codes, column
        As `read_hypnogram`.
    integers
        As `write_hypnogram`.

    Raises
    ------
    InputError
        If the file cannot be read, `out` is the file itself or no regular file, or the dialect does not exist or cannot
        hold it.
    """
    check_format(dialect)
    if out.exists() and source.exists() and out.samefile(source):
        raise InputError(out, "is the hypnogram that is to be converted", "Choose another --out")
    scored = read_scored_hypnogram(source, codes=codes, column=column)
    lost = write_hypnogram(scored, out, dialect, integers=integers)
    hypnogram = scored.hypnogram
    return Conversion(
        source=source,
        out=out,
        dialect=dialect,
        start=None if hypnogram.start is None else hypnogram.start.isoformat(),
        n_epochs=len(hypnogram),
        n_scored=int(hypnogram.is_scored.sum()),
        notes=hypnogram.notes,
        lost=lost,
    )
