import numpy as np
import pytest

from mc2sleepnet.core.stages import N2, UNSCORED, R, W
from mc2sleepnet.corpora import trim_wake
from mc2sleepnet.formats import read_hypnogram

HALF_HOUR = 60


def stages(*runs: tuple[int, int]):
    return np.concatenate([np.full(length, stage, dtype=np.int8) for stage, length in runs])


def test_half_an_hour_of_wake_stays_on_either_side():
    stage = stages((W, 200), (N2, 100), (W, 50), (R, 10), (W, 300))
    assert trim_wake(stage) == slice(200 - HALF_HOUR, 360 + HALF_HOUR)


def test_a_night_with_less_wake_keeps_what_it_has():
    stage = stages((W, 10), (N2, 100), (W, 20))
    assert trim_wake(stage) == slice(0, 130)


def test_the_unscored_tail_is_cut_and_unscored_epochs_within_stay():
    stage = stages((W, 10), (N2, 5), (UNSCORED, 7), (N2, 5), (W, 20), (UNSCORED, 900))
    assert trim_wake(stage) == slice(0, 47)


def test_movement_outside_sleep_sets_the_limits_only_if_any_epoch_but_wake_does():
    stage = stages((W, 100), (UNSCORED, 1), (W, 100), (N2, 9), (W, 200), (UNSCORED, 1), (W, 100))
    assert trim_wake(stage, "scored_sleep") == slice(201 - HALF_HOUR, 210 + HALF_HOUR)
    assert trim_wake(stage, "any_non_wake") == slice(100 - HALF_HOUR, 411 + HALF_HOUR)


def test_a_night_without_sleep_is_kept_up_to_its_unscored_tail():
    assert trim_wake(stages((W, 100), (UNSCORED, 50))) == slice(0, 100)
    assert trim_wake(stages((UNSCORED, 50))) == slice(0, 0)


def test_an_unknown_limit_is_refused():
    with pytest.raises(ValueError, match="scored_sleep, any_non_wake"):
        trim_wake(stages((W, 1)), "sleep")


@pytest.mark.parametrize(("trim_limits", "n_scored"), [("scored_sleep", 21_039), ("any_non_wake", 21_142)])
def test_the_twenty_real_cassette_nights_give_the_known_totals(real_data, trim_limits, n_scored):
    paths = sorted((real_data / "sleep-edf" / "hypnograms").rglob("SC4*.edf"))
    trimmed = [stage[trim_wake(stage, trim_limits)] for stage in (read_hypnogram(path).stage for path in paths)]
    assert len(paths) == 20
    assert sum(int(np.count_nonzero(stage != UNSCORED)) for stage in trimmed) == n_scored


def test_trimming_loses_wake_only_in_153_real_nights(real_data):
    table = np.load(real_data / "sleep-edf" / "bandpower_fpzcz.npz", allow_pickle=False)
    stage_of, night_of = table["y"].astype(np.int8), table["rec"]
    assert len(table["names"]) == 153
    for night in range(153):
        stage = stage_of[night_of == night]
        kept = stage[trim_wake(stage)]
        assert np.bincount(kept[kept > W]).tolist() == np.bincount(stage[stage > W]).tolist()
        assert np.count_nonzero(kept == W) <= np.count_nonzero(stage == W)


def test_the_twenty_real_nights_without_their_unscored_epochs_give_the_third_known_total(real_data):
    paths = sorted((real_data / "sleep-edf" / "hypnograms").rglob("SC4*.edf"))
    scored = [stage[stage != UNSCORED] for stage in (read_hypnogram(path).stage for path in paths)]
    assert sum(len(stage[trim_wake(stage)]) for stage in scored) == 21_040


def test_wake_is_balanced_with_the_largest_other_stage_from_both_ends():
    stage = stages((W, 100), (N2, 30), (W, 5), (R, 10), (W, 60))
    kept = trim_wake(stage, "balanced_wake")
    assert kept == slice(100 - 13, 145 + 12)
    assert np.count_nonzero(stage[kept] == W) == 30


def test_balancing_takes_from_one_end_what_the_other_has_not():
    assert trim_wake(stages((W, 2), (N2, 30), (W, 60)), "balanced_wake") == slice(0, 60)
    assert trim_wake(stages((W, 60), (N2, 30), (W, 2)), "balanced_wake") == slice(32, 92)


def test_balancing_never_cuts_between_sleep_nor_adds_wake():
    assert trim_wake(stages((W, 3), (N2, 5), (W, 40), (R, 1), (W, 9)), "balanced_wake") == slice(3, 49)
    assert trim_wake(stages((UNSCORED, 4), (W, 3), (N2, 9), (W, 2), (UNSCORED, 3)), "balanced_wake") == slice(4, 18)


def test_no_trimming_cuts_what_is_unscored_at_the_ends_alone():
    stage = stages((UNSCORED, 4), (W, 300), (UNSCORED, 2), (N2, 9), (W, 400), (UNSCORED, 3))
    assert trim_wake(stage, "none") == slice(4, 715)
    assert trim_wake(stages((UNSCORED, 4)), "none") == slice(0, 0)
