"""Every epoch of every night with all scorers' stages, their hypnodensity and how far they differ."""

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.files import atomic_path
from mc2sleepnet.core.stages import EPOCH_S, STAGES, stage_name
from mc2sleepnet.evaluation.night import AlignedNight, read_night
from mc2sleepnet.evaluation.pairing import Paired
from mc2sleepnet.evaluation.result import Evaluation
from mc2sleepnet.metrics.consensus import consensus, disagreement, hypnodensity_of, soft_agreement, votes
from mc2sleepnet.metrics.night_scorers import in_panel

COLUMNS: Final = (
    *("recording", "subject", "epoch", "onset_s", "clock_time", "consensus", "disagreement"),
    *(f"p_{stage}" for stage in STAGES),
)
"""Before one column a scorer, the reference first, named by its label."""


def write_epochs(path: Path, evaluation: Evaluation, paired: Paired) -> None:
    """Write the table, all or nothing.

    `consensus`, `disagreement` (share of the pairs of scorers who differ) and ``p_W`` … ``p_R`` (share of the
    scorers who gave each stage) are of the panel: the people, or everybody where fewer than two are people.
    """
    subject_of = {night.name: subject for night, subject in zip(evaluation.nights, evaluation.subjects, strict=True)}
    labels = [scorer.label for scorer in paired.scorers]
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", errors="replace", newline="") as file:
        csv.writer(file, lineterminator="\n").writerow((*COLUMNS, *labels))
        for files in paired.nights:
            if files.name not in subject_of:
                continue
            try:
                night = read_night(files)
            except InputError:  # it could be read a moment ago
                continue
            file.write(_rows(files.name, subject_of[files.name], night, files.is_machine))


def _rows(name: str, subject: str, night: AlignedNight, is_machine: Sequence[bool]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(_cells(name, subject, night, is_machine))
    return text.getvalue()


def _cells(name: str, subject: str, night: AlignedNight, is_machine: Sequence[bool]) -> Iterator[tuple[object, ...]]:
    panel = night.stages[in_panel(np.array(is_machine))]
    reliability = np.array([soft_agreement(panel[k], np.delete(panel, k, axis=0)) for k in range(len(panel))])
    counts = votes(panel)
    shares, apart, decided = hypnodensity_of(counts), disagreement(counts), consensus(panel, reliability)
    hypnogram = night.reference.hypnogram
    for epoch in range(len(hypnogram)):
        time = hypnogram.clock_time(epoch)
        yield (
            *(name, subject, epoch, epoch * EPOCH_S, "" if time is None else time.isoformat()),
            stage_name(int(decided[epoch])),
            *("" if np.isnan(figure) else f"{figure:.4g}" for figure in (apart[epoch], *shares[epoch])),
            *(stage_name(int(stage)) for stage in night.stages[:, epoch]),
        )
