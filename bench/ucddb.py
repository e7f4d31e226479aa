"""What is at hand of the UCDDB nights in MC2_REAL_DATA: one of them whole, of 23 others epochs of W and N3 alone."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.recording import EpochedRecording
from mc2sleepnet.formats.reading import read_hypnogram
from mc2sleepnet.signals import read_epochs

FLAT_UV = 0.5


@dataclass(frozen=True, kw_only=True)
class PartialNight:
    """A night of which some epochs are at hand.

    Attributes
    ----------
    name
        Of its file.
    place
        Where in the night they are. Shape: [K]
    signal_uv
        They, at 100 Hz, in µV. Shape: [K, 3000]
    hypnogram
        Stages of all of the night's epochs, those that are not at hand included. Shape: [N]
    """

    name: str
    place: NDArray[np.int32]
    signal_uv: NDArray[np.float32]
    hypnogram: NDArray[np.int8]

    @property
    def stage(self) -> NDArray[np.int8]:
        """Of those at hand. Shape: [K]"""
        return self.hypnogram[self.place]

    @property
    def is_flat(self) -> NDArray[np.bool_]:
        """Whether an electrode was off; `score` leaves such epochs unscored. Shape: [K]"""
        return np.ptp(self.signal_uv, axis=1) <= FLAT_UV


def folder() -> Path:
    return Path(os.environ["MC2_REAL_DATA"]) / "ucddb"


def partial_nights() -> list[PartialNight]:
    """The 23 others, by name."""
    nights = []
    for path in sorted((folder() / "partial").glob("*.npz")):
        archive = np.load(path, allow_pickle=False)
        signal_uv = (archive["x"] * archive["scale_uv"]).astype(np.float32)
        nights.append(
            PartialNight(name=path.stem, place=archive["epoch"], signal_uv=signal_uv, hypnogram=archive["hypnogram"])
        )
    return nights


def whole_night() -> tuple[EpochedRecording, NDArray[np.int8]]:
    """`ucddb022`, read as `score` reads it, and its stages."""
    recording = read_epochs(folder() / "ucddb022.edf")
    return recording, read_hypnogram(folder() / "ucddb022-Hypnogram.edf").stage[: len(recording)]
