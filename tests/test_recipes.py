"""The demo, small: the whole way, the same figures twice, and its words."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.model_folder import file_sha256
from mc2sleepnet.corpora import Fold
from mc2sleepnet.model.network import NetworkConfig
from mc2sleepnet.recipes import DemoResult, DemoSize, demo
from mc2sleepnet.store import Store
from mc2sleepnet.training.fold_data import FoldData
from mc2sleepnet.training.loop import LoopOptions
from mc2sleepnet.training.pretrain import pretrain
from mc2sleepnet.training.pretraining import PretrainOptions

TINY = DemoSize(
    subjects=5,
    validation=1,
    test=2,
    hours=0.6,
    width=0.125,
    pretraining=LoopOptions(batch_sequences=4, validate_every_steps=2, max_steps=4),
    finetuning=LoopOptions(batch_sequences=4, validate_every_steps=2, max_steps=4),
)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> DemoResult:
    return demo(tmp_path_factory.mktemp("demo"), seed=3, size=TINY)


def test_the_demo_ends_with_figures_the_words_synthetic_data_and_paths(result: DemoResult) -> None:
    text = result.to_text()
    for word in ("accuracy", "macro-F1", "κ", "majority stage", "band power", "synthetic data"):
        assert word in text
    last_lines = text.splitlines()[-3:]
    assert [line.split()[0] for line in last_lines] == ["report", "model", "night"]
    for line in last_lines:
        assert Path(line.split(maxsplit=1)[1]).exists()


def test_one_seed_gives_the_same_figures_twice(result: DemoResult, tmp_path: Path) -> None:
    demo(tmp_path, seed=3, size=TINY)
    first, second = (json.loads((folder / "figures.json").read_text()) for folder in (result.report.parent, tmp_path))
    assert first == second


def test_the_demo_again_in_its_folder_keeps_what_is_finished(result: DemoResult) -> None:
    weights = result.model / "model.safetensors"
    before = weights.stat().st_mtime_ns
    again = demo(result.report.parent, seed=3, size=TINY)
    assert again.to_text() == result.to_text()
    assert weights.stat().st_mtime_ns == before


def test_another_seed_in_the_same_folder_is_refused(result: DemoResult) -> None:
    with pytest.raises(InputError, match="seed"):
        demo(result.report.parent, seed=4, size=TINY)


def test_test_subjects_train_nothing(result: DemoResult, tmp_path: Path) -> None:
    """Scramble the test subjects' nights in the store: the trained weights must not notice."""
    source = result.report.parent
    shutil.copytree(source / "store", tmp_path / "store")
    config = json.loads((source / "pretrain" / "config.json").read_text())["provenance"]
    fold = Fold(**{side: tuple(config["fold"][side]) for side in ("name", "train", "validation", "test")})
    store = Store.open(tmp_path / "store")
    for recording in (store.recordings[index] for index in store.recordings_of(fold.test)):
        path = tmp_path / "store" / f"{recording.name}.i16"
        path.write_bytes(bytes(reversed(path.read_bytes())))
    pretrain(
        FoldData(store=Store.open(tmp_path / "store"), fold=fold),
        tmp_path / "run",
        network=NetworkConfig(width=TINY.width),
        options=PretrainOptions(),
        loop=replace(TINY.pretraining, seed=3),
    )
    assert file_sha256(tmp_path / "run" / "model.safetensors") == file_sha256(source / "pretrain" / "model.safetensors")


def test_the_report_says_synthetic(result: DemoResult) -> None:
    assert "ynthetic" in result.report.read_text()


@pytest.mark.soak
@pytest.mark.parametrize("seed", [42, 11])
def test_the_full_demo_beats_both_baselines_by_a_tenth_of_kappa_and_repeats_itself(seed: int, tmp_path: Path) -> None:
    """Two full demos a seed: about eight minutes."""
    first, second = (demo(tmp_path / name, seed=seed) for name in ("first", "second"))
    assert first.to_text().splitlines()[:-3] == second.to_text().splitlines()[:-3]
    ours, *baselines = first.agreement.pooled.values()
    assert all(ours.kappa >= baseline.kappa + 0.1 for baseline in baselines)
    assert ours.accuracy < 1
