"""How stages follow one another in real nights, and a night's answers made to agree with it.

A sequence network answers each epoch by what is about it, and the answers of overlapping windows are averaged: nothing
makes the stages of two neighbours agree. A Markov chain of the five stages, read from people's hypnograms, joins them:
forward-backward, every epoch given all others (Rabiner 1989, doi:10.1109/5.18626). Ours, not the paper's; what it does
and what it costs is in docs/log.md (2026-12-01, smoothing).
"""

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.stages import N_STAGES

# From each stage (row) to that of the next epoch, W N1 N2 N3 R: 383 nights of Sleep-EDF, UCDDB (without subject 22),
# DOD and BOAS (`synth/tables/real_hypnograms.json` names and licenses them), every corpus as much as another, each with
# half an hour of wake about its sleep. What never happened is said to happen once in ten thousand.
TRANSITIONS = np.array(
    [
        [0.8683, 0.1112, 0.0150, 0.0002, 0.0055],
        [0.1096, 0.6658, 0.2105, 0.0002, 0.0139],
        [0.0285, 0.0135, 0.9263, 0.0222, 0.0095],
        [0.0163, 0.0024, 0.0949, 0.8859, 0.0004],
        [0.0234, 0.0091, 0.0117, 0.0001, 0.9559],
    ]
)
# The network has looked at minutes about each epoch and knows much of this already: a part of the logarithm of a
# transition's probability counts. All of it smooths away more arousals than there are too many.
COURSE_WEIGHT = 0.35


def along_the_course(log_probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Answers of single epochs, joined by the chain.

    Parameters
    ----------
    log_probabilities
        Shape ``[N, 5]``; NaN where an epoch has no answer. The chain passes through these.

    Returns
    -------
    NDArray
        Shape ``[N, 5]``: each epoch's stage given the answers of all, normalised; NaN where it was.
    """
    is_answered = ~np.isnan(log_probabilities).any(axis=1)
    if not is_answered.any():
        return log_probabilities.copy()
    step = TRANSITIONS**COURSE_WEIGHT
    answer = np.ones_like(log_probabilities)
    known = log_probabilities[is_answered]
    answer[is_answered] = np.exp(known - known.max(axis=1, keepdims=True))
    before, after = np.empty_like(answer), np.empty_like(answer)
    message = np.full(N_STAGES, 1 / N_STAGES)
    for epoch in range(len(answer)):
        before[epoch] = message
        message = (message * answer[epoch]) @ step
        message /= message.sum()
    message = np.full(N_STAGES, 1 / N_STAGES)
    for epoch in reversed(range(len(answer))):
        after[epoch] = message
        message = step @ (message * answer[epoch])
        message /= message.sum()
    smoothed = np.full_like(log_probabilities, np.nan)
    # In logarithms, so that no probability is rounded to nothing.
    joined = known + np.log(before[is_answered]) + np.log(after[is_answered])
    smoothed[is_answered] = joined - np.logaddexp.reduce(joined, axis=1, keepdims=True)
    return smoothed
