"""How a scorer of 1989 writes a night down: Rechtschaffen and Kales's stages as PhysioNet's annotation texts."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator

from mc2sleepnet.core.stages import EPOCH_S, N1, N2, N3, UNSCORED, R, W

Annotation = tuple[float, float, str]

MOVEMENT_TEXT = "Movement time"
UNKNOWN_TEXT = "Sleep stage ?"
STAGE_TEXTS = {W: "Sleep stage W", N1: "Sleep stage 1", N2: "Sleep stage 2", R: "Sleep stage R"}
S3_TEXT, S4_TEXT = "Sleep stage 3", "Sleep stage 4"

# Of 20 Sleep-EDF cassette hypnograms: 32 movement epochs in 20 nights, 55 % of slow-wave sleep is stage 3, and an
# unscored tail of 10–150 min behind the end of the signal.
MOVEMENTS_PER_CHANGE = 0.012
UNKNOWN_PER_NIGHT = 0.4
S3_SHARE = 0.55
TAIL_S = (600.0, 9000.0)


def annotate(stage: NDArray[np.int8], *, generator: Generator) -> tuple[list[Annotation], NDArray[np.int8]]:
    """Annotations of a hypnogram, and the stages that are left once they are read back.

    Parameters
    ----------
    stage
        Shape ``[N]``: what was slept, 0–4.
    generator
        Which epochs are movement or unknown, which of N3 are stage 4, how long the tail.

    Returns
    -------
    tuple
        ``(onset_s, duration_s, text)`` of each run of equal text, the last an unscored tail behind the recording's end;
        and shape ``[N]``: the stages with -1 where an epoch was movement or unknown.
    """
    count = len(stage)
    scored = stage.copy()
    texts = [STAGE_TEXTS.get(int(s), S3_TEXT) for s in stage]
    _split_slow_wave_sleep(texts, stage, generator)
    u = torch.rand(2, count, generator=generator).numpy()
    is_change = np.r_[False, stage[1:] != stage[:-1]]
    for index in np.flatnonzero(is_change & (u[0] < MOVEMENTS_PER_CHANGE)):
        texts[index], scored[index] = MOVEMENT_TEXT, UNSCORED
    for index in np.flatnonzero(u[1] < UNKNOWN_PER_NIGHT / count):
        texts[index], scored[index] = UNKNOWN_TEXT, UNSCORED
    starts = [0, *(i for i in range(1, count) if texts[i] != texts[i - 1])]
    ends = [*starts[1:], count]
    runs = [
        (float(start * EPOCH_S), float((end - start) * EPOCH_S), texts[start])
        for start, end in zip(starts, ends, strict=True)
    ]
    low, high = TAIL_S
    tail_s = low + (high - low) * float(torch.rand((), generator=generator)) ** 2
    runs.append((float(count * EPOCH_S), EPOCH_S * float(round(tail_s / EPOCH_S)), UNKNOWN_TEXT))
    return runs, scored


def _split_slow_wave_sleep(texts: list[str], stage: NDArray[np.int8], generator: Generator) -> None:
    """Stage 4 in the inner part of each stretch of N3, with a persistence of a few epochs."""
    u = torch.rand(len(stage), generator=generator).tolist()
    is_s4 = False
    for index in np.flatnonzero(stage == N3):
        enters = index == 0 or stage[index - 1] != N3
        if enters:
            is_s4 = False
        # Mean bouts of four epochs each; from these the shares follow.
        is_s4 = u[index] >= S3_SHARE / 4 if is_s4 else u[index] < (1 - S3_SHARE) / 2
        if is_s4:
            texts[index] = S4_TEXT
