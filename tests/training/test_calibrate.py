"""Confidence is fitted on what a model answers when it scores."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from mc2sleepnet.inference import score_night
from mc2sleepnet.metrics.calibration import fit_temperature
from mc2sleepnet.training.calibrate import calibrate
from mc2sleepnet.training.finetuning import Finetuning
from mc2sleepnet.training.fold_data import FoldData
from mc2sleepnet.training.loop import LoopOptions


def test_the_temperature_is_that_of_smoothed_answers_and_early_stopping_looks_at_the_networks_own(
    fold_data: FoldData, make_finetuning: Callable[..., Finetuning]
) -> None:
    phase, loop = make_finetuning(), LoopOptions()
    tokens = phase.validation_tokens()
    own = calibrate(fold_data, phase.stager, tokens, loop)
    figures = phase.validate()
    phase.network.config = replace(phase.network.config, smoothing="course+spectra")
    found = calibrate(fold_data, phase.stager, tokens, loop)
    answers, stages = [], []
    for index in fold_data.validation:
        epochs = fold_data.epochs([index])
        is_readable = fold_data.store.is_readable[epochs]
        night = score_night(phase.stager, fold_data.store.signal_uv(epochs), is_readable, stride=loop.scoring_stride)
        answers.append(night[is_readable])
        stages.append(fold_data.store.stage[epochs][is_readable])
    expected = fit_temperature(np.concatenate(answers), np.concatenate(stages))
    np.testing.assert_allclose(found.temperature, expected, rtol=1e-3)
    assert abs(found.temperature - own.temperature) > 1e-3
    assert phase.validate() == figures
