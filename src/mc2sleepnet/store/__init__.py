"""Prepared epochs on disk: one int16 memory map and one JSON sidecar per recording, one index for all."""

from mc2sleepnet.store.layout import StoredRecording
from mc2sleepnet.store.reading import PADDING, Store
from mc2sleepnet.store.sequences import sequences
from mc2sleepnet.store.writing import finished_recording, write_index, write_recording

__all__ = [
    "PADDING",
    "Store",
    "StoredRecording",
    "finished_recording",
    "sequences",
    "write_index",
    "write_recording",
]
