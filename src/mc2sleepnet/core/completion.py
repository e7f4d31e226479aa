"""What a whole night's statistics would be, judged by a part of it.

Half an hour of deep sleep, normalised by itself, looks like an average night, and a night of which N2 is missing like
another one. But a part's statistics betray what it is a part of: their slope says how deep the sleep is, their
deviations say how much of a night is in them. A ridge regression over parts of the training recordings and the whole
recordings that they come from learns how the whole differs from the part, band by band; what is particular to a
recorder, such as a line of the mains, stays as the part has it. What holds the epochs of a night is left as it is: the
regression cannot tell a whole from a part, and would draw an unusual night towards usual ones. So is what is unlike
all parts of training. Once the stages of a short recording are known, those say more (`core.stage_levels`). Ours, not
the paper's. In numpy, before the network, whatever engine runs it.
"""

import zipfile
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.files import atomic_path
from mc2sleepnet.core.recording_statistics import N_BINS, epoch_decibels
from mc2sleepnet.core.slow_drift import drift_free
from mc2sleepnet.core.spectral_bands import N_BANDS, bands_of_bins, bins_of_bands
from mc2sleepnet.core.stage_levels import SHAPES as LEVELS_SHAPES
from mc2sleepnet.core.stage_levels import StageLevels

# Medians and ln deviations of the bands, ln deviation of the raw signal.
N_FEATURES = 2 * N_BANDS + 1
# In deviations over the parts of training: what is further out is corrected as if it were no further.
LIMIT = 4.0
# Root mean square of those deviations, of all features: up to the first the change is made as learned, from the second
# on not at all, for nothing like it was learned from (docs/log.md, 2026-11-30).
FAMILIAR_RMS, FOREIGN_RMS = 1.5, 2.25
LEAST_DEVIATION_DB, LEAST_DEVIATION_UV = 0.5, 0.1
LEAST_SCALE = 1e-3
# Up to so many epochs a part is completed as learned, from so many on not at all (docs/log.md, 2026-11-30).
PART_EPOCHS, NIGHT_EPOCHS = 240, 480
RIDGE = 30.0
RIDGE_SHAPES = {"middle": (N_FEATURES,), "scale": (N_FEATURES,), "weight": (N_FEATURES + 1, N_FEATURES)}


def features(statistics: NDArray[np.float32]) -> NDArray[np.float64]:
    """Medians and ln deviations by band, and the raw signal's ln deviation. Shape: [R, N_STATISTICS] → [R, 41]"""
    to_bands, exact = bands_of_bins(), statistics.astype(np.float64)
    deviation_db = np.maximum(exact[:, N_BINS : 2 * N_BINS], LEAST_DEVIATION_DB)
    deviation_uv = np.maximum(exact[:, -1:], LEAST_DEVIATION_UV)
    return np.concatenate([exact[:, :N_BINS] @ to_bands, np.log(deviation_db) @ to_bands, np.log(deviation_uv)], axis=1)


def changed(statistics: NDArray[np.float32], change: NDArray[np.float64]) -> NDArray[np.float32]:
    """Statistics of which the features are changed, and nothing else. Shape: [R, N_STATISTICS], [R, 41] → as first"""
    to_bins, result = bins_of_bands(), statistics.astype(np.float64)
    result[:, :N_BINS] += change[:, :N_BANDS] @ to_bins
    result[:, N_BINS : 2 * N_BINS] *= np.exp(change[:, N_BANDS : 2 * N_BANDS] @ to_bins)
    result[:, -1:] *= np.exp(change[:, -1:])
    return result.astype(np.float32)


def incompleteness(n_epochs: NDArray[np.int64]) -> NDArray[np.float64]:
    """How much of the learned change is made to statistics of so many epochs: 1 of a part, 0 of a night.

    Shape: any → the same
    """
    share: NDArray[np.float64] = (NIGHT_EPOCHS - n_epochs) / (NIGHT_EPOCHS - PART_EPOCHS)
    return share.clip(0, 1)


@dataclass(frozen=True, kw_only=True)
class Ridge:
    """How the features of a whole differ from those of a part of it; float32.

    Attributes
    ----------
    middle, scale
        Shape ``[41]``: of the parts of training.
    weight
        Shape ``[42, 41]``; the last row is the constant.
    """

    middle: NDArray[np.float32]
    scale: NDArray[np.float32]
    weight: NDArray[np.float32]

    @staticmethod
    def of_parts(
        part: NDArray[np.float32],
        whole: NDArray[np.float32],
        counts: NDArray[np.float64] | None = None,
        *,
        strength: float = 1.0,
    ) -> "Ridge":
        """Learn from parts and the recordings that they are parts of.

        Parameters
        ----------
        part, whole
            Shape ``[P, N_STATISTICS]``.
        counts
            Shape ``[P]``: how much each part counts, 1 on average; None for all alike.
        strength
            Share of the learned change that is made.
        """
        x, y = features(part), features(whole)
        middle, scale = x.mean(axis=0), np.maximum(x.std(axis=0), LEAST_SCALE)
        rows = _with_constant((x - middle) / scale)
        weighted = rows if counts is None else rows * counts[:, None]
        penalty = RIDGE * np.eye(N_FEATURES + 1)
        weight = strength * np.linalg.solve(weighted.T @ rows + penalty, weighted.T @ (y - x))
        middle, scale, weight = (array.astype(np.float32) for array in (middle, scale, weight))
        return Ridge(middle=middle, scale=scale, weight=weight)

    def change(self, statistics: NDArray[np.float32]) -> NDArray[np.float64]:
        """By how much the whole's features are expected to differ. Shape: [R, N_STATISTICS] → [R, 41]"""
        z = (features(statistics) - self.middle) / self.scale
        change: NDArray[np.float64] = familiarity(z)[:, None] * (_with_constant(z) @ self.weight)
        return change


