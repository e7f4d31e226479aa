"""A whole night from any stager: encode every epoch once, slide over the tokens, average.

The one path that validation during training and scoring of recordings share, so that what is validated is what
scores; `answer_night` alone does more, for recordings that are broken or short. Needs numpy only; the stager brings
its own engine.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.completion import Completion
from mc2sleepnet.core.dead_stretches import bridged, speaks
from mc2sleepnet.core.heart_beats import HeartBeats, heart_beats, without_beats
from mc2sleepnet.core.level_drift import level_drift, without_drift_of_level
from mc2sleepnet.core.level_steps import LevelStep, level_steps, levelled
from mc2sleepnet.core.low_pass import cut_off_hz, refilled
from mc2sleepnet.core.margins import night_with_margins
from mc2sleepnet.core.recording_statistics import epoch_decibels, epochs_measured, recording_statistics
from mc2sleepnet.core.smoothing import Smoothing, smoothed
from mc2sleepnet.core.stage_levels import shortness
from mc2sleepnet.core.stages import N_STAGES, UNSCORED, W
from mc2sleepnet.core.telling_epochs import around_sleep, drowned, has_noise

EPOCHS_PER_CALL = 128
SEQUENCES_PER_CALL = 64

# "average": every epoch from all sequences that hold it. "last": each sequence scores its last epoch alone.
Aggregation = Literal["average", "last"]


class Stager(Protocol):
    """What `score_night` needs of a network, whatever runs it. D is the width of a token."""

    @property
    def sequence_length(self) -> int:
        """L, epochs per sequence."""

    @property
    def margin_samples(self) -> int:
        """Samples of its neighbours that `encode` reads on each side of an epoch; 0 for most networks."""

    @property
    def needs_statistics(self) -> bool:
        """Whether `encode` reads the recording's own statistics."""

    @property
    def removes_drift(self) -> bool:
        """Whether the recording's statistics are those of its signal without slow drift."""

    @property
    def completion(self) -> Completion | None:
        """What makes a recording's statistics those that `encode` reads; None where it reads them as they are."""

    @property
    def smoothing(self) -> Smoothing:
        """What becomes of a night's answers: see `core.smoothing`."""

    def encode(
        self, signal_uv: NDArray[np.float32], statistics: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """Tokens of single epochs of a recording. Shape: [M, T + margins] µV, [N_STATISTICS] → [M, S, D]"""

    def relate(self, tokens: NDArray[np.float32], is_valid: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Log-probabilities of the stages. Shape: [B, L, S, D], [B, L] → [B, L, 5]"""


def window_starts(n_epochs: int, length: int, stride: int) -> NDArray[np.int64]:
    """First epochs of the sequences that cover a night: every `stride`, and one that ends with the last epoch."""
    last = max(0, n_epochs - length)
    return np.unique(np.append(np.arange(0, last, stride), last))


def encode_night(
    stager: Stager,
    signal_uv: NDArray[np.float32],
    is_scorable: NDArray[np.bool_],
    progress: Callable[[int], None] | None = None,
    *,
    statistics: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Encode every scorable epoch of a night once; the others' tokens are zero.

    Shape: [N, T] µV, [N] → [N, S, D]

    `progress` is told how many epochs each call encoded. A network that reads the recording's own statistics gets
    `statistics` as they are, or those of all scorable epochs, completed, without it. Dead stretches of an epoch are
    bridged by the rest of it first.
    """
    signal_uv = bridged(signal_uv)
    scorable = np.flatnonzero(is_scorable)
    encoded = []
    if statistics is None and stager.needs_statistics and len(scorable):
        statistics = statistics_read(stager, signal_uv, is_scorable)
    for indices in _pieces(scorable, EPOCHS_PER_CALL):
        epochs_uv = night_with_margins(signal_uv, is_scorable, indices, margin=stager.margin_samples)
        encoded.append(stager.encode(epochs_uv, statistics))
        if progress:
            progress(len(indices))
    if not encoded:
        return np.zeros((len(is_scorable), 2, 0), np.float32)
    tokens = np.zeros((len(is_scorable), *encoded[0].shape[1:]), np.float32)
    tokens[scorable] = np.concatenate(encoded)
    return tokens


def statistics_read(
    stager: Stager, signal_uv: NDArray[np.float32], is_readable: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """What a network reads of a recording's own statistics: completed where it has a completion.

    Shape: [N, T] µV with dead stretches bridged, [N] → [N_STATISTICS]
    """
    return _completed(stager, _own_statistics(stager, signal_uv, is_readable), is_readable)


def relate_night(
    stager: Stager,
    tokens: NDArray[np.float32],
    is_scorable: NDArray[np.bool_],
    *,
    stride: int,
    aggregation: Aggregation = "average",
) -> NDArray[np.float64]:
    """Slide over a night's tokens, average the log-probabilities of overlapping sequences and renormalise.

    Epochs that cannot be scored stay in their place as padding: neighbours keep their distance. With `aggregation`
    ``"last"`` every sequence answers for its last epoch only, so that the first L−1 of a night are never scored.

    Shape: [N, S, D], [N] → [N, 5] log-probabilities; NaN where the epoch is not scored.
    """
    n_epochs, length = len(is_scorable), stager.sequence_length
    assert 1 <= stride <= length, "a larger stride would leave epochs that no sequence covers"
    assert aggregation == "average" or stride == 1, "only stride 1 gives every epoch a sequence that ends with it"
    total = np.zeros((n_epochs, N_STAGES))
    if is_scorable.any():
        starts = window_starts(n_epochs, length, stride)
        places = starts[:, None] + np.arange(length)
        is_inside = places < n_epochs
        places = np.where(is_inside, places, 0)
        is_valid = is_inside & is_scorable[places]
        is_answer = is_valid if aggregation == "average" else is_valid & (np.arange(length) == length - 1)
        holds_signal = is_answer.any(axis=1)
        for rows in _pieces(np.flatnonzero(holds_signal), SEQUENCES_PER_CALL):
            log_probabilities = stager.relate(tokens[places[rows]], is_valid[rows])
            np.add.at(total, places[rows][is_answer[rows]], log_probabilities[is_answer[rows]])
        # Dividing by the number of sequences matters: the mean, not the sum, is renormalised.
        counts = np.bincount(places[is_answer], minlength=n_epochs)
        total /= np.maximum(counts, 1)[:, None]
        total -= np.logaddexp.reduce(total, axis=1, keepdims=True)
        total[counts == 0] = np.nan
    total[~is_scorable] = np.nan
    return total


def smoothed_night(
    stager: Stager, answer: NDArray[np.float64], signal_uv: NDArray[np.float32], tells: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """A night's log-probabilities, smoothed as the stager's model wants it. Shape: [N, 5], [N, T] µV, [N] → [N, 5]

    `signal_uv` is what the network read; `tells` are the epochs that the recording's own statistics are of.
    """
    decibels = None
    if stager.smoothing == "course+spectra":
        decibels = epoch_decibels(bridged(signal_uv), ~np.isnan(answer[:, W]))
    return smoothed(answer, decibels, tells, smoothing=stager.smoothing)


@dataclass(frozen=True)
class NightAnswer:
    """What a network says of a night, and by which epochs it took the recording's measure.

    Attributes
    ----------
    log_probabilities
        Shape ``[N, 5]``, natural, in the order W, N1, N2, N3, R, smoothed as the model wants it; NaN where not scored.
    tells
        Shape ``[N]``: the epochs that the recording's own statistics are of (`core.telling_epochs`).
    is_noise
        Shape ``[N]``: what was left out of them for its spectrum; nothing if that is not much.
    is_drowned
        Shape ``[N]``: louder than any sleep is beside the middle of its night; scored as the rest.
    steps
        Where the recording's level changes as no sleep changes it; all parts were brought to one level.
    drift_db
        Shape ``[N]``: by how much each epoch was louder than most for no stage's sake, before that was taken out; None
        where it is little.
    beats
        Of the heart, taken out before all else; None where none can be told.
    cut_off_hz
        Where a low-pass left nothing of the recording; what is above was put back as noise. None without one.
    read_uv
        Shape ``[N, T]``, µV: the signal after all of that, which the network read.
    """

    log_probabilities: NDArray[np.float64]
    tells: NDArray[np.bool_]
    is_noise: NDArray[np.bool_]
    is_drowned: NDArray[np.bool_]
    read_uv: NDArray[np.float32]
    steps: tuple[LevelStep, ...] = ()
    cut_off_hz: int | None = None
    drift_db: NDArray[np.float64] | None = None
    beats: HeartBeats | None = None


def answer_night(
    stager: Stager,
    signal_uv: NDArray[np.float32],
    is_scorable: NDArray[np.bool_],
    *,
    stride: int,
    aggregation: Aggregation = "average",
    progress: Callable[[int], None] | None = None,
) -> NightAnswer:
    """Log-probabilities of every epoch of a night: `encode_night`, then `relate_night`.

    For a network that reads the recording's own statistics, the heart's beats and steps of the recording's level are
    taken out first, and what a low-pass took away is put back as noise. It looks again where much of the recording lies
    further than an hour from any sleep, with the statistics of the rest; where the recording's level drifts, with that
    taken out; and where the recording is short, with statistics moved towards those of the night that it is a part of,
    as the stages that were found let expect (`core.stage_levels`). If the model wants it, the last
    look is smoothed, and so are the stages that a short recording's second look goes by.

    Parameters
    ----------
    stager
        The network behind one of its engines.
    signal_uv
        Shape ``[N, T]``, µV.
    is_scorable
        Shape ``[N]``: False where there is nothing to score.
    stride
        Epochs between the starts of two sequences.
    aggregation
        How the answers of overlapping sequences become one.
    progress
        Told how many epochs each call encoded, in the first look.
    """

    def look(
        read_uv: NDArray[np.float32],
        statistics: NDArray[np.float32] | None,
        progress: Callable[[int], None] | None = None,
    ) -> NDArray[np.float64]:
        tokens = encode_night(stager, read_uv, is_scorable, progress, statistics=statistics)
        return relate_night(stager, tokens, is_scorable, stride=stride, aggregation=aggregation)

    if not stager.needs_statistics or not is_scorable.any():
        answer, nothing = look(signal_uv, None, progress), np.zeros_like(is_scorable)
        answer = smoothed_night(stager, answer, signal_uv, is_scorable)
        return NightAnswer(answer, tells=is_scorable, is_noise=nothing, is_drowned=nothing, read_uv=signal_uv)
    beats = heart_beats(signal_uv, is_scorable)
    if beats is not None:
        signal_uv = without_beats(signal_uv, beats)
    read_uv, decibels = signal_uv, epoch_decibels(signal_uv, is_scorable)
    is_noise = has_noise(decibels, is_scorable)
    tells = is_scorable & ~is_noise
    steps = level_steps(decibels, tells & speaks(signal_uv))
    if steps:
        read_uv = levelled(signal_uv, steps, tells)
        decibels = epoch_decibels(read_uv, is_scorable)
    cut_off = cut_off_hz(read_uv, tells)
    if cut_off is not None:
        read_uv = refilled(bridged(read_uv), decibels, cut_off)
        decibels = epoch_decibels(read_uv, is_scorable)
    whole_uv = bridged(read_uv)
    statistics = _own_statistics(stager, whole_uv, tells)
    answer = look(read_uv, _completed(stager, statistics, tells), progress)
    near = around_sleep(stages_of(answer) > W, tells)
    if (near != tells).any():
        statistics = _own_statistics(stager, whole_uv, near)
        answer = look(read_uv, _completed(stager, statistics, near))
    drift_db = level_drift(decibels, stages_of(answer), near & speaks(read_uv))
    if drift_db is not None:
        read_uv = without_drift_of_level(read_uv, drift_db)
        whole_uv = bridged(read_uv)
        statistics = _own_statistics(stager, whole_uv, near)
        answer = look(read_uv, _completed(stager, statistics, near))
    share, completion = shortness(near), stager.completion
    is_answered = near & ~np.isnan(answer[:, W])
    if completion is not None and completion.levels is not None and share > 0 and is_answered.any():
        measured = epochs_measured(whole_uv, is_answered)
        of_night = completion.of_short_recording(
            statistics,
            int(near.sum()),
            whole_uv[measured],
            np.exp(smoothed_night(stager, answer, read_uv, near)[measured]),
            share=share,
            removes_drift=stager.removes_drift,
        )
        answer = look(read_uv, of_night)
    return NightAnswer(
        smoothed_night(stager, answer, read_uv, near),
        tells=near,
        is_noise=is_noise,
        is_drowned=drowned(decibels, near),
        read_uv=read_uv,
        steps=steps,
        cut_off_hz=cut_off,
        drift_db=drift_db,
        beats=beats,
    )


def score_night(
    stager: Stager,
    signal_uv: NDArray[np.float32],
    is_scorable: NDArray[np.bool_],
    *,
    stride: int,
    aggregation: Aggregation = "average",
) -> NDArray[np.float64]:
    """The log-probabilities of `answer_night` alone. Shape: [N, T] µV, [N] → [N, 5]"""
    return answer_night(stager, signal_uv, is_scorable, stride=stride, aggregation=aggregation).log_probabilities


def stages_of(answer: NDArray[np.float64]) -> NDArray[np.int8]:
    """The likeliest stage of each epoch, by probabilities or their logarithms. Shape: [N, 5] → [N], -1 where NaN."""
    is_scored = ~np.isnan(answer).any(axis=1)
    stage = np.full(len(answer), UNSCORED, np.int8)
    stage[is_scored] = answer[is_scored].argmax(axis=1)
    return stage


def _own_statistics(stager: Stager, signal_uv: NDArray[np.float32], tells: NDArray[np.bool_]) -> NDArray[np.float32]:
    return recording_statistics(signal_uv, tells, removes_drift=stager.removes_drift)


def _completed(stager: Stager, statistics: NDArray[np.float32], tells: NDArray[np.bool_]) -> NDArray[np.float32]:
    if stager.completion is None:
        return statistics
    completed: NDArray[np.float32] = stager.completion.of_parts(statistics[None], np.array([tells.sum()]))[0]
    return completed


def _pieces(indices: NDArray[np.int64], size: int) -> Iterator[NDArray[np.int64]]:
    for start in range(0, len(indices), size):
        yield indices[start : start + size]
