"""Where a phase's training signals lie: in memory maps on the host, or as int16 on the device that trains.

Both give the same bits for the same epochs, and neither gives an epoch of another side of the fold.
"""

from typing import Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.progress import Advance
from mc2sleepnet.core.shapes import Float, Int
from mc2sleepnet.core.stages import SAMPLES_PER_EPOCH
from mc2sleepnet.training.batch import sent
from mc2sleepnet.training.fold_data import FoldData

Place = Literal["auto", "device", "host"]
BYTES_PER_GB = 10**9


class Inputs(Protocol):
    """What a network reads of training epochs, by their numbers: signals, or tokens.

    Attributes
    ----------
    is_on_device
        Whether they lie where they are needed, so that there is nothing to read ahead.
    """

    is_on_device: bool

    def of(self, epochs: Int[Tensor, "*A"]) -> Float[Tensor, "..."]:
        """Of signals µV with the margins of their neighbours, and zeros for padding, -1.

        Raises
        ------
        LeakError
            If an epoch is not of a training subject.
        """


class SignalsOnHost:
    """Read from the store when asked for; pinned where a GPU trains, so that copying need not wait.

    Parameters
    ----------
    data
        Store and fold.
    margin
        Samples of both neighbours.
    device
        Of training.
    """

    is_on_device = False

    def __init__(self, data: FoldData, *, margin: int, device: torch.device) -> None:
        self.data, self.margin, self.is_pinned = data, margin, device.type == "cuda"

    def of(self, epochs: Int[Tensor, "*A"]) -> Float[Tensor, "*A W"]:
        """On the host. See `Inputs`."""
        signal_uv = torch.from_numpy(self.data.signal_uv(epochs.numpy(), "training", margin=self.margin))
        return signal_uv.pin_memory() if self.is_pinned else signal_uv


class SignalsOnDevice:
    """All training epochs as the store holds them, int16, on a device; scaled to µV there.

    Parameters
    ----------
    data
        Store and fold.
    margin
        Samples of both neighbours.
    device
        Gets `n_bytes(data)` of them.
    advance
        Told how many recordings are there.
    """

    is_on_device = True

    def __init__(
        self, data: FoldData, *, margin: int, device: torch.device, advance: Advance = lambda *_: None
    ) -> None:
        self.data, self.margin, store = data, margin, data.store
        n_epochs = len(data.epochs(data.training))
        # The last row is padding: zeros, which index -1 finds.
        self.steps = torch.zeros(n_epochs + 1, SAMPLES_PER_EPOCH, dtype=torch.int16, device=device)
        scale_uv = torch.zeros(n_epochs + 1)
        row_of = torch.full((store.n_epochs + 1,), n_epochs)
        filled = 0
        for done, index in enumerate(data.training, start=1):
            epochs, recording = store.epochs_of(index), store.recordings[index]
            rows = slice(filled, filled + len(epochs))
            # Memory maps cannot be written, and torch takes only what can be.
            self.steps[rows] = torch.from_numpy(store.steps(index, 0, len(epochs)).copy()).to(device)
            scale_uv[rows] = recording.scale_uv
            row_of[torch.from_numpy(epochs)] = torch.arange(rows.start, rows.stop)
            filled += len(epochs)
            advance(done, len(data.training), recording.name)
        self.scale_uv, self.row_of = scale_uv.to(device), row_of.to(device)

    @staticmethod
    def n_bytes(data: FoldData) -> int:
        """What the training epochs take as int16."""
        return len(data.epochs(data.training)) * SAMPLES_PER_EPOCH * torch.int16.itemsize

    def of(self, epochs: Int[Tensor, "*A"]) -> Float[Tensor, "*A W"]:
        """On the device. See `Inputs`."""
        flat = epochs.flatten()
        numbers = flat.numpy()
        self.data.refuse_others(self.data.store.recording_of(numbers), "training")
        own = self._microvolts(flat)
        if self.margin:
            (before, has_before), (after, has_after) = (self.data.neighbours(numbers, step) for step in (-1, 1))
            left = self._microvolts(torch.from_numpy(before), slice(-self.margin, None))
            right = self._microvolts(torch.from_numpy(after), slice(self.margin))
            left = torch.where(self._there(has_before), left, own[:, :1])
            right = torch.where(self._there(has_after), right, own[:, -1:])
            own = torch.cat([left, own, right], dim=1)
        return own.reshape(*epochs.shape, -1)

    def _microvolts(self, epochs: Tensor, samples: slice = slice(None)) -> Tensor:
        # One rounding, float32 times float32, as the store's own reading.
        rows = self.row_of[sent(epochs, self.row_of.device)]
        return self.steps[rows, samples].float() * self.scale_uv[rows, None]

    def _there(self, is_there: NDArray[np.bool_]) -> Tensor:
        return sent(torch.from_numpy(is_there), self.row_of.device)[:, None]


def training_signals(
    data: FoldData,
    *,
    margin: int,
    device: torch.device,
    place: Place,
    reserve_gb: float,
    advance: Advance = lambda *_: None,
) -> Inputs:
    """The training epochs where `place` wants them; ``"auto"`` is a GPU where they fit, else the host.

    Raises
    ------
    InputError
        If they must lie on the device and do not fit.
    """
    needed = SignalsOnDevice.n_bytes(data)
    if place == "device" and not fits(needed, device, reserve_gb):
        fault = f"corpus=device needs {needed / BYTES_PER_GB:.1f} GB beside {reserve_gb:g} GB for training"
        raise InputError("--set", fault, "Choose corpus=host, or a smaller device_reserve_gb")
    if place == "device" or (place == "auto" and device.type == "cuda" and fits(needed, device, reserve_gb)):
        return SignalsOnDevice(data, margin=margin, device=device, advance=advance)
    return SignalsOnHost(data, margin=margin, device=device)


def fits(n_bytes: int, device: torch.device, reserve_gb: float) -> bool:
    """Whether a GPU has room for some bytes beside the reserve; the host's own memory is not asked."""
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return n_bytes <= free - reserve_gb * BYTES_PER_GB
