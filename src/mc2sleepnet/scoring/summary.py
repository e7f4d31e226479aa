"""Outcomes in a line each: for people, for machines, and as a table of the whole cohort."""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.files import folder_to_oneself, write_text_atomically
from mc2sleepnet.metrics.sleep_statistics import STATISTICS
from mc2sleepnet.scoring.job import Finished

SUMMARY_FILE: Final = "summary.csv"
SCORED, FINISHED_BEFORE, FAILED = "scored", "finished before", "failed"
_KEY: Final = ("file", "folder")
COLUMNS: Final = (
    *_KEY,
    *("status", "error", "is_synthetic", "channel", "start", "n_epochs", "n_scored", "n_review", "review_percent"),
    *("findings", *STATISTICS),
)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How one recording ended: finished, now or before, or refused with an error.

    Attributes
    ----------
    index
        Its place among the call's recordings.
    path, folder
        The file as it was named, and the folder of its outputs.
    finished
        What the folder tells; None where there is an error.
    error
        Why there is nothing.
    """

    index: int
    path: Path
    folder: Path
    finished: Finished | None = None
    error: InputError | None = None

    @property
    def status(self) -> str:
        """``scored``, ``finished before`` or ``failed``."""
        if self.finished is None:
            return FAILED
        return FINISHED_BEFORE if self.finished.was_finished_before else SCORED


def outcome_text(outcome: Outcome) -> str:
    """What a person wants to see first of a scored night."""
    assert outcome.finished is not None
    facts, statistics = outcome.finished.provenance, outcome.finished.statistics
    if outcome.status == FINISHED_BEFORE:
        return f"{outcome.path.name}: finished before\n  {outcome.folder}"
    n_epochs = facts["n_epochs"]
    tst, efficiency = statistics["tst_min"], statistics["se_percent"]
    sleep = "no sleep" if not tst or efficiency is None else f"TST {tst:g} min, efficiency {efficiency:.1f} %"
    lines = [
        f"{outcome.path.name}: {n_epochs} epoch{'s' * (n_epochs != 1)} of {facts['channel']['label']}, {sleep}, "
        f"{facts['n_review']} to review ({_review_percent(facts):.0f} %)"
    ]
    if facts["is_synthetic"]:
        lines.append("  synthetic data: no person was recorded")
    if facts["dissent"]:
        lines.append(
            f"  channels dissent in {facts['dissent']['n_epochs']} epochs ({facts['dissent']['percent']:.0f} %)"
        )
    lines += [f"  {finding['id']}: {finding['message']}" for finding in facts["findings"]]
    return "\n".join([*lines, f"  {outcome.folder}"])


def cohort_text(outcomes: Iterable[Outcome], table: Path) -> str:
    """A last line for several recordings: how many of each kind, and where the table is."""
    outcomes = list(outcomes)
    facts = [outcome.finished.provenance for outcome in outcomes if outcome.finished]
    n_scored, n_review = (sum(one[key] for one in facts) for key in ("n_scored", "n_review"))
    counts = {status: sum(one.status == status for one in outcomes) for status in (SCORED, FINISHED_BEFORE, FAILED)}
    told = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
    share = (
        f"; {n_review:,} of {n_scored:,} scored epochs to review ({100 * n_review / n_scored:.0f} %)"
        if n_scored
        else ""
    )
    return f"{len(outcomes)} recordings: {told}{share}\n  {table}"


def outcome_json(outcome: Outcome) -> dict[str, Any]:
    """The same for machines."""
    told = {"file": str(outcome.path), "folder": None, "status": outcome.status, "error": None}
    if outcome.finished is None:
        return told | {"error": str(outcome.error)}
    facts = outcome.finished.provenance
    return told | {
        "folder": str(outcome.folder),
        "is_synthetic": facts["is_synthetic"],
        "n_epochs": facts["n_epochs"],
        "n_scored": facts["n_scored"],
        "n_review": facts["n_review"],
        "findings": [finding["id"] for finding in facts["findings"]],
        "statistics": dict(outcome.finished.statistics),
    }


def _review_percent(facts: Mapping[str, Any]) -> float:
    """Share of the scored epochs that is marked for review."""
    return 100 * facts["n_review"] / facts["n_scored"] if facts["n_scored"] else 0.0


def check_table(out: Path) -> None:
    """Raise `InputError` where `out` has a table of this name that somebody else made."""
    table = out / SUMMARY_FILE
    if table.exists() and not table.read_text(encoding="utf-8", errors="replace").startswith(",".join(COLUMNS[:4])):
        raise InputError(table, "is another file than this program writes", "Move it, or choose another --out")


def write_table(out: Path, outcomes: Iterable[Outcome]) -> Path:
    """Write ``summary.csv``: a line for every recording, those of earlier calls into `out` first.

    The lines of this call stand in the order of its recordings, however they ended.
    """
    table = out / SUMMARY_FILE
    with folder_to_oneself(out, (SUMMARY_FILE,)):
        rows: dict[tuple[str, ...], Mapping[str, Any]] = {}
        if table.exists():
            earlier = csv.DictReader(io.StringIO(table.read_text(encoding="utf-8", errors="replace"), newline=""))
            rows = {tuple(row.get(key) or "" for key in _KEY): row for row in earlier}
        new = [_row(outcome) for outcome in sorted(outcomes, key=lambda outcome: outcome.index)]
        # A line of this call stands with the others of this call; what failed and was tried again has no other.
        keys, files = {_key(row) for row in new}, {_key(row)[0] for row in new}
        rows = {
            key: row
            for key, row in rows.items()
            if key not in keys and not (row.get("status") == FAILED and key[0] in files)
        }
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n", extrasaction="ignore", restval="")
        writer.writeheader()
        writer.writerows([*rows.values(), *new])
        write_text_atomically(table, text.getvalue())
    return table


def _key(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(row[key]).encode("utf-8", errors="replace").decode() for key in _KEY)


def _row(outcome: Outcome) -> dict[str, Any]:
    """One line; status ``scored`` whenever that was, so that a resumed cohort's table is an uninterrupted one's."""
    row: dict[str, Any] = {"file": str(outcome.path), "folder": outcome.folder.name, "status": FAILED}
    if outcome.finished is None:
        return row | {"error": " ".join(str(outcome.error).split())}
    facts = outcome.finished.provenance
    return row | {
        "status": SCORED,
        "is_synthetic": int(facts["is_synthetic"]),
        "channel": facts["channel"]["label"],
        "start": facts["start"],
        "n_epochs": facts["n_epochs"],
        "n_scored": facts["n_scored"],
        "n_review": facts["n_review"],
        "review_percent": f"{_review_percent(facts):.2f}",
        "findings": " ".join(dict.fromkeys(finding["id"] for finding in facts["findings"])),
        **{key: None if value is None else f"{value:.6g}" for key, value in outcome.finished.statistics.items()},
    }
