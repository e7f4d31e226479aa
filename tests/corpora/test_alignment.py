from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.hypnogram import Hypnogram
from mc2sleepnet.core.recording import Recording
from mc2sleepnet.core.stages import N2, UNSCORED
from mc2sleepnet.corpora.alignment import align

MORNING = datetime(2024, 3, 1, 9)
HOUR = 120


def aligned(*, hours, begins, stage):
    """First sample of the recording that was kept, stages and finding ids; every sample is its own number."""
    recording = Recording(
        name="night",
        signal_uv=np.arange(hours * 360_000, dtype=np.float32),
        sampling_hz=100.0,
        channel="EEG",
        channel_reason="",
        start=MORNING,
    )
    hypnogram = Hypnogram(stage=np.array(stage, dtype=np.int8), start=begins)
    kept, stages = align(recording, hypnogram, recording_path=Path("n.edf"), hypnogram_path=Path("h.edf"))
    assert len(kept.signal_uv) == 3000 * len(stages)
    return int(kept.signal_uv[0]), stages, [finding.id for finding in kept.findings]


def test_a_hypnogram_may_begin_more_than_half_a_day_into_its_recording():
    first, stage, ids = aligned(hours=20, begins=datetime(2024, 3, 1, 22), stage=[N2] * (6 * HOUR))
    assert first == 13 * 360_000
    assert len(stage) == 6 * HOUR
    assert ids == ["recording-longer"]


@pytest.mark.parametrize("days", [-300, -1, 1, 2])
@pytest.mark.parametrize("tail", [0, 26 * HOUR])
def test_a_shifted_date_is_told_even_where_an_unscored_tail_reaches_into_the_recording(days, tail):
    begins = MORNING + timedelta(days=days, hours=1)
    first, _, ids = aligned(hours=10, begins=begins, stage=[N2] * HOUR + [UNSCORED] * tail)
    assert first == 360_000
    assert "date-mismatch" in ids


def test_a_hypnogram_that_fits_no_way_is_refused():
    with pytest.raises(InputError, match=r"h\.edf: 120 scored epochs lie beyond the end of n\.edf"):
        aligned(hours=20, begins=datetime(2024, 3, 1, 22), stage=[N2] * (8 * HOUR))
