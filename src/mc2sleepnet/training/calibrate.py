"""The temperature that turns a network's log-probabilities into confidence, from validation recordings alone."""

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.model_folder import Calibration
from mc2sleepnet.core.stages import UNSCORED
from mc2sleepnet.inference import Stager
from mc2sleepnet.metrics.calibration import fit_temperature
from mc2sleepnet.training.fold_data import FoldData
from mc2sleepnet.training.loop import LoopOptions


def calibrate(data: FoldData, stager: Stager, tokens: dict[int, NDArray[np.float32]], loop: LoopOptions) -> Calibration:
    """Fit it on recordings whose tokens are known, by recording, each [N, S, D].

    Raises
    ------
    LeakError
        If a recording is not one of validation.
    """
    log_probabilities, stage = data.judge(
        stager, tokens, stride=loop.scoring_stride, aggregation=loop.aggregation, smooth=True
    )
    is_read = ~np.isnan(log_probabilities).any(axis=1)
    return Calibration(
        # No number of epochs tells more digits.
        temperature=round(fit_temperature(log_probabilities[is_read], stage[is_read]), 6),
        n_epochs=int(np.count_nonzero(stage[is_read] != UNSCORED)),
        scoring_stride=loop.scoring_stride,
        aggregation=loop.aggregation,
        smoothing=stager.smoothing,
    )
