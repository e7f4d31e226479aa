"""How loud each stage is between nights, and what it says of a whole night of which only a part is there.

Half an hour of deep sleep has not the median spectrum of its night. But once a first look has told the stages, the
levels of those that are there say much about the levels of those that are not, and those of all five about the night's
median. Levels of training nights are taken as normally distributed over nights; given some of them, with the noise of
few epochs and of unsure stages, the others' expectation follows. Ours, not the paper's; what it was tried against is in
docs/log.md (2026-11-29, night, and the entry after it).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.spectral_bands import N_BANDS
from mc2sleepnet.core.stages import EPOCH_S, N_STAGES

# A night's own medians need no help from a part of this length on, about four hours; less of it the longer the part.
ENOUGH_EPOCHS = 225 * 60 // EPOCH_S
# Sure epochs' worth that a stage must have to be heard, unless none has as much.
FEWEST = 3.0
# The noise of a mean of n epochs, in variances of the stage's epochs: EPOCHS_NOISE / n, at most MOST_NOISE, and
# ALWAYS_NOISE more. Neighbouring epochs are alike, so that n of them say as little as n / 5 apart.
EPOCHS_NOISE, MOST_NOISE, ALWAYS_NOISE = 5.0, 4.0, 0.03
# dB²: variance between recorders that all stages of a band share, whatever training's recorders had. With it, what a
# stage's level says of another's is a contrast, and holds for any gain and montage.
COMMON_DB2 = 16.0
# Added to the variances of levels: covariances of a few hundred nights are not sure enough to be inverted as they are.
SHRINKAGE = 0.05
# By how many nights' worth the weights of stages in a night's median are drawn to the stages' usual shares.
USUAL_WEIGHT = 30.0
USUAL_SHARES = (0.25, 0.08, 0.42, 0.12, 0.13)
# Added to the variance between stages, dB², where an unsure stage may be another.
DOUBT_DB2 = 1.0
SHAPES = {
    "mean": (N_STAGES, N_BANDS),
    "covariance": (N_STAGES * N_BANDS, N_STAGES * N_BANDS),
    "within": (N_STAGES, N_BANDS, N_BANDS),
    "weights": (N_BANDS, N_STAGES),
    "constant": (N_BANDS,),
}


@dataclass(frozen=True, kw_only=True)
class StageLevels:
    """What nights of training taught about levels, the medians of 20 bands in dB; float32.

    Attributes
    ----------
    mean
        Shape ``[5, B]``: of each stage in each band.
    covariance
        Shape ``[5 B, 5 B]``: between nights.
    within
        Shape ``[5, B, B]``: covariance of a stage's epochs within a night.
    weights, constant
        Shapes ``[B, 5]``, ``[B]``: a night's median of a band from its stages' levels there.
    """

    mean: NDArray[np.float32]
    covariance: NDArray[np.float32]
    within: NDArray[np.float32]
    weights: NDArray[np.float32]
    constant: NDArray[np.float32]

    @staticmethod
    def of_nights(
        levels: NDArray[np.float64], medians: NDArray[np.float64], within: NDArray[np.float64]
    ) -> "StageLevels":
        """Fit to nights that have all five stages.

        Parameters
        ----------
        levels
            Shape ``[R, 5, B]``, dB, R ≥ 2: mean of each stage's epochs.
        medians
            Shape ``[R, B]``, dB: of the whole nights.
        within
            Shape ``[5, B, B]``.
        """
        assert len(levels) >= 2, "no covariance of a single night"
        flat = levels.reshape(len(levels), -1)
        covariance = np.cov(flat.T)
        covariance += SHRINKAGE * np.diag(np.diag(covariance))
        covariance += COMMON_DB2 * np.kron(np.ones((N_STAGES, N_STAGES)), np.eye(N_BANDS))
        usual = np.array(USUAL_SHARES)
        centred = levels - levels.mean(axis=0)
        weights = np.empty((N_BANDS, N_STAGES))
        for band in range(N_BANDS):
            own = centred[:, :, band]
            left = medians[:, band] - levels[:, :, band] @ usual
            gram = own.T @ own + USUAL_WEIGHT * np.eye(N_STAGES)
            weights[band] = usual + np.linalg.solve(gram, own.T @ (left - left.mean()))
        constant = (medians - np.einsum("rsb,bs->rb", levels, weights)).mean(axis=0)
        mean, covariance_32, within_32, weights_32, constant_32 = (
            array.astype(np.float32) for array in (levels.mean(axis=0), covariance, within, weights, constant)
        )
        return StageLevels(
            mean=mean, covariance=covariance_32, within=within_32, weights=weights_32, constant=constant_32
        )

    def medians(self, bands_db: NDArray[np.float64], probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        """A whole night's expected medians, from epochs of it and the probabilities of their stages.

        Shape: [M, B] dB, [M, 5] → [B] dB
        """
        weight = probabilities**2  # the surer an epoch, the more it speaks for its stage
        evidence = weight.sum(axis=0)
        heard = np.flatnonzero(evidence > FEWEST)
        if not len(heard):
            heard = evidence.argmax(keepdims=True)
        found = np.stack([weight[:, stage] @ bands_db / evidence[stage] for stage in heard])
        places = (heard[:, None] * N_BANDS + np.arange(N_BANDS)).ravel()
        covariance = self.covariance.astype(np.float64)
        of_found = covariance[np.ix_(places, places)]
        between = np.diag(self.mean.var(axis=0) + DOUBT_DB2)
        for row, stage in enumerate(heard):
            doubt = 1 - weight[:, stage] @ probabilities[:, stage] / evidence[stage]
            noise = min(MOST_NOISE, EPOCHS_NOISE / evidence[stage]) + ALWAYS_NOISE
            block = slice(row * N_BANDS, (row + 1) * N_BANDS)
            of_found[block, block] += noise * self.within[stage] + doubt * between
        surprise = found.ravel() - self.mean.ravel()[places]
        expected = self.mean.ravel() + covariance[:, places] @ np.linalg.solve(of_found, surprise)
        medians: NDArray[np.float64] = (expected.reshape(N_STAGES, N_BANDS).T * self.weights).sum(axis=1)
        return medians + self.constant


def shortness(tells: NDArray[np.bool_]) -> float:
    """How much of a night is missing around the epochs that tell of it: 1 for almost all of it, 0 for nothing.

    Holes are no loss: what is on either side of them was recorded on the same night. Shape: [N] → []
    """
    places = np.flatnonzero(tells)
    span = int(places[-1] - places[0]) + 1 if len(places) else ENOUGH_EPOCHS
    return max(0.0, 1 - span / ENOUGH_EPOCHS)
