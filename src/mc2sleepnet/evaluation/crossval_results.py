"""The results of a cross-validation: as data, and as the files that tell them."""

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mc2sleepnet.core.files import write_text_atomically
from mc2sleepnet.core.stages import STAGES
from mc2sleepnet.evaluation.published import PROTOCOL, PUBLISHED
from mc2sleepnet.evaluation.tested import HeldOutRecording, Pooled, pool
from mc2sleepnet.metrics.agreement import Agreement, agreement_from_confusion
from mc2sleepnet.report.confusion_svg import confusion_svg
from mc2sleepnet.report.crossval_page import crossval_page
from mc2sleepnet.report.page import RESEARCH_USE

RESULTS_JSON, RESULTS_CSV, RESULTS_MD, REPORT, CONFUSION_SVG = (
    "results.json",
    "results.csv",
    "results.md",
    "report.html",
    "confusion.svg",
)
FIGURES = ("accuracy", "macro_f1", "kappa", *(f"f1_{stage}" for stage in STAGES))
STAGE_HEAD = tuple(f"F1 {stage} %" for stage in STAGES)
TABLE_HEAD = ("scorer", "figures", "protocol", "epochs", "accuracy %", "macro-F1 %", "κ", *STAGE_HEAD)
NOT_OURS = (
    "Rows marked “as published” are other authors' figures on recordings of people, as they printed them: epoch "
    "totals, folds and channels differ. None of them was measured here."
)
THEIRS = "published by others"
SYNTHETIC = "Synthetic data: no person was recorded. Our figures say nothing about real sleep."


@dataclass(frozen=True, kw_only=True)
class CrossvalResults:
    """What came out of a cross-validation, finished or not.

    Attributes
    ----------
    recipe, corpus
        Its name, and the corpus of the store.
    recordings
        Test recordings of all finished folds.
    n_folds
        Folds the recipe has.
    missing
        Folds that are not in, by number, each with why.
    is_synthetic
        True where no person was recorded.
    facts
        What made this, for people and for machines.
    """

    recipe: str
    corpus: str
    recordings: Sequence[HeldOutRecording]
    n_folds: int
    missing: Mapping[int, str]
    is_synthetic: bool
    facts: Mapping[str, Any]

    @property
    def folds(self) -> list[int]:
        """Numbers of the finished folds."""
        return sorted({recording.fold for recording in self.recordings})

    def per_fold(self) -> dict[int, Agreement]:
        """Agreement over each fold's test epochs."""
        return {
            number: agreement_from_confusion(sum(r.confusion for r in self.recordings if r.fold == number))  # type: ignore[arg-type]
            for number in self.folds
        }

    def protocol(self) -> str:
        """Which folds of what our row rests on, in a few words."""
        folds = "one split" if self.n_folds == 1 else f"{len(self.folds)} of {self.n_folds} folds"
        return f"{self.recipe}, {folds}"

    def caveats(self) -> list[str]:
        """What a reader must know before the figures, one sentence each."""
        told = [SYNTHETIC] if self.is_synthetic else []
        if self.missing:
            numbers = ", ".join(map(str, self.missing))
            told.append(f"Folds missing: {numbers}. The pooled figures are of the other folds only.")
        return told

    def to_json(self, pooled: Pooled) -> dict[str, Any]:
        """All of it as plain numbers, lists and dicts."""
        return {
            "recipe": self.recipe,
            "corpus": self.corpus,
            "is_synthetic": self.is_synthetic,
            "folds": {
                "finished": self.folds,
                "of": self.n_folds,
                "missing": {str(k): v for k, v in self.missing.items()},
            },
            "pooled": pooled.to_json(),
            "per_fold": {str(number): one.to_json() for number, one in self.per_fold().items()},
            "per_subject": {subject: one.to_json() for subject, one in pooled.per_subject.items()},
            "recordings": [
                {**recording.to_json(), **_without_confusion(agreement_from_confusion(recording.confusion))}
                for recording in self.recordings
            ],
            "published": [
                {**vars(row), "f1": list(row.f1) if row.f1 else None, "protocol": PROTOCOL}
                for row in PUBLISHED.get(self.recipe, ())
            ],
            "facts": dict(self.facts),
        }

    def table(self, pooled: Pooled) -> list[tuple[str, ...]]:
        """Our row, its intervals, and the published rows, under `TABLE_HEAD`."""
        ours = pooled.agreement
        figures = "this run, SYNTHETIC data" if self.is_synthetic else "this run"
        bounds = [
            "–" if math.isnan(low) else f"{_as_printed(name, low)}–{_as_printed(name, high)}"
            for name, (low, high) in ((name, pooled.intervals[name]) for name in FIGURES)
        ]
        rows = [
            (
                "mc2sleepnet",
                figures,
                self.protocol(),
                f"{ours.n_epochs:,}",
                *(_as_printed(name, value) for name, value in zip(FIGURES, _values(ours), strict=True)),
            ),
            (f"95 % over {len(pooled.per_subject)} subjects", figures, "", "", *bounds),
        ]
        for row in PUBLISHED.get(self.recipe, ()):
            note = f" ({row.note})" if row.note else ""
            stages = row.f1 or ("–",) * len(STAGES)
            name = row.method + note
            rows.append((name, THEIRS, PROTOCOL, "–", row.accuracy, row.macro_f1 or "–", row.kappa or "–", *stages))
        return rows


