"""Nights for training: real courses of sleep, other recorders, a store that keeps what is there."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.store import Store
from mc2sleepnet.synth.real_hypnograms import decode_runs, draw_real_hypnogram, encode_runs, real_hypnograms
from mc2sleepnet.synth.seeding import night_generator
from mc2sleepnet.synth.training_nights import GeneratorSetting, synthesize_training_night
from mc2sleepnet.synth.training_store import write_training_store

SHORT = GeneratorSetting(corpora=("ucddb",), real_course=1.0)


def test_runs_come_back_as_they_went() -> None:
    stage = np.array([0, 0, 1, 2, 2, 3, 4, -1, -1, 0], np.int8)
    assert encode_runs(stage) == "W2A1B2C1R1?2W1"
    np.testing.assert_array_equal(decode_runs(encode_runs(stage)), stage)


def test_the_table_holds_the_four_corpora_and_not_the_validation_night() -> None:
    nights = real_hypnograms()
    assert {name: len(of_corpus) for name, of_corpus in nights.items()} == {
        "sleep-edf": 153,
        "ucddb": 23,
        "dod": 80,
        "boas": 127,
    }
    assert sum(map(len, nights["sleep-edf"])) == 195_767
    shares = Counter(np.concatenate(nights["sleep-edf"]).tolist())
    assert (shares[1], shares[2], shares[3], shares[4]) == (21515, 69128, 13039, 25794)


def test_the_validation_nights_hypnogram_is_not_in_the_table(real_data: Path) -> None:
    from mc2sleepnet.formats.reading import read_hypnogram

    held_out = read_hypnogram(real_data / "ucddb" / "ucddb022-Hypnogram.edf").stage[100:400]
    for night in real_hypnograms()["ucddb"]:
        for start in range(len(night) - len(held_out) + 1):
            part = night[start : start + len(held_out)]
            assert (part == held_out).mean() < 0.95


def test_drawn_courses_sleep_and_are_seeded() -> None:
    one, again = (draw_real_hypnogram(torch.Generator().manual_seed(5)) for _ in range(2))
    np.testing.assert_array_equal(one, again)
    assert (one > 0).sum() >= 240


def test_a_setting_chooses_how_long_a_night_remembers() -> None:
    minutes, half_hour = (replace(SHORT, memory=memory) for memory in ("minutes", "half-hour"))
    usual, short, long = (
        synthesize_training_night(night_generator(0, "n", 0), each) for each in (SHORT, minutes, half_hour)
    )
    assert torch.equal(usual.signal_uv, short.signal_uv)
    assert long.recorder == short.recorder
    assert not torch.equal(long.signal_uv, short.signal_uv)
    with pytest.raises(KeyError, match="half_hour"):
        synthesize_training_night(night_generator(0, "n", 0), replace(SHORT, memory="half_hour"))  # type: ignore[arg-type]


def test_a_setting_chooses_how_many_nights_have_pauses_in_breathing() -> None:
    none, every = (
        [synthesize_training_night(night_generator(0, "n", i), replace(SHORT, apnea_share=share)) for i in range(2)]
        for share in (0.0, 1.0)
    )
    assert all(night.traits.apneas_per_h == 0 for night in none)
    assert all(10 <= night.traits.apneas_per_h <= 80 for night in every)
    assert not torch.equal(none[0].signal_uv, every[0].signal_uv)


def test_a_night_is_finite_in_microvolts_and_depends_on_its_seed_alone() -> None:
    night, again, other = (synthesize_training_night(night_generator(0, "n", i), SHORT) for i in (0, 0, 1))
    assert torch.equal(night.signal_uv, again.signal_uv)
    assert night.recorder != other.recorder
    assert night.signal_uv.shape == (len(night.stage), 3000)
    assert torch.isfinite(night.signal_uv).all()
    asleep = night.signal_uv[torch.from_numpy(night.stage > 0)]
    assert 2 < float(asleep.std(1).median()) < 300


def test_a_store_goes_on_where_it_was_and_names_subjects_by_setting(tmp_path: Path) -> None:
    settings = {"train": (SHORT, 1), "far": (SHORT, 1)}
    write_training_store(tmp_path, {"train": settings["train"], "far": (SHORT, 0)}, seed=3)
    before = (tmp_path / "train-0000.i16").stat().st_mtime_ns
    write_training_store(tmp_path, settings, seed=3)
    store = Store.open(tmp_path)
    assert store.subjects == ("far-0000", "train-0000")
    assert store.is_synthetic
    assert (tmp_path / "train-0000.i16").stat().st_mtime_ns == before


def test_nights_of_another_seed_or_setting_are_not_taken_for_those_asked_for(tmp_path: Path) -> None:
    write_training_store(tmp_path, {"train": (SHORT, 1)}, seed=3)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    for setting, seed in ((SHORT, 4), (replace(SHORT, arousal_sd=1.0), 3)):
        with pytest.raises(InputError, match="'train-0000' was made with another seed or other settings"):
            write_training_store(tmp_path, {"train": (setting, 1)}, seed=seed)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
