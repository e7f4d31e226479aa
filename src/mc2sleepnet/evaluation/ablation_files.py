"""The results of an ablation as files: table, figure and page, for people and for programs."""

import csv
import io
import json
import math
from pathlib import Path

from mc2sleepnet.core.files import write_text_atomically
from mc2sleepnet.evaluation.ablation_results import (
    BETTER,
    NOISE,
    REFERENCE,
    TOO_FEW,
    UNTESTED,
    WORSE,
    AblationResults,
)
from mc2sleepnet.evaluation.crossval_results import (
    REPORT,
    RESULTS_CSV,
    RESULTS_JSON,
    RESULTS_MD,
    SYNTHETIC,
    markdown_table,
)
from mc2sleepnet.report.ablation_page import ablation_page
from mc2sleepnet.report.intervals_svg import Interval, intervals_svg
from mc2sleepnet.report.page import RESEARCH_USE

FIGURE = "settings.svg"
ABLATION_HEAD = (
    "setting",
    "runs",
    "accuracy %",
    "macro-F1 %",
    "κ",
    "κ, 95 % over subjects",
    "κ of seeds, sd",
    "κ minus reference",
    "95 %",
    "p (Holm)",
    "verdict",
)
IN_FIGURE = ("κ, 95 % over subjects", "κ of seeds, sd")  # or in the table for people who read Markdown
HOW_TO_READ = (
    "Every setting is compared with its reference on the same test subjects, folds and seeds. The interval of the "
    "difference is a paired bootstrap over subjects, p a permutation test that swaps the two within subjects, adjusted "
    "for the number of settings (Holm). “Better” and “worse” need p below 0.05, an interval without zero, and a "
    "difference larger than the reference's own standard deviation between seeds. “Too few subjects to tell” fulfils "
    "the last two, but no p of so few subjects can be small enough. All else is noise."
)


def write_ablation(results: AblationResults, out: Path) -> None:
    """Write `results.json`, `results.csv`, `results.md`, `settings.svg` and `report.html`."""
    figure = _to_figure(results)
    write_text_atomically(out / FIGURE, figure)
    write_text_atomically(out / RESULTS_CSV, _to_csv(results))
    write_text_atomically(out / RESULTS_MD, _to_markdown(results))
    page = ablation_page(
        title=results.title,
        caveats=[caveat for caveat in results.caveats() if caveat != SYNTHETIC],
        how_to_read=HOW_TO_READ,
        figure=figure,
        head=[name for name in ABLATION_HEAD if name not in IN_FIGURE],
        rows=[
            [cell for name, cell in zip(ABLATION_HEAD, row, strict=True) if name not in IN_FIGURE]
            for row in ablation_table(results)
        ],
        facts=results.facts,
        is_synthetic=results.is_synthetic,
    )
    write_text_atomically(out / REPORT, page)
    write_text_atomically(out / RESULTS_JSON, json.dumps(results.to_json(), indent=1, ensure_ascii=False) + "\n")


def ablation_table(results: AblationResults) -> list[tuple[str, ...]]:
    """One row a setting, under `ABLATION_HEAD`."""
    return [
        (
            row.result.name,
            str(len(row.result.by_run)),
            _percent(row.result.pooled.agreement.accuracy),
            _percent(row.result.pooled.agreement.macro_f1),
            _figure(row.result.pooled.agreement.kappa),
            _interval(*row.result.pooled.intervals["kappa"]),
            _figure(row.result.seed_spread),
            "–" if row.difference is None else _signed(row.difference.difference),
            "–" if row.difference is None else _interval(row.difference.low, row.difference.high),
            _figure(row.p_holm),
            row.verdict + (f" ({row.result.beside})" if results.is_label_study and row.difference else ""),
        )
        for row in results.rows
    ]


def _to_figure(results: AblationResults) -> str:
    """κ of every setting with its interval; a line at the first one's."""
    rows = [
        Interval(
            name=row.result.name,
            value=row.result.pooled.agreement.kappa,
            low=row.result.pooled.intervals["kappa"][0],
            high=row.result.pooled.intervals["kappa"][1],
            text=f"{_figure(row.result.pooled.agreement.kappa)}  {_short(row.verdict)}",
            is_strong=row.verdict in (BETTER, WORSE),
        )
        for row in results.rows
    ]
    synthetic = ", synthetic data" if results.is_synthetic else ""
    title = f"κ on held-out subjects, 95 % over subjects{synthetic}"
    return intervals_svg(title, rows, reference=results.rows[0].result.pooled.agreement.kappa)


def _to_csv(results: AblationResults) -> str:
    content = io.StringIO()
    rows = csv.writer(content, lineterminator="\n")
    ends = [f"{name}{end}" for name in ("accuracy", "macro_f1", "kappa") for end in ("", "_low", "_high")]
    rows.writerow(
        (
            *("setting", "labelled_nights", "is_synthetic", "runs", "subjects", "epochs", *ends, "kappa_seed_sd"),
            *("beside", "kappa_difference", "kappa_difference_low", "kappa_difference_high", "p", "p_holm", "verdict"),
        )
    )
    for row in results.rows:
        pooled, difference = row.result.pooled, row.difference
        figures = pooled.agreement.accuracy, pooled.agreement.macro_f1, pooled.agreement.kappa
        with_ends = [
            value
            for name, figure in zip(("accuracy", "macro_f1", "kappa"), figures, strict=True)
            for value in (figure, *pooled.intervals[name])
        ]
        tested = [math.nan] * 4
        if difference is not None:
            tested = [difference.difference, difference.low, difference.high, difference.p]
        rows.writerow(
            (
                row.result.name,
                row.result.labelled_nights or "all",
                int(results.is_synthetic),
                len(row.result.by_run),
                len(pooled.per_subject),
                pooled.agreement.n_epochs,
                *map(_csv, (*with_ends, row.result.seed_spread)),
                row.result.beside if difference else "",
                *map(_csv, (*tested, row.p_holm)),
                row.verdict,
            )
        )
    return content.getvalue()


def _to_markdown(results: AblationResults) -> str:
    lines = [f"# {results.title}", ""]
    for caveat in results.caveats():
        lines += [f"**{caveat}**", ""]
    lines += markdown_table(ABLATION_HEAD, ablation_table(results))
    lines += ["", HOW_TO_READ, "", f"![κ of every setting with its interval]({FIGURE})", ""]
    noise = [row.result.name for row in results.rows if row.verdict == NOISE]
    if noise:
        lines += [f"Not to be told from noise: {'; '.join(noise)}.", ""]
    too_few = [row.result.name for row in results.rows if row.verdict == TOO_FEW]
    if too_few:
        lines += [f"Larger than noise, but with too few subjects to tell: {'; '.join(too_few)}.", ""]
    lines += ["## How this was made", "", *(f"- {name}: {value}" for name, value in results.facts.items()), ""]
    lines += [RESEARCH_USE, ""]
    return "\n".join(lines)


def _percent(value: float) -> str:
    return "–" if math.isnan(value) else f"{100 * value:.1f}"


def _figure(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}"


def _signed(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:+.3f}"


def _interval(low: float, high: float) -> str:
    return "–" if math.isnan(low) else f"{low:.3f} to {high:.3f}"


def _csv(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.6f}"


def _short(verdict: str) -> str:
    return verdict if verdict in (BETTER, WORSE) else "" if verdict in (REFERENCE, UNTESTED) else "≈"
