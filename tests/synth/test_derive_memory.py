import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.synth.derive_memory import MEMORY_EPOCHS, memory_shares

SHARES = np.array([[0.3, 0.0, 0.2, 0.5], [0.6, 0.4, 0.0, 0.0]])
SHARED = 0.5
Array = NDArray[np.float64]


def process(memory: float, n_epochs: int, rng: np.random.Generator) -> Array:
    """An AR(1) process, epoch by epoch."""
    kept = np.exp(-1 / memory) if memory else 0.0
    values = [rng.standard_normal()]
    for _ in range(n_epochs - 1):
        values.append(kept * values[-1] + np.sqrt(1 - kept**2) * rng.standard_normal())
    return np.array(values)


def night(n_epochs: int, rng: np.random.Generator) -> tuple[Array, NDArray[np.int8]]:
    """Deviations of two bands from each stage's mean, and stages that change every two to forty epochs."""
    stage = np.repeat(rng.integers(0, 5, 400), rng.integers(2, 40, 400))[:n_epochs].astype(np.int8)
    scores = np.empty((n_epochs, len(SHARES)))
    for band, shares in enumerate(SHARES):
        parts = [(np.sqrt(share), memory) for share, memory in zip(shares, MEMORY_EPOCHS, strict=True)]
        sources = np.stack([np.sum([size * process(m, n_epochs, rng) for size, m in parts], axis=0) for _ in range(6)])
        of_stage = sources[stage, np.arange(n_epochs)]
        scores[:, band] = np.sqrt(1 - SHARED) * of_stage + np.sqrt(SHARED) * sources[5]
    for s in np.unique(stage):
        scores[stage == s] -= scores[stage == s].mean(axis=0)
    return scores, stage


def test_known_memories_are_found_although_nights_are_short() -> None:
    rng = np.random.default_rng(0)
    nights = [night(500, rng) for _ in range(120)]
    recording = np.repeat(np.arange(len(nights)), 500).astype(np.int16)
    scores, stage = (np.concatenate(arrays) for arrays in zip(*nights, strict=True))
    shares, shared = memory_shares(scores, stage, recording)
    np.testing.assert_allclose(shares.sum(-1), 1)
    np.testing.assert_allclose(shares.mean(0), SHARES, atol=0.1)
    assert abs(shared - SHARED) < 0.1
