"""What a model folder says of how its answers are smoothed: sealed, checked, and silent in those of before."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.model_folder import (
    CALIBRATION_FILE,
    CONFIG_FILE,
    SEAL_KEY,
    default_model_folder,
    file_sha256,
    open_model_folder,
)


def with_calibration(folder: Path, values: Mapping[str, Any]) -> Path:
    shutil.copytree(default_model_folder(), folder)
    (folder / CALIBRATION_FILE).write_text(json.dumps(values))
    config = json.loads((folder / CONFIG_FILE).read_text())
    config[SEAL_KEY][CALIBRATION_FILE] = file_sha256(folder / CALIBRATION_FILE)
    (folder / CONFIG_FILE).write_text(json.dumps(config))
    return folder


def test_smoothing_is_a_part_of_what_a_model_is(tmp_path: Path) -> None:
    shipped = open_model_folder(default_model_folder())
    values = json.loads((shipped.path / CALIBRATION_FILE).read_text())
    assert shipped.calibration.smoothing == shipped.config["network"]["smoothing"] == "course+spectra"
    other = open_model_folder(with_calibration(tmp_path / "other", values | {"smoothing": "course"}))
    assert other.calibration.smoothing == "course"
    assert other.sha256 != shipped.sha256
    before = {name: value for name, value in values.items() if name != "smoothing"}
    assert open_model_folder(with_calibration(tmp_path / "before", before)).calibration.smoothing == "none"


@pytest.mark.parametrize("changed", [{"smoothing": "chain-of-2027"}, {"smoothing": None}, {"aggregation": "first"}])
def test_a_value_that_this_version_does_not_know_is_refused(changed: dict[str, Any], tmp_path: Path) -> None:
    values = json.loads((default_model_folder() / CALIBRATION_FILE).read_text())
    folder = with_calibration(tmp_path / "model", values | changed)
    with pytest.raises(InputError, match="not a model folder of this version"):
        open_model_folder(folder)
