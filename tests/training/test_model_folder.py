"""What is written can be read, and what was damaged is refused."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import mc2sleepnet
from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.model_folder import copy_model_folder, default_model_folder, open_model_folder
from mc2sleepnet.inference import score_night
from mc2sleepnet.model.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from mc2sleepnet.model.network import MC2SleepNet, NetworkConfig
from mc2sleepnet.recipes import refuse_to_overwrite
from mc2sleepnet.scoring.engine import OpenVinoStager
from mc2sleepnet.training.stager import TorchStager

CONFIG = NetworkConfig(width=0.125, spectrogram_layers=1, sequence_layers=1)


@pytest.fixture
def network() -> MC2SleepNet:
    network = MC2SleepNet(CONFIG).eval()
    network.spectrogram.mean_db.copy_(torch.linspace(-5, 20, 128))
    network.spectrogram.deviation_db.copy_(torch.linspace(3, 8, 128))
    return network


@pytest.fixture
def saved(network: MC2SleepNet, tmp_path: Path) -> Path:
    save_checkpoint(Checkpoint(network=network, phase="pre-training", is_synthetic=True, provenance={"a": 1}), tmp_path)
    return tmp_path


def test_a_checkpoint_gives_the_same_network_back(network: MC2SleepNet, saved: Path) -> None:
    loaded = load_checkpoint(saved)
    signal_uv, is_valid = 20 * torch.randn(1, 16, 3000), torch.ones(1, 16, dtype=torch.bool)
    assert torch.equal(loaded.network(signal_uv, is_valid), network(signal_uv, is_valid))
    assert loaded.network.config == CONFIG
    assert (loaded.phase, loaded.is_synthetic, loaded.provenance) == ("pre-training", True, {"a": 1})


def test_the_spectrogram_statistics_are_in_the_config_for_people_to_read(saved: Path) -> None:
    config = json.loads((saved / "config.json").read_text())
    np.testing.assert_allclose(config["spectrogram"]["mean_db"], np.linspace(-5, 20, 128), rtol=1e-5)
    assert config["is_synthetic"] is True


def test_weights_of_another_run_are_refused(saved: Path) -> None:
    weights = (saved / "model.safetensors").read_bytes()
    (saved / "model.safetensors").write_bytes(weights[:-1] + bytes([weights[-1] ^ 1]))
    with pytest.raises(InputError, match=r"not the ones config\.json was written for"):
        load_checkpoint(saved)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_missing_file_is_named(saved: Path, name: str) -> None:
    (saved / name).unlink()
    with pytest.raises(InputError, match=f"no {name}"):
        load_checkpoint(saved)


def test_a_config_that_is_no_json_is_refused(saved: Path) -> None:
    (saved / "config.json").write_text("{")
    with pytest.raises(InputError, match="not a checkpoint's config"):
        load_checkpoint(saved)


def test_an_option_of_another_version_is_refused(saved: Path) -> None:
    config = json.loads((saved / "config.json").read_text())
    config["network"]["surprise"] = 3
    (saved / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match="surprise"):
        load_checkpoint(saved)


def test_a_pretrained_run_cannot_score_yet_and_says_what_to_do(saved: Path) -> None:
    with pytest.raises(InputError, match=r"last phase is pre-training.*finetune"):
        open_model_folder(saved)


def test_exported_graphs_agree_with_torch_to_1e_4(model_dir: Path) -> None:
    network = load_checkpoint(model_dir).network
    rng = np.random.default_rng(0)
    signal_uv = rng.normal(0, 30, (48, 3000)).astype(np.float32)
    signal_uv[5] = 0
    is_valid = rng.random((3, 16)) > 0.2
    is_valid[:, 0] = True
    engines = OpenVinoStager(open_model_folder(model_dir)), TorchStager(network)
    tokens = [engine.encode(signal_uv).reshape(3, 16, 2, -1) for engine in engines]
    np.testing.assert_allclose(tokens[0], tokens[1], atol=1e-4)
    answers = [engine.relate(own, is_valid) for engine, own in zip(engines, tokens, strict=True)]
    np.testing.assert_allclose(answers[0][is_valid], answers[1][is_valid], atol=1e-4)


@pytest.mark.parametrize("name", ["encoder.onnx", "sequence.onnx"])
def test_exported_graphs_do_not_tell_where_they_were_made(model_dir: Path, name: str) -> None:
    for folder in (model_dir, default_model_folder()):
        graph = (folder / name).read_bytes()
        for told in (
            b"stack_trace",
            b".py",
            str(Path.home()).encode(),
            str(Path(mc2sleepnet.__file__).parent).encode(),
        ):
            assert told not in graph, (folder, told)


@pytest.mark.parametrize("n", [1, 2, 7, 130])
def test_exported_graphs_take_any_number_of_epochs(model_dir: Path, n: int) -> None:
    engine = OpenVinoStager(open_model_folder(model_dir))
    signal_uv = np.random.default_rng(0).normal(0, 30, (n, 3000)).astype(np.float32)
    assert engine.encode(signal_uv).shape[:2] == (n, 2)


def test_a_copied_model_is_the_same_model_and_nothing_else_of_the_run(model_dir: Path, tmp_path: Path) -> None:
    copy_model_folder(model_dir, tmp_path / "copy")
    assert open_model_folder(tmp_path / "copy").sha256 == open_model_folder(model_dir).sha256
    assert {path.name for path in (tmp_path / "copy").iterdir()} == {
        "config.json",
        "model.safetensors",
        "encoder.onnx",
        "sequence.onnx",
        "calibration.json",
        "README.md",
    }


@pytest.mark.parametrize("name", ["encoder.onnx", "sequence.onnx", "calibration.json"])
def test_a_file_that_was_changed_is_refused(model_dir: Path, tmp_path: Path, name: str) -> None:
    copy_model_folder(model_dir, tmp_path / "copy")
    changed = tmp_path / "copy" / name
    changed.write_bytes(changed.read_bytes() + b"\n")
    with pytest.raises(InputError, match=f"{name}: not the file"):
        open_model_folder(tmp_path / "copy")


@pytest.mark.parametrize("name", ["encoder.onnx", "sequence.onnx"])
def test_a_graph_that_the_engine_cannot_read_is_told_with_its_folder(
    model_dir: Path, tmp_path: Path, name: str
) -> None:
    copy_model_folder(model_dir, tmp_path / "copy")
    model = open_model_folder(tmp_path / "copy")
    (tmp_path / "copy" / name).write_bytes(b"no graph")
    with pytest.raises(InputError, match=r"copy: the graphs cannot be loaded .*Export the model again"):
        score_night(OpenVinoStager(model), np.zeros((20, 3000), np.float32), np.ones(20, np.bool_), stride=4)


@pytest.mark.parametrize("name", ["encoder.onnx", "calibration.json"])
def test_a_model_folder_without_one_of_its_files_is_refused(model_dir: Path, tmp_path: Path, name: str) -> None:
    copy_model_folder(model_dir, tmp_path / "copy")
    (tmp_path / "copy" / name).unlink()
    with pytest.raises(InputError, match=name):
        open_model_folder(tmp_path / "copy")


def test_the_model_card_says_what_it_learned_from_and_that_it_is_no_medical_device(model_dir: Path) -> None:
    card = (model_dir / "README.md").read_text()
    assert "synthetic nights, no person was recorded" in card
    assert "not a medical device" in card


def test_export_never_copies_damaged_weights(model_dir: Path, tmp_path: Path) -> None:
    copy_model_folder(model_dir, tmp_path / "damaged")
    weights = tmp_path / "damaged" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    with pytest.raises(InputError, match="not the weights"):
        copy_model_folder(tmp_path / "damaged", tmp_path / "copy")


def test_export_never_replaces_another_model(model_dir: Path, saved: Path) -> None:
    with pytest.raises(InputError, match="another model is here"):
        copy_model_folder(model_dir, saved)


@pytest.mark.parametrize("name", ["README.md", "notes.txt", "src", "calibration.json"])
def test_export_never_writes_among_files_of_others(tmp_path: Path, name: str) -> None:
    there = tmp_path / "project" / name
    if name == "src":
        there.mkdir(parents=True)
    else:
        there.parent.mkdir()
        there.write_text("mine")
    told = rf"project: holds {name}, which no export of this model wrote\. Choose another --out\."
    with pytest.raises(InputError, match=told):
        copy_model_folder(default_model_folder(), tmp_path / "project")
    assert [path.name for path in there.parent.iterdir()] == [name]
    assert there.is_dir() or there.read_text() == "mine"


def test_export_refuses_a_file_in_place_of_its_folder(tmp_path: Path) -> None:
    (tmp_path / "model").write_text("mine")
    with pytest.raises(InputError, match=r"model: is a file\. Choose another --out"):
        copy_model_folder(default_model_folder(), tmp_path / "model")


def test_export_goes_into_an_empty_folder_and_again_into_its_own(tmp_path: Path) -> None:
    target = tmp_path / "model"
    (target / ".git").mkdir(parents=True)
    copy_model_folder(default_model_folder(), target)
    whole = {path.name: path.read_bytes() for path in target.iterdir() if path.is_file()}
    (target / "encoder.onnx").write_bytes(b"damaged")
    copy_model_folder(default_model_folder(), target)
    # Killed before its end: config.json is written last.
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    (target / "config.json").unlink()
    (target / f".encoder.onnx.{ended.pid}.part").write_bytes(b"half of it")
    (target / "README.md").unlink()
    copy_model_folder(default_model_folder(), target)
    assert {path.name: path.read_bytes() for path in target.iterdir() if path.is_file()} == whole


def test_a_run_exported_into_itself_stays_as_it_is(tmp_path: Path) -> None:
    copy_model_folder(default_model_folder(), tmp_path)
    (tmp_path / "resume.pt").write_text("of the run")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    copy_model_folder(tmp_path, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_training_never_overwrites_an_exported_model(model_dir: Path, tmp_path: Path) -> None:
    copy_model_folder(model_dir, tmp_path / "model")
    for resume in (False, True):
        with pytest.raises(InputError, match="a model is here already"):
            refuse_to_overwrite(tmp_path / "model", resume=resume)


def test_what_is_not_said_to_be_real_counts_as_synthetic(model_dir: Path, tmp_path: Path) -> None:
    copy_model_folder(model_dir, tmp_path / "model")
    path = tmp_path / "model" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"is_synthetic": None}))
    assert open_model_folder(tmp_path / "model").is_synthetic
