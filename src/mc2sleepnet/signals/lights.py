"""When lights went off and on, where a recording's own annotations say so."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from mc2sleepnet.signals.data_records import annotation_bytes
from mc2sleepnet.signals.edf import open_file

# A time-stamped list: onset, perhaps duration, texts (EDF+ 2.2.2).
_LIST: Final = re.compile(rb"([+-]\d{1,15}(?:[.,]\d{0,15})?)(?:\x15[\d.,]*)?\x14([^\x00]*\x14)\x00")
_LIGHTS: Final = re.compile(r"lights?[\s_\-:]*(off|out|on)\b.{0,20}", re.IGNORECASE)


def annotated_lights(path: Path) -> dict[str, float]:
    """Seconds from a recording's first sample at which its annotations say ``Lights off`` (or out) and ``Lights on``.

    Parameters
    ----------
    path
        An EDF or BDF file that has been read without an error.

    Returns
    -------
    dict
        ``off``: the first lights off. ``on``: the last lights on. Whatever is not annotated is missing.
    """
    file = open_file(path)
    header = file.header
    keepers = [signal for signal in header.signals if signal not in header.ordinary]
    told = (told for keeper in keepers for told in _annotations(annotation_bytes(path, header, keeper)))
    return {name: at_s - file.timeline.offset_s for name, at_s in lights_of(told).items()}


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


def _annotations(records: Iterable[bytes]) -> Iterator[tuple[float, str]]:
    """Onsets and texts in the records that speak of lights; a night has tens of thousands of others."""
    for content in records:
        if b"light" not in content.lower():
            continue
        for onset, texts in _LIST.findall(content):
            for text in texts.decode("utf-8", errors="replace").split("\x14"):
                yield float(onset.replace(b",", b".")), text
