"""Images of up to 256 colours as PNG, inline."""

import struct
import zlib
from base64 import b64encode

import numpy as np
from numpy.typing import NDArray

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def indexed_png(index: NDArray[np.uint8], palette: NDArray[np.uint8], *, transparent: int) -> bytes:
    """Write an image with a palette (PNG specification, colour type 3).

    Parameters
    ----------
    index
        Shape ``[rows, columns]``: the place of each pixel's colour in `palette`; row 0 is the top.
    palette
        Shape ``[colours, 3]``: RGB 0-255, at most 256 colours.
    transparent
        The colour that lets the page show through.
    """
    rows, columns = index.shape
    # Each line begins with its filter: 0, none, which suits palettes best.
    lines = np.zeros((rows, columns + 1), dtype=np.uint8)
    lines[:, 1:] = index
    opacity = bytearray([255] * len(palette))
    opacity[transparent] = 0
    bit_depth, colour_type = 8, 3
    header = struct.pack(">IIBBBBB", columns, rows, bit_depth, colour_type, 0, 0, 0)
    return PNG_SIGNATURE + b"".join(
        [
            _chunk(b"IHDR", header),
            _chunk(b"PLTE", palette.tobytes()),
            _chunk(b"tRNS", bytes(opacity)),
            _chunk(b"IDAT", zlib.compress(lines.tobytes(), 9)),
            _chunk(b"IEND", b""),
        ]
    )


def data_uri(png: bytes) -> str:
    """Return the image as an address that a page can hold within itself."""
    return "data:image/png;base64," + b64encode(png).decode("ascii")


def _chunk(kind: bytes, content: bytes) -> bytes:
    """Length, kind, content, checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
