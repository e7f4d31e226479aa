"""Prepared epochs on disk: one int16 memory map and one JSON sidecar per recording, one index for all."""

from mc2sleepnet.store.layout import FOLDS_NAME, INDEX_NAME, RESERVED_STEMS, StoredRecording
from mc2sleepnet.store.reading import PADDING, Store
from mc2sleepnet.store.sequences import sequences
from mc2sleepnet.store.writing import (
    finished_recording,
    recording_names,
    remove_recording,
    signal_path,
    write_index,
    write_recording,
)

__all__ = [
    "FOLDS_NAME",
    "INDEX_NAME",
    "PADDING",
    "RESERVED_STEMS",
    "Store",
    "StoredRecording",
    "finished_recording",
    "recording_names",
    "remove_recording",
    "sequences",
    "signal_path",
    "write_index",
    "write_recording",
]
