"""Completions of statistics as if they had learned something, for tests of what uses them."""

import numpy as np

from mc2sleepnet.core.completion import N_FEATURES, Completion, Ridge
from mc2sleepnet.core.spectral_bands import N_BANDS
from mc2sleepnet.core.stage_levels import StageLevels


def some_levels() -> StageLevels:
    levels = np.random.default_rng(0).normal(20, 3, (60, 5, N_BANDS))
    return StageLevels.of_nights(levels, levels.mean(axis=1), np.tile(4 * np.eye(N_BANDS), (5, 1, 1)))


def some_completion(*, has_levels: bool) -> Completion:
    ridge = Ridge(
        middle=np.zeros(N_FEATURES, np.float32),
        scale=np.full(N_FEATURES, 30, np.float32),  # so wide that any night is familiar
        weight=np.random.default_rng(0).normal(0, 0.1, (N_FEATURES + 1, N_FEATURES)).astype(np.float32),
    )
    return Completion(ridge=ridge, levels=some_levels() if has_levels else None)
