import math

import numpy as np
import pytest

from mc2sleepnet.report.heat_table import heat_table
from mc2sleepnet.report.points_figure import Line, Points, Whisker, points_figure
from mc2sleepnet.report.ribbons_figure import ribbons_figure
from mc2sleepnet.report.round_numbers import round_ticks
from mc2sleepnet.report.rows_figure import Row, rows_figure
from mc2sleepnet.report.time_axis import TimeAxis

NAN = math.nan


@pytest.mark.parametrize(
    ("limits", "expected"),
    [((0, 1), [0, 0.2, 0.4, 0.6, 0.8, 1]), ((0.71, 0.78), [0.72, 0.74, 0.76, 0.78]), ((-90, 140), [-50, 0, 50, 100])],
)
def test_ticks_are_round_and_within_the_axis(limits, expected):
    assert round_ticks(*limits) == pytest.approx(expected)


@pytest.mark.parametrize("limits", [(0.05, 0.95), (23, 98), (-9.5, 19.5), (131.2, 480.9), (0.652, 0.763), (-1e-3, 7e5)])
def test_no_tick_lies_beyond_the_axis_and_there_are_two_at_least(limits):
    ticks = round_ticks(*limits, 5)
    assert len(ticks) >= 2
    assert limits[0] <= ticks[0] < ticks[-1] <= limits[1]


@pytest.mark.parametrize(("highest", "expected"), [(1, [0, 1]), (2, [0, 1, 2]), (60, [0, 20, 40, 60])])
def test_counts_have_whole_ticks(highest, expected):
    assert round_ticks(0, highest, 5, is_count=True) == expected


@pytest.mark.parametrize("limits", [(0.5, 0.5), (NAN, 1), (0, math.inf), (1e9, 1e9)])
def test_an_axis_without_a_span_still_has_two_ticks(limits):
    assert len(round_ticks(*limits)) >= 2


def test_rows_stand_where_their_values_are():
    figure = rows_figure([Row(label="a", value=0.25, low=0, high=0.5)], name="share", limits=(0, 1), line=0.75)
    assert 'd="M250 11h0"' in figure
    assert 'd="M0 11H500"' in figure
    assert 'd="M750 0V22"' in figure
    assert 'aria-label="a: share 0.250 (0.000 to 0.500)"' in figure


def test_rows_without_a_value_are_dashes():
    figure = rows_figure([Row(label="a", value=NAN)], name="share")
    assert "–" in figure
    assert "nan" not in figure


def test_points_beyond_the_axis_stay_at_its_edge_and_missing_ones_are_left_out():
    figure = points_figure(
        Points(
            title="t",
            x_name="x",
            x_limits=(0, 10),
            y_limits=(0, 1),
            dots=np.array([[5.0, 2.0]]),
            whiskers=[Whisker(x=1, y=NAN), Whisker(x=2, y=0.5, low=0.25, high=0.75)],
            lines=[Line(value=NAN), Line(value=0.5, low=0.4, high=0.6)],
        ),
        height_px=100,
    )
    assert "nan" not in figure
    assert "M500 0h0" in figure
    assert "M200 75V25" in figure


def test_a_plot_tells_its_values_to_those_who_cannot_see_it():
    given = {"title": "t", "x_name": "distance", "x_limits": (0, 10), "y_limits": (0, 1)}
    whiskers = [Whisker(x=0, y=0.25, low=0.2, high=0.3), Whisker(x=1, y=0.125), Whisker(x=2, y=NAN)]
    figure = points_figure(Points(**given, whiskers=whiskers, percent_y=True))
    assert 'aria-label="t. By distance: 0: 25 % (20 % to 30 %); 1: 12.5 %"' in figure
    figure = points_figure(Points(**given, dots=np.array([[1.0, -0.5], [3.0, 0.5]])))
    assert 'aria-label="t. 2 dots from −0.5 to 0.5, distance from 1 to 3"' in figure
    curve = np.stack([np.linspace(0.01, 1, 100), np.linspace(0, 0.2, 100)], axis=1)
    figure = points_figure(Points(**given, curve=curve, percent_x=True))
    assert "By distance: 1 %: 0; 21 %: 0.0404; " in figure
    assert "100 %: 0.2" in figure


def test_thousands_of_points_stay_small():
    rng = np.random.default_rng(0)
    many = Points(title="t", x_name="x", x_limits=(0, 1), y_limits=(0, 1), dots=rng.random((50_000, 2)))
    assert len(points_figure(many)) < 60_000


def test_ribbons_are_as_high_where_scorers_differ_as_they_differ_much():
    stages = np.array([[0, 0, 0, -1], [0, 0, 1, -1], [0, 1, 2, -1]], np.int8)
    figure = ribbons_figure(stages, ["a", "b", "c"], TimeAxis(n_epochs=4, start=None), title="night")
    assert "M1 15h1v15h-1z" in figure  # one of two others differs
    assert "M2 0h1v30h-1z" in figure  # all differ
    assert "not scored" in figure


def test_a_scorer_without_a_ribbon_counts_where_scorers_differ_and_is_told():
    stages = np.array([[0, 0], [0, 0], [0, 1]], np.int8)
    axis = TimeAxis(n_epochs=2, start=None)
    figure = ribbons_figure(stages, ["a", "b", "c"], axis, title="night", drawn=[0, 1])
    assert "M1 15h1v15h-1z" in figure
    assert "any in 1 of 2 epochs" in figure
    assert "c: 1 W" not in figure
    assert "1 of 3 scorers are not drawn, but counted where they differ" in figure
    assert "time from start" in figure


def test_heat_is_the_place_between_lightest_and_darkest():
    figure = heat_table(
        np.array([[1.0, 0.75], [NAN, 0.5]]), ["a", "b"], corner=("x", "y"), name="x by y", lightest=0.5, darkest=1
    )
    assert 'style="--share:1.00" class="dark"' in figure
    assert 'style="--share:0.50"' in figure
    assert "nan" not in figure
