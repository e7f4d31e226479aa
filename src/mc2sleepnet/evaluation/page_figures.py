"""The parts of the report about one scorer: nights, sleep statistics, changes of stage, probabilities, groups."""

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.stages import STAGES
from mc2sleepnet.evaluation.result import Evaluation, ScorerResult
from mc2sleepnet.metrics.calibrated import Calibration
from mc2sleepnet.metrics.confusions import accuracies
from mc2sleepnet.metrics.night_agreement import STATISTICS
from mc2sleepnet.metrics.pooled import PooledAgreement
from mc2sleepnet.report.heat_table import heat_table
from mc2sleepnet.report.page import section
from mc2sleepnet.report.points_figure import Line, Points, Whisker, points_figure
from mc2sleepnet.report.rows_figure import Row, rows_figure
from mc2sleepnet.report.statistics_tables import NAMES
from mc2sleepnet.report.svg import Markup, element

_DRAWN = (
    "tst_min",
    "se_percent",
    "sol_min",
    "waso_min",
    "rem_latency_onset_min",
    "n1_min",
    "n2_min",
    "n3_min",
    "r_min",
)
_BIN = 0.02
_PLOT_PX = 170


def nights_figure(scorer: ScorerResult) -> Markup:
    """How many recordings have which accuracy."""
    accuracy = accuracies(scorer.counts.confusion)
    accuracy = accuracy[~np.isnan(accuracy)]
    if not len(accuracy):
        return element("p", "No recording has an epoch that both sides scored.", class_="note")
    # By the number of the bin, since 0.02 has no exact float; the last bin is closed at 1.
    n_bins = round(1 / _BIN)
    bin_of = np.minimum(np.floor(accuracy / _BIN + 1e-9).astype(np.intp), n_bins - 1)
    count = np.bincount(bin_of, minlength=n_bins)
    first, top = int(bin_of.min()), int(count.max())
    left = np.arange(n_bins) * _BIN
    bars = np.stack([left + 0.1 * _BIN, left + 0.9 * _BIN, count / top], axis=1)
    mean = scorer.pooled.mean_accuracy
    interval = "" if np.isnan(mean.interval[0]) else f" [{mean.interval[0]:.3f}, {mean.interval[1]:.3f}]"
    key = (
        f"mean over recordings {float(mean):.3f}{interval}, middle {np.median(accuracy):.3f}, "
        f"from {accuracy.min():.3f} to {accuracy.max():.3f}"
    )
    return points_figure(
        Points(
            title="Accuracy of each recording",
            key=key,
            x_name="accuracy",
            y_name="recordings",
            x_limits=(first * _BIN, 1.0),
            y_limits=(0, top),
            is_count=True,
            bars=bars[count > 0],
        ),
        height_px=130,
    )


def statistics_section(scorer: ScorerResult) -> Markup:
    """Bland and Altman's plot of the sleep statistics people ask for."""
    figures = []
    for name in _DRAWN:
        index = STATISTICS.index(name)
        reference = scorer.counts.statistics_reference[:, index]
        scored = scorer.counts.statistics_scored[:, index]
        is_known = ~np.isnan(reference) & ~np.isnan(scored)
        if not is_known.any():
            continue
        figures.append(_bland_altman(name, scorer.pooled, index, reference[is_known], scored[is_known]))
    text = (
        "Scored minus reference over the mean of both, one dot a recording; the line is the bias, the dashed ones the "
        "limits of agreement (Bland and Altman 1986), shaded their 95 % intervals."
    )
    return section("Sleep statistics", element("p", text, class_="note"), element("div", *figures, class_="figures"))


def _bland_altman(
    name: str, pooled: PooledAgreement, index: int, reference: NDArray[np.float64], scored: NDArray[np.float64]
) -> Markup:
    found = pooled.statistics
    difference, mean = scored - reference, (scored + reference) / 2
    unit = "%" if name.endswith("percent") else "min"
    title = NAMES.get(name) or f"{name.split('_', maxsplit=1)[0].upper()} minutes"
    bias, low, high = (float(values[index]) for values in (found.bias, found.low, found.high))
    limits = "" if np.isnan(low) else f", limits {low:+.1f} to {high:+.1f}"
    reach = [
        *difference,
        *(x for x in (low, high, *found.low_interval[index], *found.high_interval[index]) if np.isfinite(x)),
    ]
    lines = [
        Line(value=bias, low=found.bias_interval[index, 0], high=found.bias_interval[index, 1], is_strong=True),
        Line(value=low, low=found.low_interval[index, 0], high=found.low_interval[index, 1]),
        Line(value=high, low=found.high_interval[index, 0], high=found.high_interval[index, 1]),
    ]
    return points_figure(
        Points(
            title=title,
            key=f"bias {bias:+.1f} {unit}{limits}".replace("-", "−"),
            x_name=f"mean of both, {unit}",
            x_limits=_around(mean),
            y_limits=_around(np.array([*reach, 0.0])),
            dots=np.stack([mean, difference], axis=1),
            lines=lines,
        ),
        height_px=_PLOT_PX,
    )


