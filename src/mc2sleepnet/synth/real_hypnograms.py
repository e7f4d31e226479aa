"""Label sequences of real nights, from which synthetic nights may borrow their course. Labels only; no signal.

153 Sleep-EDF cassette nights, 23 of UCDDB (without subject 22, who validates), 80 of DOD (stage that most of five
scorers chose), 127 of BOAS (the human scorer): `derive_hypnograms.py` wrote ``tables/real_hypnograms.json``.
"""

import json
import re
from functools import cache
from importlib.resources import files

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator

from mc2sleepnet.core.stages import UNSCORED

LETTERS = "WABCR?"  # W N1 N2 N3 R unscored, each before the length of its run
# A sequence is cut to begin and end at most so many epochs awake: nobody needs hours of daytime.
LONGEST_LEAD, SHORTEST_NIGHT = 120, 240


def encode_runs(stage: NDArray[np.int8]) -> str:
    """Runs as letter and length, such as ``W12A2B30``. Shape: [N] → text"""
    onset = np.r_[0, np.flatnonzero(np.diff(stage)) + 1]
    length = np.diff(np.r_[onset, len(stage)])
    return "".join(f"{LETTERS[code]}{run}" for code, run in zip(stage[onset].tolist(), length.tolist(), strict=True))


def decode_runs(text: str) -> NDArray[np.int8]:
    """The inverse of `encode_runs`. Shape: text → [N]"""
    runs = re.findall(r"([WABCR?])(\d+)", text)
    codes = [UNSCORED if letter == "?" else LETTERS.index(letter) for letter, _ in runs]
    return np.repeat(np.array(codes, np.int8), [int(length) for _, length in runs])


@cache
def real_hypnograms() -> dict[str, tuple[NDArray[np.int8], ...]]:
    """Every night's stages by corpus, read once."""
    text = files("mc2sleepnet.synth").joinpath("tables", "real_hypnograms.json").read_text(encoding="utf-8")
    table = json.loads(text)
    return {corpus: tuple(decode_runs(night) for night in nights) for corpus, nights in table["nights"].items()}


def draw_real_hypnogram(generator: Generator, *, corpora: tuple[str, ...] | None = None) -> NDArray[np.int8]:
    """One real night's label sequence, each corpus as likely as any other, with a random length of wake about it.

    Shape: [] → [N], stages or -1
    """
    known = real_hypnograms()
    names = corpora or tuple(known)
    draws = torch.rand(4, generator=generator, device=generator.device).tolist()
    nights = known[names[int(draws[0] * len(names))]]
    night = nights[int(draws[1] * len(nights))]
    asleep = np.flatnonzero(night > 0)
    lead, tail = (int(LONGEST_LEAD * draw**1.5) for draw in draws[2:])
    return night[max(0, asleep[0] - lead) : asleep[-1] + 1 + tail].copy()
