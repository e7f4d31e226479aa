"""The heart's beats are found without an ECG and taken out; where there are none, nothing is."""

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from mc2sleepnet.core import beat_search
from mc2sleepnet.core import heart_beats as module
from mc2sleepnet.core.beat_search import RHYTHM_COST
from mc2sleepnet.core.heart_beats import LEAST_EPOCHS, heart_beats, without_beats

Epochs = NDArray[np.float32]


def eeg(n_epochs: int, seed: int = 0) -> Epochs:
    """Pink noise of 20 µV, in every other epoch with an alpha rhythm."""
    rng = np.random.default_rng(seed)
    t = np.arange(3000) / 100
    fall = 1 / np.maximum(np.fft.rfftfreq(3000, 0.01), 0.5)
    signal = np.fft.irfft(np.fft.rfft(rng.normal(size=(n_epochs, 3000))) * fall)
    signal *= 20 / signal.std()
    wander = 0.006 * rng.normal(size=(n_epochs, 3000)).cumsum(axis=1)
    signal[::2] += 10 * np.sin(2 * np.pi * (10 * t + wander))[::2]
    return signal.astype(np.float32)


def beating(
    n_epochs: int, *, per_minute: float = 65, turned: bool = False, wander: float = 0.1, seed: int = 1
) -> tuple[Epochs, list[int]]:
    """Beats of 1 µV from peak to peak that wander by a tenth as they do when breathing stops, and their samples."""
    rng = np.random.default_rng(seed)
    place, now = [], 0.3
    while now < n_epochs * 30 - 1:
        place.append(round(100 * now))
        now += 60 / per_minute * (1 + wander * np.sin(2 * np.pi * now / 40) + rng.normal(0, 0.02))
    t = np.arange(-25, 50) / 100
    beat = sum(
        h * np.exp(-(((t - m) / w) ** 2) / 2) for m, w, h in ((-0.03, 0.01, -0.2), (0, 0.012, 1), (0.3, 0.05, 0.2))
    )
    beat = beat / np.ptp(beat) * (-1 if turned else 1)
    signal = np.zeros(n_epochs * 3000)
    for at in place:
        if at >= 25:
            signal[at - 25 : at + 50] += beat
    return signal.reshape(n_epochs, 3000).astype(np.float32), place


def share_left(mixed: Epochs, clean: Epochs) -> float:
    """Power from 5 to 35 Hz that is left of the beats."""
    found = heart_beats(mixed, np.ones(len(mixed), np.bool_))
    assert found is not None
    window = np.hanning(3000)
    power = [
        (np.abs(np.fft.rfft((signal - clean) * window)) ** 2)[:, 150:1050].sum()
        for signal in (without_beats(mixed, found), mixed)
    ]
    return power[0] / power[1]


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("per_minute", [45, 65, 110])
def test_most_of_the_beats_is_taken_out(per_minute: float, turned: bool) -> None:
    clean = eeg(60)
    beats, _ = beating(60, per_minute=per_minute, turned=turned)
    assert share_left(clean + 40 * beats, clean) < 0.15


@pytest.mark.parametrize("per_minute", [110, 120, 130])
def test_a_fast_even_heart_is_not_taken_for_one_of_half_its_rate(per_minute: float) -> None:
    clean = eeg(60)
    beats, _ = beating(60, per_minute=per_minute, wander=0)
    assert share_left(clean + 40 * beats, clean) < 0.15
    found = heart_beats(clean + 40 * beats, np.ones(60, np.bool_))
    assert found is not None
    assert found.per_minute == pytest.approx(per_minute, abs=2)