def _around(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    margin = 0.06 * (high - low) or 1.0
    return low - margin, high + margin


def changes_section(scorer: ScorerResult) -> Markup:
    """Errors around changes of stage, whether changes are found, and what follows what."""
    pooled = scorer.pooled
    error = pooled.error_by_distance
    known = error.value[~np.isnan(error.value)]
    top = max(0.1, float(np.nanmax(np.concatenate([known, error.interval[:, 1], [0.1]]))))
    distance = points_figure(
        Points(
            title="Error by distance from a change",
            key="share of epochs that differ; 10 stands for 10 and more",
            x_name="epochs from the nearest change in the reference",
            x_limits=(-0.4, 10.4),
            y_limits=(0, top),
            percent_y=True,
            whiskers=[
                Whisker(
                    x=float(i),
                    y=float(error.value[i]),
                    low=float(error.interval[i, 0]),
                    high=float(error.interval[i, 1]),
                )
                for i in range(len(error.value))
            ],
        ),
        height_px=_PLOT_PX,
    )
    names = ("recall", "precision", "F1")
    rows = [
        Row(
            label=f"{names[i % 3]}, {'exactly' if i < 3 else 'within an epoch'}",
            value=float(pooled.changes.value[i]),
            low=float(pooled.changes.interval[i, 0]),
            high=float(pooled.changes.interval[i, 1]),
        )
        for i in (3, 4, 5, 0, 1, 2)
    ]
    found = element("div", element("h3", "Changes of stage found"), rows_figure(rows, name="share", limits=(0, 1)))
    matrices = [
        element(
            "div",
            element("h3", f"What follows, percent: {name}"),
            heat_table(matrix.value, STAGES, corner=("from", "to"), name=f"What follows what: {name}"),
        )
        for name, matrix in (("reference", pooled.transitions_reference), ("scored", pooled.transitions_scored))
    ]
    return section(
        "Where stages change",
        element("div", distance, found, *matrices, class_="figures two"),
    )


def calibration_section(found: Calibration) -> Markup:
    """Reliability diagram, risk and coverage, and the scores."""
    total = max(found.n_in_bin.sum(), 1)
    n_bins = len(found.n_in_bin)
    share = found.n_in_bin / max(found.n_in_bin.max(), 1)
    bars = np.stack([np.arange(n_bins) / n_bins, np.arange(1, n_bins + 1) / n_bins, share * 0.3], axis=1)
    accuracy = found.accuracy_in_bin
    reliability = points_figure(
        Points(
            title="Reliability",
            key="on the dashed line probabilities mean what they say; bars: epochs",
            x_name="probability of the stage scored",
            y_name="accuracy",
            x_limits=(0, 1),
            y_limits=(0, 1),
            diagonal=True,
            bars=bars[found.n_in_bin > 0],
            whiskers=[
                Whisker(
                    x=float(found.confidence_in_bin[i]),
                    y=float(accuracy.value[i]),
                    low=float(accuracy.interval[i, 0]),
                    high=float(accuracy.interval[i, 1]),
                )
                for i in range(n_bins)
                if found.n_in_bin[i] >= max(5, 0.0005 * total)
            ],
        ),
        height_px=260,
    )
    is_known = ~np.isnan(found.risk)
    curve = np.stack([found.coverage[is_known], found.risk[is_known]], axis=1)
    curve = curve[curve[:, 0] > 0.01]
    risk = points_figure(
        Points(
            title="Risk and coverage",
            key="error among the epochs kept, the surest first",
            x_name="share of epochs kept",
            y_name="error",
            x_limits=(0, 1),
            y_limits=(0, max(0.05, float(curve[:, 1].max()) * 1.1) if len(curve) else 1),
            percent_x=True,
            percent_y=True,
            curve=curve,
        ),
        height_px=260,
    )
    text = (
        f"Expected calibration error {_shown(found.ece.value, found.ece.interval)}, of which {found.ece_by_chance:.3f} "
        "or more is chance: it is biased upwards, because a bin's accuracy scatters even where probabilities are true. "
        f"Brier score {_shown(found.brier.value, found.brier.interval)} (0 to 2); area under the risk-coverage curve "
        f"{_shown(found.aurc.value, found.aurc.interval)}. {found.n_epochs:,} epochs."
    )
    return section(
        "Probabilities", element("div", reliability, risk, class_="figures two"), element("p", text, class_="more")
    )


def _shown(value: NDArray[np.float64], interval: NDArray[np.float64]) -> str:
    if np.isnan(value):
        return "–"
    return f"{value:.3f}" + ("" if np.isnan(interval[0]) else f" [{interval[0]:.3f}, {interval[1]:.3f}]")


def groups_sections(evaluation: Evaluation, scorer: ScorerResult) -> list[Markup]:
    """One section a column of the subjects table."""
    sections = []
    for column, groups in scorer.groups.items():
        figures = []
        for key, name in (("accuracy", "Accuracy"), ("kappa", "κ")):
            rows = [
                Row(
                    label=group,
                    value=float(found.value),
                    low=float(found.interval[0]),
                    high=float(found.interval[1]),
                    note=f"{pooled.n_nights:,} recordings",
                )
                for group, pooled in groups.items()
                for found in [getattr(pooled, key)]
            ]
            line = float(getattr(scorer.pooled, key))
            figures.append(element("div", element("h3", name), rows_figure(rows, name=name, line=line)))
        several = evaluation.several_groups.get(column, {})
        if several and len(evaluation.labels) > 2:
            rows = [
                Row(
                    label=group,
                    value=float(one.mean_pairwise),
                    low=float(one.mean_pairwise.interval[0]),
                    high=float(one.mean_pairwise.interval[1]),
                    note=f"{one.n_nights:,} recordings",
                )
                for group, one in several.items()
            ]
            figures.append(
                element("div", element("h3", "Mean pairwise agreement"), rows_figure(rows, name="agreement"))
            )
        note = element("p", "The dashed line is all recordings together.", class_="note")
        sections.append(section(f"By {column}", note, element("div", *figures, class_="figures")))
    return sections
