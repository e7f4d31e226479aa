"""Samples of its neighbours around an epoch: what a filter over the recording needs, where epochs are read singly."""

import numpy as np
from numpy.typing import NDArray


def with_margins(
    before: NDArray[np.float32],
    own: NDArray[np.float32],
    after: NDArray[np.float32],
    *,
    has_before: NDArray[np.bool_],
    has_after: NDArray[np.bool_],
    margin: int,
) -> NDArray[np.float32]:
    """Epochs with the end of the one before and the start of the one after; where there is none, its own edge goes on.

    Shape: [M, T] three times, [M] twice → [M, margin + T + margin]
    """
    left = np.where(has_before[:, None], before[:, -margin:], own[:, :1])
    right = np.where(has_after[:, None], after[:, :margin], own[:, -1:])
    return np.concatenate([left, own, right], axis=1)


def night_with_margins(
    signal_uv: NDArray[np.float32], is_there: NDArray[np.bool_], indices: NDArray[np.int64], *, margin: int
) -> NDArray[np.float32]:
    """Some epochs of a night, widened by neighbours that could be read. Shape: [N, T], [N], [M] → [M, T + 2·margin]"""
    if margin == 0:
        return signal_uv[indices]
    last = len(signal_uv) - 1
    before, after = np.maximum(indices - 1, 0), np.minimum(indices + 1, last)
    return with_margins(
        signal_uv[before],
        signal_uv[indices],
        signal_uv[after],
        has_before=(indices > 0) & is_there[before],
        has_after=(indices < last) & is_there[after],
        margin=margin,
    )
