import struct
import zlib

import numpy as np
from numpy.testing import assert_array_equal

from mc2sleepnet.report.colours import power_palette
from mc2sleepnet.report.png import data_uri, indexed_png


def chunks(png):
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    at, found = 8, {}
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        kind, content = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        (checksum,) = struct.unpack(">I", png[at + 8 + length : at + 12 + length])
        assert checksum == zlib.crc32(kind + content)
        found[kind] = content
        at += 12 + length
    return found


def test_png_holds_the_image_its_palette_and_its_transparent_colour():
    index = np.random.default_rng(0).integers(0, 256, (7, 11)).astype(np.uint8)
    palette = power_palette(256)
    found = chunks(indexed_png(index, palette, transparent=3))
    assert list(found) == [b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"]
    assert struct.unpack(">IIBBBBB", found[b"IHDR"]) == (11, 7, 8, 3, 0, 0, 0)
    lines = np.frombuffer(zlib.decompress(found[b"IDAT"]), np.uint8).reshape(7, 12)
    assert_array_equal(lines[:, 0], 0)
    assert_array_equal(lines[:, 1:], index)
    assert_array_equal(np.frombuffer(found[b"PLTE"], np.uint8).reshape(-1, 3), palette)
    assert [at for at, opacity in enumerate(found[b"tRNS"]) if opacity == 0] == [3]


def test_data_uri_is_inline():
    assert data_uri(b"\x00") == "data:image/png;base64,AA=="
