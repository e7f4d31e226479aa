"""What a call is refused for before it writes anything: another's folder, other options, what cannot be trained."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.files import write_text_atomically
from mc2sleepnet.core.model_folder import copy_model_folder
from mc2sleepnet.core.run_record import RUN_FILE
from mc2sleepnet.recipes import finetune_fold, pretrain_fold
from mc2sleepnet.store import Store
from mc2sleepnet.training.kept_tokens import KeptTokens

TINY = ["width=0.125", "spectrogram_layers=1", "sequence_layers=2", "batch_sequences=8"]
AS_TRAINED = [*TINY, "max_steps=6", "validate_every_steps=3"]


def pretrain_here(store: Path, out: Path, *assignments: str, resume: bool = False) -> str:
    return pretrain_fold(store, out, fold=1, preset="paper", assignments=[*AS_TRAINED, *assignments], resume=resume)


def finetune_here(store: Path, start: Path | None, out: Path, *assignments: str, resume: bool = False) -> str:
    options: dict[str, Any] = {"fold": 1, "preset": None, "resume": resume}
    return finetune_fold(store, start, out, assignments=assignments, **options)


@pytest.mark.parametrize("name", ["README.md", "notes", "tokens-of-mine", "config.json", "model.onnx"])
@pytest.mark.parametrize("resume", [False, True])
def test_a_folder_that_holds_what_no_run_wrote_stays_as_it_is(
    store_dir: Path, trained: Path, tmp_path: Path, name: str, resume: bool
) -> None:
    out = tmp_path / "project"
    out.mkdir()
    (out / name).write_text("{}")
    for call in (
        lambda: pretrain_here(store_dir, out, resume=resume),
        lambda: finetune_here(store_dir, trained / "pretrain", out, "max_steps=1", resume=resume),
    ):
        with pytest.raises(InputError, match=rf"holds {name}, which no run wrote|a run is here already"):
            call()
    assert [path.name for path in out.iterdir()] == [name]


def test_only_folders_of_tokens_are_forgotten(tmp_path: Path) -> None:
    kept = KeptTokens(tmp_path, {"seed": 1})
    for folder in (kept.folder, tmp_path / "tokens-of-mine", tmp_path / "tokens-0123456789abcdef-old"):
        folder.mkdir()
    kept.remove()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tokens-0123456789abcdef-old", "tokens-of-mine"]


def test_a_mistaken_resume_leaves_the_record_of_a_finished_run(store_dir: Path, trained: Path, tmp_path: Path) -> None:
    for name in ("pretrain", "model"):
        shutil.copytree(trained / name, tmp_path / name)
    pre, model = tmp_path / "pretrain", tmp_path / "model"
    before = [(path / RUN_FILE).read_bytes() for path in (pre, model)]
    with pytest.raises(InputError, match=r"with other loop \(learning_rate 0\.0005, now 0\.001\)\."):
        pretrain_here(store_dir, pre, "learning_rate=0.001", resume=True)
    changed = ["validate_every_steps=3", "batch_sequences=8", "learning_rate=0.001", "max_steps=7"]
    told = r"with other loop \(learning_rate 0\.0005, now 0\.001, max_steps 6, now 7\)\."
    with pytest.raises(InputError, match=told):
        finetune_here(store_dir, pre, model, *changed, resume=True)
    assert [(path / RUN_FILE).read_bytes() for path in (pre, model)] == before
    assert json.loads(before[0])["status"] == "finished"


def test_several_networks_are_not_trained_as_one(store_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="members=3: several networks are not trained as one"):
        pretrain_here(store_dir, tmp_path / "pre", "members=3")
    with pytest.raises(InputError, match="members=2: several networks are not trained as one"):
        finetune_here(store_dir, None, tmp_path / "fine", *AS_TRAINED, "from_scratch=true", "members=2")
    assert list(tmp_path.iterdir()) == []


def test_a_signal_that_changed_in_the_store_is_not_trained_on(store_dir: Path, trained: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    shutil.copytree(store_dir, store)
    opened = Store.open(store)
    pretrain_here(store, tmp_path / "fine")
    of_training = opened.recordings[2]
    signal = store / f"{of_training.name}.i16"
    content = bytearray(signal.read_bytes())
    content[1000] ^= 1
    signal.write_bytes(content)
    with pytest.raises(InputError, match=rf"{of_training.name}\.i16: is not the signal that was prepared"):
        pretrain_here(store, tmp_path / "pre")
    with pytest.raises(InputError, match=rf"{of_training.name}\.i16: is not the signal that was prepared"):
        finetune_here(store, trained / "pretrain", tmp_path / "model", "max_steps=1")


def test_a_network_that_met_no_epoch_of_a_stage_says_so(store_dir: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    shutil.copytree(store_dir, store)
    index = json.loads((store / "index.json").read_text())
    for row in index["recordings"]:
        row["stage"] = row["stage"].replace("3", "2").replace("R", "1")
    write_text_atomically(store / "index.json", json.dumps(index))
    said = pretrain_here(store, tmp_path / "pre")
    assert "\nno training epoch is N3 or R\n" in said
    finetune_here(store, tmp_path / "pre", tmp_path / "model", "max_steps=1", "validate_every_steps=1")
    card = (tmp_path / "model" / "README.md").read_text()
    assert "- **Not learned**: no training epoch of fine-tuning is N3 or R." in card


def test_a_run_without_its_card_is_not_exported_in_part(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained / "model", tmp_path / "model")
    (tmp_path / "model" / "README.md").unlink()
    with pytest.raises(InputError, match=r"README\.md: the model card is missing"):
        copy_model_folder(tmp_path / "model", tmp_path / "out")
    assert not (tmp_path / "out").exists()
