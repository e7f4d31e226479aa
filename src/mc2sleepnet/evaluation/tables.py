"""Agreement as plain text, for terminals and logs."""

import math
from collections.abc import Mapping, Sequence

from mc2sleepnet.core.stages import STAGES
from mc2sleepnet.metrics.agreement import Agreement

ABSENT = "–"


def agreement_text(agreement: Agreement) -> str:
    """Aligned text of one agreement: the summary, one line a stage, the confusion matrix.

    No last line end; an en dash stands where a figure has no value.
    """
    lines = [
        f"accuracy {figure(agreement.accuracy)}   macro-F1 {figure(agreement.macro_f1)}   κ {figure(agreement.kappa)}",
        "",
        "stage      F1  precision  recall  epochs",
    ]
    lines += [
        f"{name:<5} {figure(agreement.f1[stage]):>7} {figure(agreement.precision[stage]):>10}"
        f" {figure(agreement.recall[stage]):>7} {agreement.support[stage]:>7d}"
        for stage, name in enumerate(STAGES)
    ]
    width = max(6, len(str(agreement.confusion.max())) + 2)
    lines += ["", "reference \\ scored" + "".join(f"{name:>{width}}" for name in STAGES)]
    lines += [
        f"{name:>18}" + "".join(f"{count:>{width}d}" for count in row)
        for name, row in zip(STAGES, agreement.confusion.tolist(), strict=True)
    ]
    return "\n".join(lines)


def agreements_text(agreements: Mapping[str, Agreement]) -> str:
    """Aligned text of several scorers against one reference, one line each; no last line end."""
    width = max(len("scorer"), *(len(name) for name in agreements))
    head = f"{'scorer':<{width}}  epochs  accuracy  macro-F1      κ"
    lines = [head + "".join(f"  {'F1 ' + stage:>5}" for stage in STAGES)]
    lines += [
        f"{name:<{width}}  {one.n_epochs:>6d}  {figure(one.accuracy):>8}  {figure(one.macro_f1):>8}"
        f"  {figure(one.kappa):>5}" + "".join(f"  {figure(f1):>5}" for f1 in one.f1)
        for name, one in agreements.items()
    ]
    return "\n".join(lines)


def aligned_text(head: Sequence[str], rows: Sequence[Sequence[str]], *, n_text_columns: int = 3) -> str:
    """Aligned text of any table: the first columns to the left, figures to the right; no last line end."""
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(
            f"{cell:<{width}}" if column < n_text_columns else f"{cell:>{width}}"
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def figure(value: float) -> str:
    """Three digits after the point; an en dash for NaN."""
    return ABSENT if math.isnan(value) else f"{value:.3f}"
