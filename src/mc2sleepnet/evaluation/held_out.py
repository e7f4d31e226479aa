"""A stager and its baselines on the held-out recordings of a store."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.stages import UNSCORED
from mc2sleepnet.evaluation.baselines import BandPowerBaseline, band_powers, majority_stage
from mc2sleepnet.inference import Aggregation, Stager, score_night
from mc2sleepnet.metrics.agreement import Agreement, agreement, confusion_matrix
from mc2sleepnet.store import Store

OURS, BAND_POWER, MAJORITY = "MC2SleepNet", "band power + logistic regression", "majority stage"


@dataclass(frozen=True, kw_only=True)
class HeldOutAgreement:
    """How scorers agree with the reference on recordings that none of them learned from.

    Attributes
    ----------
    pooled
        Agreement over all epochs, by scorer; ours first.
    per_recording
        Ours, by name of the recording.
    subject_confusions
        Shape ``[S, 5, 5]``: ours, one per subject.
    """

    pooled: Mapping[str, Agreement]
    per_recording: Sequence[tuple[str, Agreement]]
    subject_confusions: NDArray[np.int64]


def agree_on_held_out(
    stager: Stager,
    store: Store,
    *,
    train: Sequence[str],
    test: Sequence[str],
    stride: int,
    aggregation: Aggregation = "average",
    progress: Callable[[int, int, str], None] = lambda *_: None,
) -> HeldOutAgreement:
    """Score the test subjects' recordings by the network, by band power, and by the most frequent stage.

    Parameters
    ----------
    stager
        The network on an engine.
    store
        Where the recordings are.
    train, test
        Subjects that the baselines learn from, and those that are scored.
    stride
        Epochs between the starts of two sequences.
    aggregation
        How the answers of overlapping sequences become one.
    progress
        Told recordings done, recordings in all, and the name of one.
    """
    training, testing = list(store.recordings_of(train)), list(store.recordings_of(test))
    n_steps = len(training) + len(testing)
    features, stages = [], []
    for done, index in enumerate(training, start=1):
        epochs = _readable(store, index)
        features.append(band_powers(store.signal_uv(epochs)))
        stages.append(store.stage[epochs])
        progress(done, n_steps, store.recordings[index].name)
    learned_stage = np.concatenate(stages)
    baseline = BandPowerBaseline.fit(np.concatenate(features), learned_stage)
    majority = majority_stage(learned_stage)

    reference: list[NDArray[np.int8]] = []
    scored: dict[str, list[NDArray[np.int8]]] = {OURS: [], BAND_POWER: [], MAJORITY: []}
    for done, index in enumerate(testing, start=len(training) + 1):
        epochs = store.epochs_of(index)
        signal_uv, is_readable = store.signal_uv(epochs), store.is_readable[epochs]
        reference.append(store.stage[epochs])
        log_probabilities = score_night(stager, signal_uv, is_readable, stride=stride, aggregation=aggregation)
        by_band_power = baseline.score(band_powers(signal_uv[is_readable]))
        is_scored = ~np.isnan(log_probabilities[:, 0])
        scored[OURS].append(_in_place(log_probabilities[is_scored].argmax(axis=1), is_scored))
        scored[BAND_POWER].append(_in_place(by_band_power, is_readable))
        scored[MAJORITY].append(_in_place(np.full(np.count_nonzero(is_readable), majority), is_readable))
        progress(done, n_steps, store.recordings[index].name)

    names = [store.recordings[index].name for index in testing]
    subjects = [store.recordings[index].subject for index in testing]
    confusions = {subject: np.zeros((5, 5), np.int64) for subject in subjects}
    for subject, truth, ours in zip(subjects, reference, scored[OURS], strict=True):
        confusions[subject] += confusion_matrix(truth, ours)
    return HeldOutAgreement(
        pooled={name: agreement(np.concatenate(reference), np.concatenate(own)) for name, own in scored.items()},
        per_recording=[
            (name, agreement(truth, ours)) for name, truth, ours in zip(names, reference, scored[OURS], strict=True)
        ],
        subject_confusions=np.stack(list(confusions.values())),
    )


def _readable(store: Store, recording: int) -> NDArray[np.int64]:
    epochs = store.epochs_of(recording)
    return epochs[store.is_readable[epochs]]


def _in_place(stages: NDArray[np.integer], is_readable: NDArray[np.bool_]) -> NDArray[np.int8]:
    placed = np.full(len(is_readable), UNSCORED, np.int8)
    placed[is_readable] = stages
    return placed
