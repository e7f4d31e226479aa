"""One recording's outcome in a line, for people and for machines."""

from typing import Any

from mc2sleepnet.scoring.cohort import Outcome


def outcome_text(outcome: Outcome) -> str:
    """What a person wants to see first of a scored night."""
    night = outcome.night
    if night is None:
        return f"{outcome.path.name}: finished before\n  {outcome.folder}"
    statistics = night.statistics()
    n_epochs, n_review = len(night.recording), int(night.review.sum())
    tst, efficiency = statistics["tst_min"], statistics["se_percent"]
    sleep = "no sleep" if not tst or efficiency is None else f"TST {tst:.0f} min, efficiency {efficiency:.0f} %"
    lines = [
        f"{outcome.path.name}: {n_epochs} epochs of {night.recording.channel}, {sleep}, "
        f"{n_review} to review ({100 * n_review / n_epochs:.0f} %)",
        *(f"  {finding.id}: {finding.message}" for finding in night.findings),
        f"  {outcome.folder}",
    ]
    if night.is_synthetic:
        lines.insert(1, "  synthetic data: no person was recorded")
    return "\n".join(lines)


def outcome_json(outcome: Outcome) -> dict[str, Any]:
    """The same for machines: `status` is ``"scored"``, ``"finished before"`` or ``"failed"``, then with `error`."""
    night, file = outcome.night, str(outcome.path)
    if outcome.error is not None:
        return {"file": file, "folder": None, "status": "failed", "error": str(outcome.error)}
    if night is None:
        return {"file": file, "folder": str(outcome.folder), "status": "finished before", "error": None}
    return {
        "file": file,
        "folder": str(outcome.folder),
        "status": "scored",
        "error": None,
        "is_synthetic": night.is_synthetic,
        "n_epochs": len(night.recording),
        "n_scored": int(night.hypnogram.is_scored.sum()),
        "n_review": int(night.review.sum()),
        "findings": [finding.id for finding in night.findings],
        "statistics": night.statistics(),
    }
