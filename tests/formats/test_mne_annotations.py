"""MNE's annotations, read from what MNE itself writes."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.formats import read_hypnogram, read_hypnograms

mne = pytest.importorskip("mne")

START = datetime(2024, 3, 1, 23, 59, 30)
ROWS = ([0, 30, 45, 90, 120], [30, 60, 3, 30, 30], ["Sleep stage W", "Sleep stage 2", "arousal, long", "N3", "REM"])


@pytest.mark.parametrize("name", ["a.txt", "a.csv"])
@pytest.mark.parametrize("start", [START, None])
def test_what_mne_saves_is_read(name: str, start: datetime | None, tmp_path: Path) -> None:
    orig_time = None if start is None else start.replace(tzinfo=UTC)
    mne.Annotations(*ROWS, orig_time=orig_time).save(tmp_path / name, verbose="error")
    (hypnogram,) = read_hypnograms(tmp_path / name)
    assert hypnogram.stage.tolist() == [0, 2, 2, 3, 4]
    assert hypnogram.start == start
    assert hypnogram.notes == ()


def test_the_line_at_fault_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    text = "# MNE-Annotations\n# onset, duration, description\n0.0,30.0,Sleep stage W\n"
    path.write_text(text + "soon,30.0,N1\n")
    with pytest.raises(InputError, match="line 4: onset 'soon'"):
        read_hypnogram(path)
    path.write_text(text + "30.0\n")
    with pytest.raises(InputError, match="line 4 has no onset, duration and description"):
        read_hypnogram(path)
    path.write_text("# MNE-Annotations\n# onset, duration, description\n0.0,30.0,arousal\n")
    with pytest.raises(InputError, match="no sleep stages"):
        read_hypnogram(path)
