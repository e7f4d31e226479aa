"""A whole night from any stager, against a loop over every window."""

import numpy as np
import pytest
from numpy.typing import NDArray

from completions import some_completion
from mc2sleepnet.core.completion import Completion
from mc2sleepnet.core.dead_stretches import bridged
from mc2sleepnet.core.recording_statistics import epoch_decibels, recording_statistics
from mc2sleepnet.core.sleep_course import along_the_course
from mc2sleepnet.core.smoothing import Smoothing, smoothed
from mc2sleepnet.core.stage_levels import ENOUGH_EPOCHS
from mc2sleepnet.core.stages import W
from mc2sleepnet.inference import answer_night, encode_night, relate_night, score_night, window_starts


class Lookup:
    """A stager without a network: tokens are the epoch's first samples, stages depend on the whole window."""

    needs_statistics = False
    removes_drift = False
    completion: Completion | None = None
    smoothing: Smoothing = "none"
    margin_samples = 0

    def __init__(self, length: int = 16) -> None:
        self.sequence_length = length
        self.encoded = 0
        self.rng = np.random.default_rng(0)
        self.weight = self.rng.normal(size=(8, 5)).astype(np.float32)

    def encode(
        self, signal_uv: NDArray[np.float32], statistics: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        self.encoded += len(signal_uv)
        return signal_uv[:, :8].reshape(-1, 2, 4)

    def relate(self, tokens: NDArray[np.float32], is_valid: NDArray[np.bool_]) -> NDArray[np.float32]:
        flat = tokens.reshape(*tokens.shape[:2], 8)
        context = np.where(is_valid[:, :, None], flat, 0).sum(axis=1, keepdims=True)
        logits = (flat + 0.3 * context) @ self.weight
        return (logits - np.logaddexp.reduce(logits, axis=2, keepdims=True)).astype(np.float32)


def night(n_epochs: int) -> NDArray[np.float32]:
    return np.random.default_rng(n_epochs).normal(size=(n_epochs, 3000)).astype(np.float32)


def by_loops(
    stager: Lookup, signal_uv: NDArray[np.float32], is_scorable: NDArray[np.bool_], stride: int
) -> NDArray[np.float64]:
    n, length = len(signal_uv), stager.sequence_length
    collected: list[list[NDArray[np.float32]]] = [[] for _ in range(n)]
    starts = {*range(0, max(0, n - length), stride), max(0, n - length)}
    for start in starts:
        tokens, is_valid = np.zeros((1, length, 2, 4), np.float32), np.zeros((1, length), bool)
        for place in range(length):
            if start + place < n and is_scorable[start + place]:
                tokens[0, place] = stager.encode(signal_uv[start + place][None])[0]
                is_valid[0, place] = True
        if is_valid.any():
            answer = stager.relate(tokens, is_valid)[0]
            for place in np.flatnonzero(is_valid[0]):
                collected[start + place].append(answer[place])
    result = np.full((n, 5), np.nan)
    for epoch, answers in enumerate(collected):
        if answers:
            mean = np.mean(answers, axis=0, dtype=np.float64)
            result[epoch] = mean - np.logaddexp.reduce(mean)
    return result


@pytest.mark.parametrize("n_epochs", [1, 2, 3, 15, 16, 17, 33, 100])
@pytest.mark.parametrize("stride", [1, 4, 16])
def test_sliding_equals_the_loop_over_every_window(n_epochs: int, stride: int) -> None:
    stager, signal_uv = Lookup(), night(n_epochs)
    is_scorable = np.random.default_rng(1).random(n_epochs) > 0.2
    is_scorable[0] = True
    found = score_night(stager, signal_uv, is_scorable, stride=stride)
    np.testing.assert_allclose(found, by_loops(Lookup(), signal_uv, is_scorable, stride), atol=1e-5)


@pytest.mark.parametrize("n_epochs", [15, 16, 40])
def test_the_last_epoch_of_every_sequence_is_scored_by_that_sequence_alone(n_epochs: int) -> None:
    stager, signal_uv, is_scorable = Lookup(), night(n_epochs), np.ones(n_epochs, bool)
    is_scorable[min(20, n_epochs - 2)] = False
    found = score_night(stager, signal_uv, is_scorable, stride=1, aggregation="last")
    assert np.isnan(found[:15]).all()
    for epoch in range(15, n_epochs):
        window = slice(epoch - 15, epoch + 1)
        tokens = np.where(is_scorable[window, None, None], stager.encode(signal_uv[window]), 0)
        alone = stager.relate(tokens[None], is_scorable[None, window])[0, -1]
        np.testing.assert_allclose(found[epoch], alone if is_scorable[epoch] else np.full(5, np.nan), atol=1e-5)


@pytest.mark.parametrize("n_epochs", [1, 15, 16, 17, 31, 200])
def test_every_scorable_epoch_is_scored_and_probabilities_add_up_to_one(n_epochs: int) -> None:
    found = score_night(Lookup(), night(n_epochs), np.ones(n_epochs, bool), stride=5)
    np.testing.assert_allclose(np.exp(found).sum(axis=1), 1)


def test_every_epoch_is_encoded_once_whatever_the_stride() -> None:
    stager = Lookup()
    score_night(stager, night(300), np.ones(300, bool), stride=1)
    assert stager.encoded == 300


def test_epochs_that_cannot_be_scored_are_nan_and_never_encoded() -> None:
    stager, is_scorable = Lookup(), np.ones(40, bool)
    is_scorable[[0, 20, 39]] = False
    found = score_night(stager, night(40), is_scorable, stride=4)
    assert np.isnan(found).any(axis=1).tolist() == (~is_scorable).tolist()
    assert stager.encoded == 37


def test_what_stands_in_an_unscorable_epoch_changes_nothing() -> None:
    signal_uv, is_scorable = night(40), np.ones(40, bool)
    is_scorable[10:25] = False
    other = signal_uv.copy()
    other[10:25] = 1e6
    first, second = (score_night(Lookup(), signal, is_scorable, stride=4) for signal in (signal_uv, other))
    np.testing.assert_array_equal(first, second)


def test_a_night_without_any_scorable_epoch_is_all_nan() -> None:
    found = score_night(Lookup(), night(20), np.zeros(20, bool), stride=4)
    assert found.shape == (20, 5)
    assert np.isnan(found).all()


@pytest.mark.parametrize(("n", "stride", "expected"), [(16, 4, [0]), (17, 4, [0, 1]), (24, 4, [0, 4, 8]), (3, 4, [0])])
def test_windows_begin_every_stride_and_one_ends_with_the_night(n: int, stride: int, expected: list[int]) -> None:
    assert window_starts(n, 16, stride).tolist() == expected


def test_progress_counts_every_encoded_epoch() -> None:
    seen: list[int] = []
    tokens = encode_night(Lookup(), night(300), np.ones(300, bool), seen.append)
    assert sum(seen) == 300
    assert relate_night(Lookup(), tokens, np.ones(300, bool), stride=4).shape == (300, 5)


class Loudness(Lookup):
    """Calls loud epochs N3 and others W, and remembers the statistics that it was given."""

    needs_statistics = True

    def __init__(self) -> None:
        super().__init__()
        self.given: list[NDArray[np.float32]] = []

    def encode(
        self, signal_uv: NDArray[np.float32], statistics: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        assert statistics is not None
        if not self.given or not np.array_equal(statistics, self.given[-1]):
            self.given.append(statistics)
        return np.broadcast_to(signal_uv.std(axis=1)[:, None, None], (len(signal_uv), 2, 4))

    def relate(self, tokens: NDArray[np.float32], is_valid: NDArray[np.bool_]) -> NDArray[np.float32]:
        is_loud = tokens[..., 0, 0] > 30
        answer = np.full((*is_loud.shape, 5), -9.0, np.float32)
        answer[..., 3], answer[..., 0] = np.where(is_loud, 0, -9), np.where(is_loud, -9, 0)
        return answer


def brown(n_epochs: int, deviation: float) -> NDArray[np.float32]:
    walk = np.cumsum(night(n_epochs), axis=1)
    return (walk / walk.std(axis=1, keepdims=True) * deviation).astype(np.float32)


def asleep(n_epochs: int) -> NDArray[np.float32]:
    """Louder by slow waves. What is louder at all frequencies alike is no sleep, but a gain that was changed."""
    slow_uv = 60 * np.sin(2 * np.pi * 1.2 * np.arange(3000) / 100)
    return (brown(n_epochs, 15) + slow_uv).astype(np.float32)


def test_after_a_day_of_wake_the_night_is_read_by_statistics_of_its_own() -> None:
    signal_uv = np.concatenate([brown(1000, 15), asleep(800), brown(100, 15)])
    is_scorable = np.ones(1900, bool)
    is_scorable[1200:1230] = False
    stager = Loudness()
    answer = answer_night(stager, signal_uv, is_scorable, stride=8)
    # An hour before sleep, and the quarter of an hour whose half hour is half asleep.
    first = int(np.flatnonzero(answer.tells)[0])
    assert 1000 - 120 - 31 <= first <= 1000 - 120
    np.testing.assert_array_equal(answer.tells, (np.arange(1900) >= first) & is_scorable)
    assert len(stager.given) == 2
    np.testing.assert_array_equal(stager.given[0], recording_statistics(signal_uv, is_scorable))
    np.testing.assert_array_equal(stager.given[1], recording_statistics(signal_uv, answer.tells))
    assert answer.log_probabilities[is_scorable].argmax(axis=1).tolist() == [0] * 1000 + [3] * 770 + [0] * 100
    assert not answer.is_noise.any()


def test_an_ordinary_night_is_read_once_by_all_of_it() -> None:
    signal_uv = np.concatenate([brown(100, 15), asleep(800), brown(100, 15)])
    stager = Loudness()
    answer = answer_night(stager, signal_uv, np.ones(1000, bool), stride=8)
    assert answer.tells.all()
    assert len(stager.given) == 1


def test_hours_of_noise_are_left_out_of_the_first_look_too() -> None:
    signal_uv = np.concatenate([night(500), brown(800, 45)])
    stager = Loudness()
    answer = answer_night(stager, signal_uv, np.ones(1300, bool), stride=8)
    assert answer.is_noise[:500].mean() > 0.95
    assert not answer.is_noise[500:].any()
    np.testing.assert_array_equal(answer.tells, ~answer.is_noise)
    np.testing.assert_array_equal(stager.given, [recording_statistics(signal_uv, ~answer.is_noise)])


def test_a_network_without_statistics_looks_once() -> None:
    stager = Lookup()
    answer = answer_night(stager, night(600), np.ones(600, bool), stride=8)
    assert answer.tells.all()
    assert stager.encoded == 600


def test_every_recording_is_read_by_completed_statistics() -> None:
    signal_uv = np.concatenate([brown(50, 15), asleep(50)])
    stager = Loudness()
    stager.completion = some_completion(has_levels=False)
    answer_night(stager, signal_uv, np.ones(100, bool), stride=8)
    own = recording_statistics(signal_uv)
    np.testing.assert_array_equal(stager.given, stager.completion.of_parts(own[None], np.array([100])))


@pytest.mark.parametrize("smoothing", ["none", "course", "course+spectra"])
@pytest.mark.parametrize(("n_epochs", "hole"), [(100, 0), (300, 0), (ENOUGH_EPOCHS - 1, 0), (300, 60)])
def test_a_short_recording_is_looked_at_again_by_what_its_stages_say_of_the_night(
    n_epochs: int, hole: int, smoothing: Smoothing
) -> None:
    signal_uv = np.concatenate([brown(n_epochs // 2, 15), asleep(n_epochs - n_epochs // 2)])
    is_scorable = np.ones(n_epochs, bool)
    is_scorable[180 : 180 + hole] = False
    stager = Loudness()
    stager.smoothing = smoothing
    stager.completion = some_completion(has_levels=True)
    answer = answer_night(stager, signal_uv, is_scorable, stride=8)
    assert len(stager.given) == 2
    own = recording_statistics(signal_uv, is_scorable)
    np.testing.assert_array_equal(
        stager.given[0], stager.completion.of_parts(own[None], np.array([is_scorable.sum()]))[0]
    )
    expected = stager.completion.of_short_recording(
        own,
        int(is_scorable.sum()),
        signal_uv[is_scorable],
        # `Loudness` answers the same whatever the statistics.
        np.exp(answer.log_probabilities[is_scorable]),
        share=1 - n_epochs / ENOUGH_EPOCHS,
        removes_drift=False,
    )
    np.testing.assert_array_equal(stager.given[1], expected)
    assert np.abs(stager.given[1] - stager.given[0]).max() > 0.01


@pytest.mark.parametrize("n_scorable", [ENOUGH_EPOCHS, 30])
def test_what_spans_most_of_a_night_is_looked_at_once_whatever_is_missing_of_it(n_scorable: int) -> None:
    signal_uv = np.concatenate([brown(100, 15), asleep(ENOUGH_EPOCHS - 100)])
    is_scorable = np.zeros(ENOUGH_EPOCHS, bool)
    is_scorable[np.linspace(0, ENOUGH_EPOCHS - 1, n_scorable).astype(int)] = True
    stager = Loudness()
    stager.completion = some_completion(has_levels=True)
    answer_night(stager, signal_uv, is_scorable, stride=8)
    assert len(stager.given) == 1


def test_one_epoch_alone_and_none_at_all_are_answered() -> None:
    stager = Loudness()
    stager.completion = some_completion(has_levels=True)
    for is_scorable in (np.arange(20) == 3, np.zeros(20, bool)):
        found = answer_night(stager, brown(20, 15), is_scorable, stride=8).log_probabilities
        np.testing.assert_array_equal(np.isfinite(found).all(axis=1), is_scorable)


def test_a_night_is_smoothed_as_the_model_wants_it_and_by_what_was_read() -> None:
    signal_uv = np.concatenate([brown(200, 15), asleep(200)])
    signal_uv[300] = brown(1, 15)[0]  # one quiet epoch in deep sleep
    is_scorable = np.arange(400) != 20
    as_answered = answer_night(Loudness(), signal_uv, is_scorable, stride=8)
    assert as_answered.log_probabilities[300].argmax() == W
    decibels = epoch_decibels(signal_uv, is_scorable)
    ways: tuple[Smoothing, ...] = ("none", "course", "course+spectra")
    for smoothing in ways:
        stager = Loudness()
        stager.smoothing = smoothing
        found = answer_night(stager, signal_uv, is_scorable, stride=8)
        expected = smoothed(as_answered.log_probabilities, decibels, as_answered.tells, smoothing=smoothing)
        np.testing.assert_allclose(found.log_probabilities, expected, atol=1e-9)
        np.testing.assert_array_equal(np.isnan(found.log_probabilities[:, 0]), ~is_scorable)
        assert len(stager.given) == 1


def test_a_network_without_statistics_is_smoothed_too() -> None:
    stager, signal_uv, everything = Lookup(), night(60), np.ones(60, bool)
    before = score_night(stager, signal_uv, everything, stride=8)
    stager.smoothing = "course"
    np.testing.assert_array_equal(score_night(stager, signal_uv, everything, stride=8), along_the_course(before))


@pytest.mark.parametrize("trouble", ["a day of wake", "another gain", "dead seconds"])
def test_the_spectra_are_those_of_what_was_read_and_by_the_epochs_that_tell(trouble: str) -> None:
    signal_uv = np.concatenate([brown(300, 15), asleep(400), brown(100, 15)])
    if trouble == "a day of wake":
        signal_uv = np.concatenate([2 * brown(900, 15), signal_uv])
    elif trouble == "another gain":
        signal_uv[350:] *= 8
    else:
        signal_uv[100:200, 500:1200] = 0
    everything = np.ones(len(signal_uv), bool)
    as_answered = answer_night(Loudness(), signal_uv, everything, stride=8)
    stager = Loudness()
    stager.smoothing = "course+spectra"
    found = answer_night(stager, signal_uv, everything, stride=8).log_probabilities
    answer, tells = as_answered.log_probabilities, as_answered.tells

    def by(read_uv: NDArray[np.float32], teach: NDArray[np.bool_]) -> NDArray[np.float64]:
        return smoothed(answer, epoch_decibels(read_uv, everything), teach, smoothing="course+spectra")

    np.testing.assert_allclose(found, by(bridged(as_answered.read_uv), tells), atol=1e-9)
    otherwise = {
        "a day of wake": by(bridged(as_answered.read_uv), everything),
        "another gain": by(signal_uv, tells),
        "dead seconds": by(as_answered.read_uv, tells),
    }
    assert np.abs(found - otherwise[trouble]).max() > 1e-6
