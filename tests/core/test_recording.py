"""What a recording tells of itself."""

from datetime import datetime

import numpy as np

from mc2sleepnet.core.hypnogram import Hypnogram
from mc2sleepnet.core.recording import EpochedRecording, Recording, Source


def test_a_recording_is_told_in_one_line_without_its_samples() -> None:
    known = {"name": "n8", "channel": "EEG C3-A2", "channel_reason": "asked for", "start": None}
    recording = Recording(signal_uv=np.zeros(128 * 90, np.float32), sampling_hz=128.0, **known)  # type: ignore[arg-type]
    assert repr(recording) == "<Recording n8: 1.5 min of EEG C3-A2 at 128 Hz>"
    source = (Source.MODEL, Source.FLAT, Source.MODEL)
    rows = np.zeros((3, 3000), np.float32)
    epochs = EpochedRecording(signal_uv=rows, source=source, source_sampling_hz=128.0, **known)  # type: ignore[arg-type]
    assert repr(epochs) == "<EpochedRecording n8: 3 epochs of EEG C3-A2, 2 to score>"


def test_a_hypnogram_is_told_in_one_line_without_its_stages() -> None:
    stage = np.array([0, -1, 2], np.int8)
    assert repr(Hypnogram(stage=stage)) == "<Hypnogram: 3 epochs, 2 scored>"
    named = Hypnogram(stage=stage, start=datetime(2024, 2, 29, 22, 15), scorer="expert")
    assert repr(named) == "<Hypnogram by expert: 3 epochs from 2024-02-29T22:15:00, 2 scored>"
