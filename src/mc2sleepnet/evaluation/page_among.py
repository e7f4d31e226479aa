"""The part of the report about scorers among each other."""

from collections.abc import Sequence

import numpy as np

from mc2sleepnet.core.stages import STAGES
from mc2sleepnet.evaluation.result import SystemsResult
from mc2sleepnet.metrics.estimate import Estimate
from mc2sleepnet.metrics.several_scorers import SeveralScorers
from mc2sleepnet.report.heat_table import heat_table
from mc2sleepnet.report.page import columns, section
from mc2sleepnet.report.rows_figure import Row, rows_figure
from mc2sleepnet.report.svg import Markup, element

_MOST_PAIRS = 15
_NAMES = {"accuracy": "accuracy", "kappa": "κ", "macro_f1": "macro-F1"}


def among_sections(labels: Sequence[str], found: SeveralScorers) -> list[Markup]:
    """Where each scorer stands, and how far every two agree."""
    order = np.argsort(found.place, kind="stable")
    rows = [
        Row(
            label=labels[index],
            value=float(found.accuracy.value[index]),
            low=float(found.accuracy.interval[index, 0]),
            high=float(found.accuracy.interval[index, 1]),
            colour="var(--review)" if found.is_machine[index] else "var(--accent)",
            note="machine" if found.is_machine[index] else "",
        )
        for index in order
    ]
    who = "people" if found.is_machine.any() and not found.is_machine[found.is_panel].any() else "scorers"
    ceiling = found.ceiling_accuracy
    text = (
        f"Each against the consensus of the other {who}, on {found.n_epochs:,} epochs that all of them scored. "
        f"The dashed line is the ceiling: what the {who} reach on average, {_with_interval(ceiling)}. "
        "Ties go to the scorer who agrees most with the others (Guillot et al. 2020)."
    )
    known = found.pairwise.value[~np.eye(len(labels), dtype=bool)]
    known = known[~np.isnan(known)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    pairs = heat_table(
        found.pairwise.value,
        labels,
        corner=("scorer", "scorer"),
        name="Agreement of every two scorers",
        lightest=min(low, high - 0.1) - 0.05,
        darkest=high + 0.05,
        is_diagonal_empty=True,
    )
    summary = element(
        "p",
        f"Mean pairwise agreement {_with_interval(found.mean_pairwise)}; "
        f"Fleiss' κ {_with_interval(found.fleiss_kappa)}; "
        f"Krippendorff's α {_with_interval(found.krippendorff_alpha)}.",
        class_="more",
    )
    stage_rows = [
        Row(
            label=name,
            value=float(found.disagreement.value[stage]),
            low=float(found.disagreement.interval[stage, 0]),
            high=float(found.disagreement.interval[stage, 1]),
            colour=f"var(--{name})",
        )
        for stage, name in enumerate(STAGES)
    ]
    return [
        section(
            "Among each other",
            element("p", text, class_="note"),
            rows_figure(
                rows,
                name="accuracy",
                line=float(ceiling),
                band=(float(ceiling.interval[0]), float(ceiling.interval[1])),
            ),
        ),
        columns(
            (section("Every two, percent of epochs", pairs, summary),),
            (
                section(
                    "Where they disagree",
                    element("p", f"Share of pairs of {who} who differ, by the stage most of them gave.", class_="note"),
                    rows_figure(stage_rows, name="disagreement", limits=(0, _top(found.disagreement))),
                ),
            ),
        ),
    ]


def systems_section(systems: Sequence[SystemsResult]) -> Markup:
    """Differences of every two scorers with the reference as judge, and what they show."""
    figures = []
    for key, name in _NAMES.items():
        rows = [
            Row(
                label=f"{one.second} − {one.first}",
                value=difference.difference,
                low=difference.low,
                high=difference.high,
                text=one.verdict(key),
                colour="var(--soft)" if one.verdict(key) == "no difference shown" else "var(--accent)",
            )
            for one in systems[:_MOST_PAIRS]
            for difference in [one.differences[key]]
        ]
        figures.append(element("div", element("h3", f"Difference in {name}"), rows_figure(rows, name=name, line=0.0)))
    text = (
        "Two scorers at a time, judged by the reference on the epochs that all three scored. Higher is said only where "
        "the paired bootstrap interval leaves out 0 and a permutation test over subjects gives p < 0.05, adjusted for "
        "the number of pairs (Holm); everything else is no difference shown, which does not mean that there is none."
    )
    left = len(systems) - _MOST_PAIRS
    more = element("p", f"{left} more pairs: see --json.", class_="more") if left > 0 else Markup()
    return section("Do they differ?", element("p", text, class_="note"), element("div", *figures, class_="stack"), more)


def _top(found: Estimate) -> float:
    """Upper end of an axis that begins at zero."""
    drawn = np.concatenate([found.value, found.interval.ravel()])
    drawn = drawn[~np.isnan(drawn)]
    return float(drawn.max()) * 1.02 if len(drawn) and drawn.max() > 0 else 1.0


def _with_interval(found: Estimate) -> str:
    value, interval = float(found), found.interval
    shown = "–" if np.isnan(value) else f"{value:.3f}"
    return shown if np.isnan(interval[0]) else f"{shown} [{interval[0]:.3f}, {interval[1]:.3f}]"
