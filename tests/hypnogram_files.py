"""Hypnogram files for tests of evaluation."""

from datetime import datetime
from pathlib import Path

import numpy as np

from mc2sleepnet.core.hypnogram import Hypnogram
from mc2sleepnet.formats import write_hypnogram_csv

START = datetime(2024, 3, 1, 23, 0)


def hypnogram(codes, start=START, scorer="someone"):
    return Hypnogram(stage=np.array(codes, np.int8), start=start, scorer=scorer)


def csv_file(path: Path, codes, start=START, hypnodensity=None):
    n = len(codes)
    path.parent.mkdir(parents=True, exist_ok=True)
    density = np.full((n, 5), 0.2) if hypnodensity is None else hypnodensity
    write_hypnogram_csv(
        path,
        hypnogram(codes, start),
        hypnodensity=density,
        confidence=density.max(axis=1),
        review=np.zeros(n, bool),
        source=["model"] * n,
    )
    return path


def text_file(path: Path, codes):
    """One stage a line; no clock."""
    path.parent.mkdir(parents=True, exist_ok=True)
    names = ["W", "N1", "N2", "N3", "R", "UNS"]
    path.write_text("\n".join(names[code] for code in codes) + "\n")
    return path


def night(seed, n=240, wrong=0.2):
    """A reference, and a scorer who errs now and then."""
    rng = np.random.default_rng(seed)
    reference = np.repeat(rng.integers(0, 5, n // 8 + 1), 8)[:n].astype(np.int8)
    scored = np.where(rng.random(n) < wrong, rng.integers(0, 5, n), reference).astype(np.int8)
    return reference, scored
