"""Doubts that would change stages: each stops the reading until somebody accepts it by name."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.recording import Finding

# Every doubt there is, and what accepting it amounts to.
ACCEPTABLE: Final = {
    "amplitude-implausible": "read in the unit that fits the amplitude, or else as the header says",
    "beyond-range": "read by the header's ranges all the same",
    "mostly-clipped": "scored nevertheless",
    "mostly-flat": "scored nevertheless, flat epochs left out",
    "records-out-of-step": "read as if every data record stood where it belongs",
    "samples-scrambled": "read as they are",
    "trailing-data": "left out",
    "truncated": "read as far as the file goes",
    "unit-unknown": "read in the unit that fits the amplitude, or else as microvolts",
}


@dataclass(frozen=True, kw_only=True)
class Doubt(Finding):
    """A finding that stops the reading unless it is accepted.

    Attributes
    ----------
    remedy
        What else the user can do about it, one sentence without a full stop.
    """

    remedy: str


class DoubtError(InputError):
    """A file was refused for a doubt that ``--accept`` would pass over.

    Parameters
    ----------
    where, fault, remedy
        As for `InputError`.
    finding
        Id of the doubt.
    """

    def __init__(self, where: str | Path, fault: str, remedy: str, finding: str) -> None:
        self.finding = finding
        super().__init__(where, fault, remedy)

    def __reduce__(self) -> tuple[type["DoubtError"], tuple[str, str, str, str]]:  # type: ignore[override]
        """Cross the border of a process whole."""
        return type(self), (self.where, self.fault, self.remedy, self.finding)


def check_accepted(accept: Collection[str]) -> None:
    """Refuse ids that are no doubt's: a misspelled one would otherwise be noticed only when it is too late.

    Raises
    ------
    InputError
        Naming those that can be accepted.
    """
    for finding in accept:
        if finding not in ACCEPTABLE:
            raise InputError(f"--accept {finding}", "no doubt has this name", f"Choose from {', '.join(ACCEPTABLE)}")


def settle(where: str | Path, findings: Iterable[Finding], accept: Collection[str]) -> tuple[Finding, ...]:
    """Findings with the accepted doubts among them marked so.

    Raises
    ------
    DoubtError
        At the first doubt that is not accepted.
    """
    settled = []
    for finding in findings:
        if not isinstance(finding, Doubt):
            settled.append(finding)
        elif finding.id in accept:
            settled.append(Finding(id=finding.id, message=f"{finding.message} (accepted: {ACCEPTABLE[finding.id]})"))
        else:
            remedy = f"{finding.remedy}, or go on with --accept {finding.id}"
            raise DoubtError(where, finding.message, remedy, finding.id)
    return tuple(dict.fromkeys(settled))
