from datetime import datetime

import pytest

from mc2sleepnet.report.time_axis import TimeAxis


def test_ticks_stand_on_full_hours_of_the_clock():
    ticks = TimeAxis(n_epochs=960, start=datetime(2024, 1, 1, 22, 30)).ticks()
    assert [tick.label for tick in ticks] == ["23:00", "00:00", "01:00", "02:00", "03:00", "04:00", "05:00", "06:00"]
    assert ticks[0].place == pytest.approx(0.5 / 8)
    assert [tick.is_minor for tick in ticks[:3]] == [True, False, True]


def test_ticks_count_from_zero_where_the_start_is_unknown():
    axis = TimeAxis(n_epochs=10, start=None)
    assert [tick.label for tick in axis.ticks()] == ["00:00", "00:01", "00:02", "00:03", "00:04", "00:05"]
    assert axis.label(3) == "0:01:30"
    assert axis.name == "time from start"


@pytest.mark.parametrize("n_epochs", [1, 2, 3, 10, 100, 960, 3000, 8640, 40_000])
def test_every_length_has_between_one_and_fourteen_ticks_within_it(n_epochs):
    ticks = TimeAxis(n_epochs=n_epochs, start=datetime(2024, 1, 1, 21, 17, 30)).ticks()
    assert len(ticks) <= 14
    assert all(0 <= tick.place <= 1 for tick in ticks)
    assert n_epochs < 3 or ticks


def test_labels_of_epochs_are_clock_times():
    axis = TimeAxis(n_epochs=960, start=datetime(2024, 1, 1, 23, 59, 45))
    assert axis.label(1) == "00:00:15"
