"""Figures that others have published, to stand beside ours. None of them is this project's."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

PROTOCOL = "as published"


@dataclass(frozen=True, kw_only=True)
class PublishedFigures:
    """One row of a published table, in percent but κ, exactly as it was printed; None where it was not.

    Attributes
    ----------
    method
        Its name.
    accuracy, macro_f1
        Percent.
    kappa
        Cohen's κ.
    f1
        Percent, of W, N1, N2, N3, R.
    note
        What else there is to say.
    """

    method: str
    accuracy: str
    macro_f1: str | None = None
    kappa: str | None = None
    f1: tuple[str, str, str, str, str] | None = None
    note: str = ""


# Accuracy, macro-F1, κ and F1 per stage as the methods' authors, or later authors quoting them, print them. Epoch
# totals, folds and channels differ from paper to paper.
PUBLISHED: Mapping[str, tuple[PublishedFigures, ...]] = MappingProxyType(
    {
        "sleep-edf-78": (
            PublishedFigures(method="U-Time", accuracy="81.3", macro_f1="76.3", kappa=".745"),
            PublishedFigures(method="SleepTransformer", accuracy="81.4", macro_f1="74.3", kappa=".743"),
            PublishedFigures(method="SeqSleepNet", accuracy="82.6", macro_f1="76.4", kappa=".760"),
            PublishedFigures(method="TinySleepNet", accuracy="83.1", macro_f1="78.1", kappa=".77"),
            PublishedFigures(method="XSleepNet2", accuracy="84.0", macro_f1="77.9", kappa=".778"),
            PublishedFigures(
                method="SleePyCo",
                accuracy="84.6",
                macro_f1="79.0",
                kappa=".787",
                f1=("93.5", "50.4", "86.5", "80.5", "84.2"),
            ),
            PublishedFigures(method="MC2SleepNet (Na et al. 2025)", accuracy="84.6", note="author's page: 84.7"),
        ),
        "shhs": (
            PublishedFigures(method="SeqSleepNet", accuracy="86.5", macro_f1="78.5", kappa=".81"),
            PublishedFigures(method="XSleepNet", accuracy="87.6", macro_f1="80.7", kappa=".826"),
            PublishedFigures(method="SleepTransformer", accuracy="87.7", macro_f1="80.1", kappa=".828"),
            PublishedFigures(
                method="SleePyCo",
                accuracy="87.9",
                macro_f1="80.7",
                kappa=".830",
                f1=("92.6", "49.2", "88.5", "84.5", "88.6"),
            ),
            PublishedFigures(method="L-SeqSleepNet", accuracy="88.4", kappa=".838"),
            PublishedFigures(method="MC2SleepNet (Na et al. 2025)", accuracy="88.6", note="author's page: 88.4"),
        ),
    }
)
