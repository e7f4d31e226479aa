"""One scorer's hypnogram file against a reference's."""

from dataclasses import dataclass, replace
from pathlib import Path

from mc2sleepnet.core.hypnogram import Hypnogram
from mc2sleepnet.evaluation.pairs import align
from mc2sleepnet.evaluation.tables import agreement_text, figure
from mc2sleepnet.formats import read_hypnogram
from mc2sleepnet.metrics.agreement import (
    Agreement,
    accuracy_unscored_as_wrong,
    agreement,
    coverage,
    none_for_nan,
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """Agreement of one scorer with a reference on one night.

    Attributes
    ----------
    reference, scored
        The two sides' names; of files, the path as the user gave it.
    n_reference_epochs, n_reference_scored
        Epochs of the reference, and how many of them it scored.
    agreement
        Over the epochs both sides scored.
    coverage
        Share of the epochs the reference scored that the other side scored too.
    accuracy_unscored_as_wrong
        Accuracy with the epochs the other side left out counted as wrong.
    notes
        What had to be assumed in aligning the two, one sentence each.
    """

    reference: str
    scored: str
    n_reference_epochs: int
    n_reference_scored: int
    agreement: Agreement
    coverage: float
    accuracy_unscored_as_wrong: float
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """Return plain numbers, lists and dicts, with None for NaN."""
        return {
            "reference": self.reference,
            "scored": self.scored,
            "n_reference_epochs": self.n_reference_epochs,
            "n_reference_scored": self.n_reference_scored,
            "agreement": self.agreement.to_json(),
            "coverage": none_for_nan(self.coverage),
            "accuracy_unscored_as_wrong": none_for_nan(self.accuracy_unscored_as_wrong),
            "notes": list(self.notes),
        }

    def to_text(self) -> str:
        """Return aligned plain text for a terminal, without a last line end."""
        n_both = self.agreement.n_epochs
        return "\n".join(
            [
                f"{self.scored} against {self.reference}",
                f"{n_both} epochs scored by both, of {self.n_reference_scored} that the reference scored",
                *(f"note: {note}" for note in self.notes),
                "",
                agreement_text(self.agreement),
                "",
                f"coverage                      {figure(self.coverage)}",
                f"accuracy, unscored as wrong   {figure(self.accuracy_unscored_as_wrong)}",
            ]
        )


def compare(reference: Path, scored: Path) -> Comparison:
    """Compare two hypnogram files of any known format.

    Parameters
    ----------
    reference
        The file that is taken as right.
    scored
        The file that is judged.

    Raises
    ------
    InputError
        If either cannot be read as a hypnogram, or the two share no time of the day.
    """
    return compare_hypnograms(
        replace(read_hypnogram(reference), scorer=str(reference)),
        replace(read_hypnogram(scored), scorer=str(scored)),
    )


def compare_hypnograms(reference: Hypnogram, scored: Hypnogram) -> Comparison:
    """Compare two hypnograms of one night, aligned by the clock.

    Raises
    ------
    InputError
        If the two share no time of the day, or either has no epoch.
    """
    pair = align(reference, scored)
    return Comparison(
        reference=reference.scorer,
        scored=scored.scorer,
        n_reference_epochs=len(reference),
        n_reference_scored=int(reference.is_scored.sum()),
        agreement=agreement(pair.reference, pair.scored),
        coverage=coverage(pair.reference, pair.scored),
        accuracy_unscored_as_wrong=accuracy_unscored_as_wrong(pair.reference, pair.scored),
        notes=pair.notes,
    )