def test_beats_are_where_they_are_and_as_large_as_they_are() -> None:
    clean = eeg(60)
    beats, place = beating(60)
    found = heart_beats(clean + 40 * beats, np.ones(60, np.bool_))
    assert found is not None
    assert found.is_beating.all()
    assert found.size_uv == pytest.approx(40, abs=4)
    assert found.per_minute == pytest.approx(len(place) / 30, abs=1)
    distance = np.abs(found.place[:, None] - np.array(place)).min(axis=1)
    assert (distance <= 2).mean() > 0.97
    assert np.array_equal(found.epoch, found.place // 3000)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("n_epochs", [LEAST_EPOCHS, 60])
def test_brain_rhythms_are_no_heart(n_epochs: int, seed: int) -> None:
    assert heart_beats(eeg(n_epochs, seed), np.ones(n_epochs, np.bool_)) is None


def test_a_heart_that_some_hours_show_is_taken_out_of_these() -> None:
    clean = eeg(240)
    beats, _ = beating(240)
    beats[:120] = 0
    found = heart_beats(clean + 40 * beats, np.ones(240, np.bool_))
    assert found is not None
    assert not found.is_beating[:90].any()
    assert found.is_beating[150:].all()
    rest = without_beats(clean + 40 * beats, found)
    assert np.array_equal(rest[:89], clean[:89])


def test_a_quiet_epoch_says_no_more_of_the_beats_than_its_neighbours() -> None:
    """An electrode is off for half a minute."""
    clean = eeg(60)
    beats, _ = beating(60)
    mixed = clean + 40 * beats
    mixed[30] = np.random.default_rng(3).normal(0, 1, 3000)
    others = np.arange(60) != 30
    found = heart_beats(mixed, np.ones(60, np.bool_))
    assert found is not None
    rest = without_beats(mixed, found)
    left = np.abs(rest - clean)[others].mean() / np.abs(40 * beats)[others].mean()
    assert left < 0.3
    assert found.size_uv == pytest.approx(40, abs=5)


def test_loudness_changes_nothing() -> None:
    beats, _ = beating(60)
    mixed = eeg(60) + 40 * beats
    found, louder, quieter = (heart_beats(mixed * gain, np.ones(60, np.bool_)) for gain in (1, 20, 0.2))
    assert found is not None
    assert louder is not None
    assert quieter is not None
    np.testing.assert_array_equal(louder.place, found.place)
    assert np.isin(quieter.place, found.place).mean() > 0.99
    np.testing.assert_allclose(louder.shape_uv / 20, found.shape_uv, atol=0.01)


def test_what_cannot_be_scored_is_neither_asked_nor_changed() -> None:
    clean = eeg(60)
    beats, _ = beating(60)
    mixed = clean + 40 * beats
    is_scorable = np.ones(60, np.bool_)
    is_scorable[20:30] = False
    mixed[20:30] = 1e6 * np.sign(mixed[20:30])
    found = heart_beats(mixed, is_scorable)
    assert found is not None
    assert not found.is_beating[20:30].any()
    # A beat at the very border reaches half a second into the next epoch.
    assert np.array_equal(without_beats(mixed, found)[21:29], mixed[21:29])


def test_dead_samples_stay_dead() -> None:
    beats, _ = beating(60)
    mixed = eeg(60) + 40 * beats
    mixed[:, 1000:1500] = 3.0
    found = heart_beats(mixed, np.ones(60, np.bool_))
    assert found is not None
    rest = without_beats(mixed, found)
    assert (rest[:, 1000:1500] == 3.0).all()
    assert not np.array_equal(rest, mixed)


def test_no_beat_is_taken_from_what_does_not_hold_it() -> None:
    """A radio link lost these seconds, and left a little more than nothing."""
    beats, _ = beating(60)
    mixed = eeg(60) + 40 * beats
    mixed[:, 1000:1500] = np.where(np.arange(500) % 2, 0.4, -0.4)
    found = heart_beats(mixed, np.ones(60, np.bool_))
    assert found is not None
    assert np.array_equal(without_beats(mixed, found)[:, 1050:1450], mixed[:, 1050:1450])


def test_long_recordings_are_read_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    beats, _ = beating(130)
    mixed = eeg(130) + 40 * beats
    whole = heart_beats(mixed, np.ones(130, np.bool_))
    monkeypatch.setattr(module, "EPOCHS_PER_PIECE", 50)
    pieces = heart_beats(mixed, np.ones(130, np.bool_))
    assert whole is not None
    assert pieces is not None
    # The rhythm of the epochs beside is not known across pieces.
    assert np.isin(pieces.place, whole.place).mean() > 0.99
    np.testing.assert_allclose(pieces.shape_uv, whole.shape_uv, atol=0.5)


def test_flat_epochs_and_short_records_have_no_heart() -> None:
    assert heart_beats(np.zeros((40, 3000), np.float32), np.ones(40, np.bool_)) is None
    beats, _ = beating(LEAST_EPOCHS - 1)
    mixed = eeg(LEAST_EPOCHS - 1) + 40 * beats
    assert heart_beats(mixed, np.ones(len(mixed), np.bool_)) is None
    assert heart_beats(np.zeros((0, 3000), np.float32), np.zeros(0, np.bool_)) is None


def test_the_tracked_sequence_is_the_best_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every sequence of a short row, tried one by one."""
    lags = np.arange(3, 7)
    monkeypatch.setattr(beat_search, "_lags", lambda: lags)
    rng = np.random.default_rng(0)
    score, rhythm = rng.normal(size=(20, 18)).astype(np.float32), rng.uniform(3, 6, 20)

    def value(row: int, sequence: tuple[int, ...]) -> float:
        steps = np.diff(sequence)
        return float(score[row, list(sequence)].sum() - (RHYTHM_COST * np.log(steps / rhythm[row]) ** 2).sum())

    # It begins in the first of the longest intervals and ends in the last.
    sequences = [
        chosen
        for size in range(1, 7)
        for chosen in itertools.combinations(range(18), size)
        if chosen[0] < lags[-1] and chosen[-1] >= 18 - lags[-1] and np.isin(np.diff(chosen), lags).all()
    ]
    tracked = beat_search._tracked(score, rhythm)
    for row in range(len(score)):
        found = value(row, tuple(np.flatnonzero(tracked[row])))
        assert found == pytest.approx(max(value(row, sequence) for sequence in sequences), abs=1e-4)


def test_the_average_beat_is_that_of_a_loop() -> None:
    rng = np.random.default_rng(2)
    signal, peaks = eeg(50), np.zeros((50, 3000), np.bool_)
    for epoch in range(50):
        peaks[epoch, np.sort(rng.integers(0, 3000, 30))] = True
    is_beating = rng.random(50) < 0.8
    sums = module._BeatSums(50)
    for start in (0, 20, 40):
        sums.add(signal[start : start + 20], *np.nonzero(peaks[start : start + 20]), start)
    shapes = sums.average_around(is_beating)
    ramp = np.hanning(17)[:8]
    for epoch in (0, 7, 25, 49):
        windows, weights = [], []
        for beside in range(max(0, epoch - 20), min(50, epoch + 21)):
            for at in np.flatnonzero(peaks[beside]):
                if is_beating[beside] and 20 <= at < 3000 - 45:
                    windows.append(signal[beside, at - 20 : at + 45].astype(float))
                    weights.append(1 / max(signal[beside].var(), np.median(signal.var(axis=1)[is_beating]) / 3))
        mean = np.average(windows, axis=0, weights=weights)
        mean -= np.median(np.r_[mean[:8], mean[-8:]])
        mean[:8] *= ramp
        mean[-8:] *= ramp[::-1]
        np.testing.assert_allclose(shapes[epoch], mean if is_beating[epoch] else 0 * mean, atol=1e-4)
