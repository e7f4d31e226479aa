"""A recording is out of range where its spectrum is unlike that of any training recording."""

import numpy as np

from mc2sleepnet.core.recording_statistics import recording_statistics
from mc2sleepnet.core.statistics_range import FEATURES, StatisticsRange, features


def recording(seed: int, *, scale_uv: float = 20.0, is_white: bool = False) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal((20, 3000))
    if not is_white:
        noise = 0.2 * noise.cumsum(1) + 0.3 * noise
    return (scale_uv * noise).astype(np.float32)


KNOWN = StatisticsRange.of(np.stack([recording_statistics(recording(seed)) for seed in range(8)]))


def test_recordings_like_those_of_training_are_inside() -> None:
    assert KNOWN.what_is_outside(recording_statistics(recording(99))) == ()


def test_a_recording_a_thousand_times_too_small_is_outside_in_level_alone() -> None:
    assert KNOWN.what_is_outside(recording_statistics(recording(99, scale_uv=4000.0))) == ("level",)


def test_white_noise_is_outside_in_the_shape_of_its_spectrum() -> None:
    outside = KNOWN.what_is_outside(recording_statistics(recording(99, is_white=True)))
    assert "0–2 Hz" in outside
    assert "32–42 Hz" in outside


def test_a_range_survives_json_and_joining_keeps_both() -> None:
    loud = StatisticsRange.of(np.stack([recording_statistics(recording(1, scale_uv=4000.0))]))
    joined = StatisticsRange.from_json(KNOWN.joined(loud).to_json())
    for scale_uv in (20.0, 4000.0):
        assert joined.what_is_outside(recording_statistics(recording(1, scale_uv=scale_uv))) == ()


def test_there_is_a_name_for_every_feature() -> None:
    assert len(features(recording_statistics(recording(0)))) == len(FEATURES)
