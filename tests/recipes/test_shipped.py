"""The shipped model's recipe from nothing, tiny; and the model in the package on a real night."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import mc2sleepnet as mc2
from bare_machine import BARE
from mc2sleepnet.core.model_folder import WEIGHTS_FILE, default_model_folder, file_sha256, open_model_folder
from mc2sleepnet.formats.reading import read_hypnogram
from mc2sleepnet.metrics.agreement import agreement
from mc2sleepnet.recipes.shipped import shipped
from mc2sleepnet.store import Store
from tiny_shipped import TINY

# An hour of noise with the spectrum of nothing alive.
WHITE = np.random.default_rng(0).normal(0, 200, 3600 * 100).astype(np.float32)


@pytest.mark.soak
def test_the_recipe_trains_where_torch_is_and_exports_where_onnx_is(tmp_path: Path) -> None:
    program = Path(__file__).parents[1] / "tiny_shipped.py"
    trained = subprocess.run(
        [sys.executable, "-c", BARE, str(program), str(tmp_path)], capture_output=True, check=False
    )
    assert trained.returncode == 0, trained.stderr.decode()
    weights = file_sha256(tmp_path / "model" / WEIGHTS_FILE)
    assert not (tmp_path / "model" / "encoder.onnx").exists()
    model = shipped(tmp_path, seed=4, size=TINY)
    assert file_sha256(model / WEIGHTS_FILE) == weights
    opened = open_model_folder(model)
    assert opened.is_synthetic
    assert opened.config["network"]["members"] == 2
    assert {s.split("-")[0] for s in Store.open(tmp_path / "store").subjects} == {"train", "far", "invented"}
    assert "No person's EEG taught it" in (model / "README.md").read_text(encoding="utf-8")
    night = mc2.score((WHITE, 100.0), model=model)
    assert "out-of-range" in {finding.id for finding in night.findings}


def test_the_package_ships_a_model_whole_and_small() -> None:
    folder = default_model_folder()
    model = open_model_folder(folder)
    assert file_sha256(folder / WEIGHTS_FILE) == model.config["weights_sha256"]
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 25e6
    provenance = model.config["provenance"]
    while provenance:
        assert provenance["store"]["is_synthetic"] is True
        provenance = provenance.get("parent")


def test_the_shipped_model_scores_a_real_night(real_data: Path) -> None:
    night = mc2.score(real_data / "ucddb" / "ucddb022.edf")
    reference = read_hypnogram(real_data / "ucddb" / "ucddb022-Hypnogram.edf").stage
    found = agreement(reference[: len(night.hypnogram.stage)], night.hypnogram.stage)
    assert found.kappa > 0.7
    assert "out-of-range" not in {finding.id for finding in night.findings}


@pytest.mark.parametrize("seed", [0, 1])
def test_noise_is_out_of_the_shipped_models_range(seed: int) -> None:
    noise = np.random.default_rng(seed).normal(0, 200, 600 * 100).astype(np.float32)
    night = mc2.score((noise, 100.0))
    assert "out-of-range" in {finding.id for finding in night.findings}
    assert night.review.all()
