"""The samples of the signals one wants, block by block: memory does not grow with the file."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.signals.edf_header import EdfHeader, SignalHeader

_BLOCK_BYTES: Final = 1 << 22
# A whole number of samples of 2 and of 3 bytes.
_PIECE_BYTES: Final = _BLOCK_BYTES // 6 * 6
_BDF_SIGN: Final = 1 << 23


def digital_pieces(
    path: Path, header: EdfHeader, signals: Sequence[SignalHeader]
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Walk once through a file's data records.

    Parameters
    ----------
    path, header
        The file.
    signals
        Those wanted; of records too large for a block only they are read.

    Yields
    ------
    tuple
        Place in `signals`, and the next samples of that signal, shape ``[samples]``, in steps of the converter.

    Raises
    ------
    InputError
        If the file cannot be read as far as its size promised.
    """
    for k, content in _bytes_of(path, header, signals):
        yield k, _numbers(content, header.bytes_per_sample)


def annotation_bytes(path: Path, header: EdfHeader, keeper: SignalHeader) -> Iterator[bytes]:
    """What the annotation signal `keeper` holds in each data record."""
    width = keeper.samples_per_record * header.bytes_per_sample
    if width == 0:
        return
    held = b""
    for _, content in _bytes_of(path, header, [keeper]):
        held += content.tobytes()
        whole = len(held) // width * width
        yield from (held[at : at + width] for at in range(0, whole, width))
        held = held[whole:]


def _bytes_of(
    path: Path, header: EdfHeader, signals: Sequence[SignalHeader]
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    width = header.bytes_per_sample
    record_bytes = width * header.samples_per_record
    spans = [(width * signal.first_sample, width * signal.samples_per_record) for signal in signals]
    try:
        with path.open("rb") as file:
            if record_bytes <= _BLOCK_BYTES:
                n_together = _BLOCK_BYTES // record_bytes
                file.seek(header.n_header_bytes)
                for record in range(0, header.n_records, n_together):
                    n_here = min(n_together, header.n_records - record)
                    block = _read(path, file, n_here * record_bytes).reshape(n_here, record_bytes)
                    for k, (first, n_bytes) in enumerate(spans):
                        yield k, block[:, first : first + n_bytes].ravel()
                return
            for record in range(header.n_records):
                for k, (first, n_bytes) in enumerate(spans):
                    file.seek(header.n_header_bytes + record * record_bytes + first)
                    for at in range(0, n_bytes, _PIECE_BYTES):
                        yield k, _read(path, file, min(_PIECE_BYTES, n_bytes - at))
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror or error})", "Check the file and its disk") from error


def _read(path: Path, file: BinaryIO, n_bytes: int) -> NDArray[np.uint8]:
    content = np.frombuffer(file.read(n_bytes), np.uint8)
    if len(content) < n_bytes:
        raise InputError(path, "became shorter while it was read", "Wait until it is complete")
    return content


def _numbers(content: NDArray[np.uint8], width: int) -> NDArray[np.float32]:
    """Little-endian integers of 2 or 3 bytes; both fit into single precision without loss."""
    if width == 2:
        return content.view("<i2").astype(np.float32)
    low, middle, high = content.reshape(-1, 3).astype(np.int32).T
    value = low | middle << 8 | high << 16
    return (value - ((value & _BDF_SIGN) << 1)).astype(np.float32)
