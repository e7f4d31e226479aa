from pathlib import Path

import numpy as np
import pytest

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.signals import read_epochs, read_recording
from mc2sleepnet.signals.doubts import ACCEPTABLE, DoubtError
from signals.damaged_files import DAMAGES, EEG_UV, table

BY_NAME = pytest.mark.parametrize("damage", DAMAGES, ids=[damage.name for damage in DAMAGES])
GUIDE = Path(__file__).parents[2] / "docs" / "reading.md"


@BY_NAME
def test_every_damage_is_repaired_and_told_or_refused_with_file_fault_and_remedy(damage, tmp_path):
    path = tmp_path / "night.edf"
    path.write_bytes(damage.content())
    if damage.outcome == "read":
        epochs = read_epochs(path)
        assert {finding.id for finding in epochs.findings} == set(damage.told)
        return
    with pytest.raises(InputError) as raised:
        read_epochs(path)
    error = raised.value
    assert str(error).startswith(f"{path}: ")
    assert "\n" not in str(error)
    assert len(error.remedy) > 10
    if damage.outcome == "refused":
        assert not isinstance(error, DoubtError)
        assert damage.told[0] in str(error)
        return
    assert isinstance(error, DoubtError)
    assert error.finding in damage.told
    assert f"--accept {error.finding}" in str(error)
    accepted = read_epochs(path, accept=tuple(ACCEPTABLE))
    assert set(damage.told) <= {finding.id for finding in accepted.findings}


@pytest.mark.parametrize("damage", [d for d in DAMAGES if d.is_whole and d.outcome != "refused"], ids=lambda d: d.name)
def test_what_is_read_of_damaged_headers_are_the_samples_of_the_sound_file(damage, tmp_path):
    path = tmp_path / "night.edf"
    path.write_bytes(damage.content())
    signal_uv = read_recording(path, accept=tuple(ACCEPTABLE)).signal_uv
    recorded = signal_uv[np.isfinite(signal_uv)]
    np.testing.assert_allclose(recorded, EEG_UV, atol=0.02)


def test_the_guide_prints_these_damages():
    printed = GUIDE.read_text(encoding="utf-8").partition("<!-- damages -->\n")[2].partition("\n<!-- end -->")[0]
    assert printed == table(), f"replace the table in {GUIDE.name} by signals.damaged_files.table()"
    assert len(DAMAGES) >= 40
