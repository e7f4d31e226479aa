"""The shipped model's recipe from nothing, tiny; and the model in the package on a real night."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import mc2sleepnet as mc2
from mc2sleepnet.core.model_folder import WEIGHTS_FILE, default_model_folder, file_sha256, open_model_folder
from mc2sleepnet.formats.reading import read_hypnogram
from mc2sleepnet.metrics.agreement import agreement
from mc2sleepnet.model.config import NetworkConfig
from mc2sleepnet.recipes.shipped import FINETUNING, PRETRAINING, ShippedSize, shipped
from mc2sleepnet.store import Store

NETWORK = NetworkConfig(
    width=0.125,
    sequence_length=16,
    spectrogram_layers=1,
    sequence_layers=1,
    spectrogram_norm="recording+gain+training",
    signal_norm="recording",
)
TINY = ShippedSize(
    nights=2,
    members=2,
    held_out_nights=1,
    network=NETWORK,
    pretraining=replace(PRETRAINING, max_steps=2, batch_sequences=4, sequence_stride=16),
    finetuning=replace(FINETUNING, max_steps=2, batch_sequences=4),
    finetuning_nights=1,
)
# An hour of noise with the spectrum of nothing alive.
WHITE = np.random.default_rng(0).normal(0, 200, 3600 * 100).astype(np.float32)


@pytest.mark.soak
def test_the_recipe_makes_a_model_that_scores_from_nothing(tmp_path: Path) -> None:
    model = shipped(tmp_path, seed=4, size=TINY)
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
    assert "out-of-range" in {finding.id for finding in mc2.score((noise, 100.0)).findings}