def write_results(results: CrossvalResults, out: Path) -> Pooled:
    """Write `results.json`, `results.csv`, `results.md`, `confusion.svg` and `report.html`; what they pool."""
    pooled = pool(results.recordings)
    write_text_atomically(out / CONFUSION_SVG, confusion_svg(pooled.agreement, is_synthetic=results.is_synthetic))
    write_text_atomically(out / RESULTS_CSV, to_csv(results, pooled))
    write_text_atomically(out / RESULTS_MD, to_markdown(results, pooled))
    page = crossval_page(
        title=f"Cross-validation: {results.recipe}",
        lead=f"{results.protocol()}: every epoch of every held-out recording, scored by a network that met neither "
        "it nor its subject.",
        caveats=results.caveats()[1:] if results.is_synthetic else results.caveats(),
        note=NOT_OURS if results.recipe in PUBLISHED else "",
        head=TABLE_HEAD,
        rows=results.table(pooled),
        pooled=pooled.agreement,
        per_fold={str(number): one for number, one in results.per_fold().items()},
        per_subject=pooled.per_subject,
        facts=results.facts,
        is_synthetic=results.is_synthetic,
        is_whole=not results.missing,
    )
    write_text_atomically(out / REPORT, page)
    content = json.dumps(results.to_json(pooled), indent=1, ensure_ascii=False) + "\n"
    write_text_atomically(out / RESULTS_JSON, content)
    return pooled


def to_csv(results: CrossvalResults, pooled: Pooled) -> str:
    """One row for all, each fold, subject and recording; ours only, so that no published figure gets mixed in."""
    content = io.StringIO()
    rows = csv.writer(content, lineterminator="\n")
    bounds = [f"{name}_{end}" for name in FIGURES[:3] for end in ("low", "high")]
    rows.writerow(("scope", "name", "is_synthetic", "epochs", *FIGURES, *bounds))
    ends = [bound for name in FIGURES[:3] for bound in pooled.intervals[name]]
    one_by_one: list[tuple[str, str, Agreement, list[float]]] = [("pooled", results.recipe, pooled.agreement, ends)]
    one_by_one += [("fold", str(number), one, []) for number, one in results.per_fold().items()]
    one_by_one += [("subject", subject, one, []) for subject, one in pooled.per_subject.items()]
    one_by_one += [("recording", r.name, agreement_from_confusion(r.confusion), []) for r in results.recordings]
    for scope, name, one, interval in one_by_one:
        figures = [_csv(value) for value in (*_values(one), *(interval or [math.nan] * len(bounds)))]
        rows.writerow((scope, name, int(results.is_synthetic), one.n_epochs, *figures))
    return content.getvalue()


def to_markdown(results: CrossvalResults, pooled: Pooled) -> str:
    """The table, each fold and each subject, for people."""
    lines = [f"# Cross-validation: {results.recipe}", ""]
    for caveat in results.caveats():
        lines += [f"**{caveat}**", ""]
    lines += markdown_table(TABLE_HEAD, results.table(pooled))
    if results.recipe in PUBLISHED:
        lines += ["", NOT_OURS]
    lines += ["", f"![Confusion matrix, {pooled.agreement.n_epochs:,} epochs]({CONFUSION_SVG})", ""]
    lines += [f"Coverage: {100 * pooled.coverage:.2f} % of the epochs the reference scored have a stage of ours.", ""]
    for name, agreements in (
        ("fold", {str(number): one for number, one in results.per_fold().items()}),
        ("subject", pooled.per_subject),
    ):
        head = (name, "epochs", "accuracy %", "macro-F1 %", "κ", *STAGE_HEAD)
        rows = [
            (key, f"{one.n_epochs:,}", *(_as_printed(f, v) for f, v in zip(FIGURES, _values(one), strict=True)))
            for key, one in agreements.items()
        ]
        lines += [f"## Each {name}", "", *markdown_table(head, rows), ""]
    if results.missing:
        lines += ["## Folds missing", "", *(f"- {number}: {why}" for number, why in results.missing.items()), ""]
    lines += ["## How this was made", "", *(f"- {name}: {value}" for name, value in results.facts.items()), ""]
    lines += [RESEARCH_USE, ""]
    return "\n".join(lines)


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table; the first column is text, the others are figures."""
    return [
        "| " + " | ".join(head) + " |",
        "|" + "|".join(["---", *("---:" for _ in head[1:])]) + "|",
        *("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows),
    ]


def _values(agreement: Agreement) -> list[float]:
    return [agreement.accuracy, agreement.macro_f1, agreement.kappa, *map(float, agreement.f1)]


def _as_printed(name: str, value: float) -> str:
    """As papers print it: percent with one digit, κ with three."""
    if math.isnan(value):
        return "–"
    return f"{value:.3f}" if name == "kappa" else f"{100 * value:.1f}"


def _csv(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.6f}"


def _without_confusion(agreement: Agreement) -> dict[str, Any]:
    content = agreement.to_json()
    return {name: content[name] for name in ("accuracy", "macro_f1", "kappa", "stages")}
