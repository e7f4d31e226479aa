import json
from itertools import pairwise

import numpy as np
import pytest

from mc2sleepnet.core.hypnogram import Hypnogram
from mc2sleepnet.core.stages import N1, N2, N3, UNSCORED, R, W
from mc2sleepnet.metrics.sleep_statistics import sleep_statistics


def night(*runs):
    """Make a hypnogram of (stage, epochs) runs."""
    return Hypnogram(stage=np.concatenate([np.full(n, stage, np.int8) for stage, n in runs] or [np.int8([])]))


A_NIGHT = night((W, 20), (N1, 4), (N2, 40), (W, 6), (N2, 10), (N3, 30), (R, 20), (W, 10))


def test_statistics_follow_their_definitions():
    assert sleep_statistics(A_NIGHT) == {
        "tib_min": 70.0,
        "tst_min": 52.0,
        "se_percent": pytest.approx(100 * 52 / 70),
        "sol_min": 10.0,
        "spt_min": 55.0,
        "sme_percent": pytest.approx(100 * 52 / 55),
        "waso_min": 3.0,
        "final_wake_min": 5.0,
        "rem_latency_onset_min": 45.0,
        "rem_latency_n2_min": 43.0,
        "w_min": 18.0,
        "n1_min": 2.0,
        "n2_min": 25.0,
        "n3_min": 15.0,
        "r_min": 10.0,
        "w_percent_of_tib": pytest.approx(100 * 18 / 70),
        "n1_percent_of_tst": pytest.approx(100 * 2 / 52),
        "n2_percent_of_tst": pytest.approx(100 * 25 / 52),
        "n3_percent_of_tst": pytest.approx(100 * 15 / 52),
        "r_percent_of_tst": pytest.approx(100 * 10 / 52),
        "unscored_min": 0.0,
        "transitions": 7,
    }


def test_time_in_bed_is_onset_latency_sleep_and_wake_after_it():
    s = sleep_statistics(A_NIGHT)
    assert s["tib_min"] == s["sol_min"] + s["tst_min"] + s["waso_min"] + s["final_wake_min"]


def test_lights_bound_every_statistic():
    s = sleep_statistics(A_NIGHT, lights_off_epoch=10, lights_on_epoch=70)
    assert s["tib_min"] == 30
    assert s["sol_min"] == 5
    assert s["final_wake_min"] == 3
    assert s["r_min"] == 0
    assert s["rem_latency_onset_min"] is None


def test_a_night_without_rem_has_no_rem_latency():
    s = sleep_statistics(night((W, 4), (N1, 2), (N2, 10)))
    assert s["rem_latency_onset_min"] is None
    assert s["rem_latency_n2_min"] is None
    assert s["r_percent_of_tst"] == 0


def test_rem_before_n2_has_latency_from_onset_only():
    s = sleep_statistics(night((W, 4), (N1, 2), (R, 10), (N2, 10), (R, 5)))
    assert s["rem_latency_onset_min"] == 1
    assert s["rem_latency_n2_min"] is None


def test_a_night_without_sleep_has_no_onset():
    s = sleep_statistics(night((W, 100)))
    assert s["tst_min"] == 0
    assert s["se_percent"] == 0
    undefined = {key for key, value in s.items() if value is None}
    assert undefined == {
        "sol_min",
        "spt_min",
        "sme_percent",
        "waso_min",
        "final_wake_min",
        "rem_latency_onset_min",
        "rem_latency_n2_min",
        "n1_percent_of_tst",
        "n2_percent_of_tst",
        "n3_percent_of_tst",
        "r_percent_of_tst",
    }


@pytest.mark.parametrize("hypnogram", [night(), night((UNSCORED, 20))])
def test_a_night_without_scored_epochs_has_its_length_only(hypnogram):
    s = sleep_statistics(hypnogram)
    minutes = len(hypnogram) / 2
    assert {key: value for key, value in s.items() if value is not None} == {
        "tib_min": minutes,
        "unscored_min": minutes,
    }


def test_unscored_epochs_are_time_in_bed_but_neither_wake_nor_transition():
    s = sleep_statistics(night((W, 2), (UNSCORED, 4), (N2, 10), (UNSCORED, 2), (R, 2)))
    assert s["tib_min"] == 10
    assert s["unscored_min"] == 3
    assert s["sol_min"] == 3
    assert s["spt_min"] == 7
    assert s["waso_min"] == 0
    assert s["transitions"] == 0


def test_a_single_epoch_is_a_night():
    assert sleep_statistics(night((N3, 1)))["se_percent"] == 100


@pytest.mark.parametrize("seed", range(10))
def test_statistics_equal_a_count_over_the_list(seed):
    stage = np.random.default_rng(seed).integers(-1, 5, 200).astype(np.int8)
    s = sleep_statistics(Hypnogram(stage=stage))
    listed = stage.tolist()
    asleep = [i for i, one in enumerate(listed) if one > 0]
    period = listed[asleep[0] : asleep[-1] + 1]
    assert s["spt_min"] == len(period) / 2
    assert s["waso_min"] == period.count(0) / 2
    assert s["tst_min"] == len(asleep) / 2
    assert s["sol_min"] == asleep[0] / 2
    assert s["rem_latency_onset_min"] == (listed.index(4) - asleep[0]) / 2
    assert s["transitions"] == sum(a != b and -1 not in (a, b) for a, b in pairwise(listed))


def test_statistics_are_plain_json():
    json.dumps(sleep_statistics(A_NIGHT), allow_nan=False)
    assert isinstance(sleep_statistics(A_NIGHT)["transitions"], int)
