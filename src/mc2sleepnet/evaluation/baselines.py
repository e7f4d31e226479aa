"""What a stager must beat to be worth its training."""

from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.signal import welch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from mc2sleepnet.core.stages import N_STAGES, SAMPLING_HZ, UNSCORED

BANDS_HZ = {
    "delta": (0.5, 4.0),
    "theta": (4.0, 8.0),
    "alpha": (8.0, 12.0),
    "sigma": (12.0, 16.0),
    "beta": (16.0, 30.0),
}
WELCH_S = 4
FLOOR_UV2 = 1e-6  # below any recorder's noise: a flat epoch gets a finite logarithm


def band_powers(signal_uv: NDArray[np.floating]) -> NDArray[np.float64]:
    """Logarithmic band powers of one recording, relative to its own median epoch.

    Welch's method, Hann windows of 4 s overlapping by half; the natural logarithm of the power in each band,
    less its median over the recording, which takes out the gain of amplifier and skull.

    Parameters
    ----------
    signal_uv
        Shape ``[N, 3000]``, µV at 100 Hz: the epochs of one recording, at least one.

    Returns
    -------
    features
        Shape ``[N, 5]``: delta 0.5-4, theta 4-8, alpha 8-12, sigma 12-16, beta 16-30 Hz.
    """
    frequency_hz, density = welch(signal_uv, fs=SAMPLING_HZ, nperseg=WELCH_S * SAMPLING_HZ, axis=1)
    power_uv2 = [
        density[:, (frequency_hz >= low) & (frequency_hz < high)].sum(axis=1) / WELCH_S
        for low, high in BANDS_HZ.values()
    ]
    features: NDArray[np.float64] = np.log(np.stack(power_uv2, axis=1).astype(np.float64) + FLOOR_UV2)
    return features - np.median(features, axis=0)


def majority_stage(stage: NDArray[np.int8]) -> int:
    """Return the most frequent stage of the scored epochs, shape ``[N]``; the first of equals."""
    scored = stage[stage != UNSCORED]
    assert len(scored), "a baseline needs scored epochs"
    return int(np.bincount(scored, minlength=N_STAGES).argmax())


class BandPowerBaseline:
    """Multinomial logistic regression on standardised features, with an L2 penalty (C = 1).

    Each epoch alone, every stage weighted as it occurs: what one gets without learning any feature.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    @classmethod
    def fit(cls, features: NDArray[np.float64], stage: NDArray[np.int8]) -> Self:
        """Fit on the scored epochs.

        Parameters
        ----------
        features
            Shape ``[N, K]``, as `band_powers` gives them, recordings one after another.
        stage
            Shape ``[N]``: 0-4, or -1 where unscored.
        """
        is_scored = stage != UNSCORED
        pipeline = make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=1000))
        pipeline.fit(features[is_scored], stage[is_scored])
        return cls(pipeline)

    def score(self, features: NDArray[np.float64]) -> NDArray[np.int8]:
        """Stages, shape ``[N]``, int8, of features of shape ``[N, K]``."""
        return np.asarray(self._pipeline.predict(features), dtype=np.int8)
