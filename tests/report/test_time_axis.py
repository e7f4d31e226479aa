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


def test_hours_from_an_unknown_start_run_on_beyond_a_day():
    axis = TimeAxis(n_epochs=3 * 2880, start=None)
    assert [tick.label for tick in axis.ticks()][3:6] == ["18:00", "24:00", "30:00"]
    assert axis.label(3240) == "27:00:00"


def test_an_axis_that_begins_within_a_recording_counts_from_the_recordings_start():
    axis = TimeAxis(n_epochs=240, start=None, first_epoch=360)
    assert [tick.label for tick in axis.ticks()][:2] == ["03:00", "03:10"]
    assert axis.label(0) == "3:00:00"


def test_an_axis_of_a_day_and_more_tells_which_day():
    axis = TimeAxis(n_epochs=3 * 2880, start=datetime(2024, 3, 5, 8, 0))
    assert [tick.label for tick in axis.ticks()][:5] == ["12:00", "18:00", "6 Mar", "06:00", "12:00"]
    assert all(not tick.is_minor for tick in axis.ticks() if "Mar" in tick.label)
    assert axis.span(0, 2) == "5 Mar 08:00:00 – 08:01:00"
    assert axis.span(1919, 1921) == "5 Mar 23:59:30 – 6 Mar 00:00:30"
    night = TimeAxis(n_epochs=2879, start=datetime(2024, 3, 5, 8, 0))
    assert night.span(0, 2) == "08:00:00 – 08:01:00"
    assert "00:00" in [tick.label for tick in night.ticks()]


@pytest.mark.parametrize("n_epochs", [1, 2, 3, 10, 100, 960, 3000, 8640, 40_000, 300_000])
def test_every_length_has_between_one_and_fourteen_ticks_within_it(n_epochs):
    ticks = TimeAxis(n_epochs=n_epochs, start=datetime(2024, 1, 1, 21, 17, 30)).ticks()
    assert len(ticks) <= 14
    assert all(0 <= tick.place <= 1 for tick in ticks)
    assert n_epochs < 3 or ticks


def test_labels_of_epochs_are_clock_times():
    axis = TimeAxis(n_epochs=960, start=datetime(2024, 1, 1, 23, 59, 45))
    assert axis.label(1) == "00:00:15"
