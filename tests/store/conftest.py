from pathlib import Path

import numpy as np
import pytest

from mc2sleepnet.store import Store, write_index, write_recording


@pytest.fixture
def put(tmp_path):
    """Write a recording of noise into the store under test; changes go to `write_recording`."""

    def put(name: str, n_epochs: int = 4, **changes):
        rng = np.random.default_rng(n_epochs)
        fields = {
            "subject": name[-1],
            "night": 1,
            "signal_uv": rng.normal(0, 30, (n_epochs, 3000)).astype(np.float32),
            "stage": (np.arange(n_epochs) % 6 - 1).astype(np.int8),
            "is_readable": np.ones(n_epochs, dtype=np.bool_),
            "start": None,
            "source_sha256": "a",
            "hypnogram_sha256": "b",
            "channel": "EEG Fpz-Cz",
            "protocol": {"trim_limits": "scored_sleep"},
            "is_synthetic": False,
        }
        return write_recording(tmp_path, name=name, **(fields | changes))

    return put


@pytest.fixture
def opened(tmp_path: Path):
    """Open the store under test as it now is."""

    def opened() -> Store:
        write_index(tmp_path, "sleep-edf-78")
        return Store.open(tmp_path)

    return opened
