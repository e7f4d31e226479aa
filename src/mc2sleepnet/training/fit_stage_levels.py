"""Learn from training recordings how loud their stages are: see `core.stage_levels`."""

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.progress import Advance
from mc2sleepnet.core.recording_statistics import N_BINS
from mc2sleepnet.core.spectral_bands import N_BANDS, bands_of_bins
from mc2sleepnet.core.stage_levels import StageLevels
from mc2sleepnet.core.stages import N_STAGES
from mc2sleepnet.training.fold_data import FoldData
from mc2sleepnet.training.recording_parts import thinned_recordings

# Epochs that a recording must have of each stage to tell how its stages lie to each other, and of one to tell how that
# stage's epochs scatter.
FEWEST_OF_EACH, FEWEST_OF_ONE = 8, 20
# Fewer recordings with all stages teach no covariance.
FEWEST_RECORDINGS = 2


def fit_stage_levels(
    data: FoldData, *, removes_drift: bool = False, advance: Advance = lambda *_: None
) -> StageLevels | None:
    """Fit them to the scored epochs of all training recordings; None where too few have all stages.

    Parameters
    ----------
    data
        Whose training recordings.
    removes_drift
        Whether the network reads epochs without slow drift.
    advance
        Told recordings done, all of them, and the last one's name.
    """
    to_bands = bands_of_bins()
    levels, medians = [], []
    scatter, count = np.zeros((N_STAGES, N_BANDS, N_BANDS)), np.zeros(N_STAGES)
    for night in thinned_recordings(data, data.training, removes_drift=removes_drift, advance=advance):
        stage = data.stage(night.epochs, "training")[night.is_readable]
        bands_db = night.decibels.mean(axis=1) @ to_bands
        own = [bands_db[stage == number] for number in range(N_STAGES)]
        for number, of_stage in enumerate(own):
            if len(of_stage) > FEWEST_OF_ONE:
                scatter[number] += _scatter(of_stage)
                count[number] += len(of_stage)
        if min(map(len, own)) >= FEWEST_OF_EACH:
            levels.append([of_stage.mean(axis=0) for of_stage in own])
            medians.append(night.statistics(np.ones(len(stage), np.bool_))[:N_BINS] @ to_bands)
    if len(levels) < FEWEST_RECORDINGS or not count.all():
        return None
    return StageLevels.of_nights(np.array(levels), np.array(medians), scatter / count[:, None, None])


def _scatter(bands_db: NDArray[np.float64]) -> NDArray[np.float64]:
    centred = bands_db - bands_db.mean(axis=0)
    scatter: NDArray[np.float64] = centred.T @ centred
    return scatter
