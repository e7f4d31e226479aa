"""When lights went off and on, where a recording's own annotations say so."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.signals.edf_header import read_header

# A time-stamped list: onset, perhaps duration, texts (EDF+ 2.2.2).
_LIST: Final = re.compile(rb"([+-]\d+(?:\.\d*)?)(?:\x15[\d.]*)?\x14([^\x00]*\x14)\x00")
_LIGHTS: Final = re.compile(r"lights?[\s_\-:]*(off|out|on)\b.{0,20}", re.IGNORECASE)
_RECORDS_AT_ONCE: Final = 4096


def annotated_lights(path: Path) -> dict[str, float]:
    """Seconds from the start of an EDF+ file at which its annotations say ``Lights off`` or ``out``, and ``Lights on``.

    Parameters
    ----------
    path
        An EDF or EDF+ file that has been read without an error.

    Returns
    -------
    dict
        ``off``: the first lights off. ``on``: the last lights on. Whatever is not annotated is missing.
    """
    header = read_header(path)
    signal = header.annotation_signal
    if signal is None:
        return {}
    shape = (header.n_records, sum(header.samples_per_record))
    first = sum(header.samples_per_record[:signal])
    samples = np.memmap(path, dtype="<i2", mode="r", offset=header.n_header_bytes, shape=shape)
    return lights_of(_annotations(samples, first, header.samples_per_record[signal]))


def lights_of(annotations: Iterable[tuple[float, str]]) -> dict[str, float]:
    """The first lights off and the last lights on among onsets in seconds and texts."""
    found: dict[str, float] = {}
    for onset_s, text in annotations:
        match = _LIGHTS.fullmatch(text.strip())
        if match is None:
            continue
        if match[1].lower() == "on":
            found["on"] = max(onset_s, found.get("on", onset_s))
        else:
            found["off"] = min(onset_s, found.get("off", onset_s))
    return found


def _annotations(samples: NDArray[np.int16], first: int, width: int) -> Iterator[tuple[float, str]]:
    """Onsets and texts of the annotations that speak of lights; a night has tens of thousands that do not."""
    for record in range(0, len(samples), _RECORDS_AT_ONCE):
        part = samples[record : record + _RECORDS_AT_ONCE, first : first + width]
        content = np.ascontiguousarray(part).tobytes()
        if b"light" not in content.lower():
            continue
        for onset, texts in _LIST.findall(content):
            for text in texts.decode("utf-8", errors="replace").split("\x14"):
                yield float(onset), text
