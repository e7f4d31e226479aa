from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.hypnogram import Hypnogram
from mc2sleepnet.evaluation.pairs import align

START = datetime(2024, 3, 1, 23, 0)


def hypnogram(*codes, start=START, scorer="someone"):
    return Hypnogram(stage=np.array(codes, np.int8), start=start, scorer=scorer)


def later(**delta):
    return START + timedelta(**delta)


def test_one_start_needs_no_note():
    pair = align(hypnogram(0, 1, 2), hypnogram(0, 2, 2))
    assert_array_equal(pair.scored, [0, 2, 2])
    assert pair.shift_epochs == 0
    assert pair.notes == ()


def test_a_later_start_moves_by_whole_epochs():
    pair = align(hypnogram(0, 1, 2, 3), hypnogram(2, 4, start=later(seconds=60)))
    assert_array_equal(pair.scored, [-1, -1, 2, 4])
    assert pair.shift_epochs == 2
    assert pair.notes == ()


def test_epochs_outside_the_reference_are_counted_and_left_out():
    pair = align(hypnogram(0, 1), hypnogram(3, -1, 0, 1, 4, start=later(seconds=-60)))
    assert_array_equal(pair.scored, [0, 1])
    assert pair.shift_epochs == -2
    assert pair.n_outside == 2
    assert "2 scored epochs lie outside" in pair.notes[0]


@pytest.mark.parametrize(("seconds", "shift", "remainder_s"), [(70, 2, 10), (80, 3, -10), (-10, 0, -10)])
def test_starts_off_the_grid_go_to_the_nearest_epoch_and_say_so(seconds, shift, remainder_s):
    pair = align(hypnogram(*[0] * 8), hypnogram(*[1] * 4, start=later(seconds=seconds)))
    assert (pair.shift_epochs, pair.remainder_s) == (shift, remainder_s)
    assert f"{remainder_s:+d} s apart" in pair.notes[0]


@pytest.mark.parametrize(("reference", "scored"), [(None, START), (START, None), (None, None)])
def test_an_unknown_start_aligns_at_the_first_epoch_and_says_so(reference, scored):
    pair = align(hypnogram(0, 1, 2, start=reference), hypnogram(3, 3, start=scored))
    assert_array_equal(pair.scored, [3, 3, -1])
    assert "aligned at the first epoch" in pair.notes[0]


@pytest.mark.parametrize("days", [1, -1, 365, -14_000])
def test_invented_dates_align_by_time_of_day_and_say_so(days):
    pair = align(hypnogram(0, 1, 2, 3), hypnogram(1, 2, start=later(days=days, seconds=30)))
    assert_array_equal(pair.scored, [-1, 1, 2, -1])
    assert "aligned by the time of day" in pair.notes[0]


def test_invented_dates_align_across_midnight():
    day = datetime(1985, 1, 1)
    pair = align(
        hypnogram(*[0] * 100, start=datetime(2024, 3, 1, 23, 50)),
        hypnogram(1, start=day + timedelta(minutes=5)),
    )
    assert pair.shift_epochs == 30


def test_a_long_recording_meets_a_night_more_than_half_a_day_later():
    pair = align(
        hypnogram(*[0] * (20 * 120), start=datetime(2000, 1, 1, 14, 0)),
        hypnogram(*[2] * 120, start=datetime(2024, 1, 1, 4, 0)),
    )
    assert pair.shift_epochs == 14 * 120


def test_nights_that_never_meet_are_an_error_naming_both():
    with pytest.raises(InputError, match=r"b\.csv: shares no time with a\.edf: 2024-03-02 08:00 to 08:01"):
        align(hypnogram(0, 0, scorer="a.edf"), hypnogram(0, 0, start=later(hours=9), scorer="b.csv"))


def test_an_empty_hypnogram_is_an_error():
    with pytest.raises(InputError, match=r"b\.csv: has no epochs"):
        align(hypnogram(0), hypnogram(scorer="b.csv"))


@given(st.integers(-30, 30), st.integers(1, 20), st.integers(1, 20), st.integers(0, 99))
def test_alignment_equals_a_walk_along_the_clock(shift, n_reference, n_scored, seed):
    rng = np.random.default_rng(seed)
    reference = hypnogram(*rng.integers(-1, 5, n_reference))
    scored = hypnogram(*rng.integers(-1, 5, n_scored), start=later(seconds=30 * shift))
    at = {scored.clock_time(i): code for i, code in enumerate(scored.stage)}
    expected = [at.get(reference.clock_time(i), -1) for i in range(n_reference)]
    if not any(scored.clock_time(i) == reference.clock_time(j) for i in range(n_scored) for j in range(n_reference)):
        with pytest.raises(InputError):
            align(reference, scored)
        return
    pair = align(reference, scored)
    assert_array_equal(pair.scored, expected)
    assert pair.n_outside == (scored.stage >= 0).sum() - (pair.scored >= 0).sum()