def _with_constant(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([z.clip(-LIMIT, LIMIT), np.ones((len(z), 1))], axis=1)


def familiarity(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much of the learned change is made to parts so far from those of training: 1 among them, 0 where none was.

    Shape: [R, 41], in deviations → [R]
    """
    root_mean_square = np.sqrt((z.clip(-LIMIT, LIMIT) ** 2).mean(axis=1))
    share: NDArray[np.float64] = (FOREIGN_RMS - root_mean_square) / (FOREIGN_RMS - FAMILIAR_RMS)
    return share.clip(0, 1)


@dataclass(frozen=True, kw_only=True)
class Completion:
    """What a network that reads completed statistics needs beside its weights.

    Attributes
    ----------
    ridge
        For every recording.
    levels
        For short ones, once their stages are known; None where the network looks once.
    """

    ridge: Ridge
    levels: StageLevels | None = None

    def of_parts(self, statistics: NDArray[np.float32], n_epochs: NDArray[np.int64]) -> NDArray[np.float32]:
        """Statistics of the wholes, by those of parts with so many epochs. Shape: [R, N_STATISTICS], [R] → as first"""
        return changed(statistics, self.ridge.change(statistics) * incompleteness(n_epochs)[:, None])

    def of_short_recording(
        self,
        statistics: NDArray[np.float32],
        n_epochs: int,
        signal_uv: NDArray[np.float32],
        probabilities: NDArray[np.float64],
        *,
        share: float,
        removes_drift: bool,
    ) -> NDArray[np.float32]:
        """Statistics of the night that a short recording is a part of, by what a first look found in it.

        Parameters
        ----------
        statistics
            Shape ``[N_STATISTICS]``: the recording's own.
        n_epochs
            How many epochs they are of.
        signal_uv
            Shape ``[M, T]``, µV: the epochs that `statistics` are of, as far as stages were found for them.
        probabilities
            Shape ``[M, 5]``: of their stages.
        share
            How much the levels of stages say of the medians; the rest is the ridge's.
        removes_drift
            Whether the statistics are those of the signal without slow drift.

        Returns
        -------
        numpy.ndarray
            Shape ``[N_STATISTICS]``.
        """
        assert self.levels is not None
        read_uv = drift_free(signal_uv) if removes_drift else signal_uv
        bands_db = epoch_decibels(read_uv, np.ones(len(read_uv), np.bool_)) @ bands_of_bins()
        own = statistics[None]
        change = self.ridge.change(own) * incompleteness(np.array(n_epochs))
        by_levels = self.levels.medians(bands_db, probabilities) - features(own)[0, :N_BANDS]
        change[0, :N_BANDS] = share * by_levels + (1 - share) * change[0, :N_BANDS]
        of_night: NDArray[np.float32] = changed(own, change)[0]
        return of_night

    def save(self, path: Path) -> None:
        """Write the arrays by name, all or nothing: numpy's own format, for scoring needs no safetensors."""
        parts = {"ridge": self.ridge, "levels": self.levels}
        arrays = {
            f"{name}.{one.name}": getattr(part, one.name)
            for name, part in parts.items()
            if part
            for one in fields(part)
        }
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)

    @staticmethod
    def load(path: Path) -> "Completion":
        """Read what `save` wrote.

        Raises
        ------
        InputError
            If the file is missing, damaged or another.
        """
        fault = "the completion of statistics cannot be read"
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as content:
                arrays = dict(content)
            ridge, levels = (
                {key.partition(".")[2]: array for key, array in arrays.items() if key.startswith(f"{name}.")}
                for name in ("ridge", "levels")
            )
            completion = Completion(ridge=Ridge(**ridge), levels=StageLevels(**levels) if levels else None)
        except (OSError, EOFError, TypeError, ValueError, zipfile.BadZipFile):
            raise InputError(path, fault, "Copy the folder again") from None
        wanted = {f"ridge.{name}": shape for name, shape in RIDGE_SHAPES.items()}
        if levels:
            wanted |= {f"levels.{name}": shape for name, shape in LEVELS_SHAPES.items()}
        if {name: array.shape for name, array in arrays.items()} != wanted:
            raise InputError(path, fault, "Copy the folder again")
        return completion
