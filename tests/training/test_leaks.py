"""A planted leak for every guard: each is seen and refused."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.corpora import Fold
from mc2sleepnet.model.spectrogram import Spectrogram
from mc2sleepnet.store import Store
from mc2sleepnet.training.cached_tokens import CachedTokens
from mc2sleepnet.training.calibrate import calibrate
from mc2sleepnet.training.finetune import finetune
from mc2sleepnet.training.finetuning import Finetuning
from mc2sleepnet.training.fold_data import FoldData, figures_of
from mc2sleepnet.training.leaks import LeakError, learned_from, refuse_leak_from
from mc2sleepnet.training.loop import LoopOptions, Phase, train
from mc2sleepnet.training.pretraining import Pretraining
from mc2sleepnet.training.seeding import keyed_generator
from mc2sleepnet.training.spectrogram_statistics import fit_spectrogram_statistics
from mc2sleepnet.training.stager import TorchStager


def loss_of(phase: Phase, indices: torch.Tensor, seed: int) -> tuple[torch.Tensor, dict[str, float]]:
    masking = keyed_generator(seed, "masking")
    loss, terms = phase.loss(phase.batch(indices, masking))
    return loss, {name: term.item() for name, term in terms.items()}


def recordings(data: FoldData, subjects: tuple[str, ...]) -> list[int]:
    return [int(index) for index in data.store.recordings_of(subjects)]


def as_sequences(data: FoldData, subjects: tuple[str, ...]) -> np.ndarray:
    return data.epochs(recordings(data, subjects))[:32].reshape(2, 16)


@pytest.mark.parametrize("side", ["test", "validation"])
def test_statistics_fitted_on_a_held_out_subject_are_refused(fold_data: FoldData, side: str) -> None:
    training = data_epochs = fold_data.epochs(fold_data.training)[:20]
    planted = np.append(data_epochs, fold_data.epochs(recordings(fold_data, fold_data.fold.sides[side]))[:1])
    assert fit_spectrogram_statistics(Spectrogram(), fold_data, epochs=training) == ["0"]
    with pytest.raises(LeakError, match=rf"of {side} subject '[4-7]', was asked for training"):
        fit_spectrogram_statistics(Spectrogram(), fold_data, epochs=planted)


def test_a_parent_whose_statistics_were_fitted_on_held_out_subjects_is_refused(
    store_dir: Path, trained: Path, tmp_path: Path
) -> None:
    from mc2sleepnet.recipes import open_fold

    data, start = open_fold(store_dir, 1), tmp_path / "start"
    shutil.copytree(trained / "pretrain", start)
    config = json.loads((start / "config.json").read_text())
    assert set(config["provenance"]["spectrogram_fitted_on"]) == set(data.fold.train)
    config["provenance"]["spectrogram_fitted_on"].append(data.fold.test[0])
    (start / "config.json").write_text(json.dumps(config))
    with pytest.raises(LeakError, match=f"learned from subjects that .* holds out: {data.fold.test[0]}"):
        finetune(data, start, tmp_path / "run", loop=LoopOptions(max_steps=1))


@pytest.mark.parametrize("side", ["validation", "test"])
def test_a_step_on_held_out_epochs_is_refused_in_both_phases(
    fold_data: FoldData,
    make_pretraining: Callable[..., Pretraining],
    make_finetuning: Callable[..., Finetuning],
    side: str,
) -> None:
    import torch

    planted = torch.from_numpy(as_sequences(fold_data, fold_data.fold.sides[side]))
    for phase in (make_pretraining(), make_pretraining(pretrain_supervision="none"), make_finetuning()):
        with pytest.raises(LeakError, match=f"of {side} subject"):
            loss_of(phase, planted, 0)


def test_early_stopping_that_reads_the_test_fold_is_refused(
    fold_data: FoldData, make_finetuning: Callable[..., Finetuning]
) -> None:
    """The test subjects' recordings slipped into what validation reads, in each of the ways it reads."""
    phase, testing = make_finetuning(), recordings(fold_data, fold_data.fold.test)
    width = phase.network.token_shape
    tokens = {index: np.zeros((len(fold_data.epochs([index])), *width), np.float32) for index in testing}
    with pytest.raises(LeakError, match=r"of test subject '6', was asked for validation"):
        fold_data.judge(phase.stager, tokens, stride=4)
    phase._validation_tokens = tokens
    with pytest.raises(LeakError, match=r"of test subject '6'"):
        phase.validate()
    with pytest.raises(LeakError, match=r"was asked for training or validation"):
        fold_data.encode(phase.stager, testing)


def test_a_run_whose_early_stopping_reads_the_test_fold_ends_with_the_leak_named(
    fold_data: FoldData, make_pretraining: Callable[..., Pretraining], tmp_path: Path
) -> None:
    phase = make_pretraining()

    class Leaky(Pretraining):
        def validate(self) -> dict[str, float]:
            stager = TorchStager(self.model.network, answer=self.single_view_fusion)
            tokens = self.data.encode(stager, recordings(self.data, self.data.fold.test))
            return figures_of(*self.data.judge(stager, tokens, stride=4))

    leaky = Leaky(phase.model, fold_data, phase.options, loop=phase.loop, keep=phase.save)
    sequences = fold_data.sequences("training", length=16)[:8]
    loop = LoopOptions(batch_sequences=2, max_steps=1)
    with pytest.raises(LeakError, match="of test subject '6'"):
        train(leaky, sequences, loop, tmp_path, fingerprint={}, resume=False, advance=lambda *_: None)
    assert not (tmp_path / "metrics.jsonl").exists()


@pytest.mark.parametrize("side", ["test", "train"])
def test_calibration_reads_validation_recordings_and_refuses_others(
    fold_data: FoldData, make_finetuning: Callable[..., Finetuning], side: str
) -> None:
    phase = make_finetuning()
    own = phase.validation_tokens()
    n_scored = int((fold_data.stage(fold_data.epochs(fold_data.validation), "validation") >= 0).sum())
    assert calibrate(fold_data, phase.stager, own, LoopOptions()).n_epochs == n_scored
    planted = recordings(fold_data, fold_data.fold.sides[side])[0]
    shape = (len(fold_data.epochs([planted])), *phase.network.token_shape)
    with pytest.raises(LeakError, match="was asked for validation"):
        calibrate(fold_data, phase.stager, {**own, planted: np.zeros(shape, np.float32)}, LoopOptions())


def test_calibration_is_fitted_on_what_validation_says_and_moves_with_it(
    fold_data: FoldData, make_finetuning: Callable[..., Finetuning]
) -> None:
    """Other training tokens change nothing; other validation tokens change the temperature."""
    phase = make_finetuning()
    first = calibrate(fold_data, phase.stager, phase.validation_tokens(), LoopOptions())
    assert isinstance(phase.inputs, CachedTokens)
    phase.inputs.tokens.mul_(3)
    assert calibrate(fold_data, phase.stager, phase.validation_tokens(), LoopOptions()) == first
    moved = {index: tokens[::-1].copy() for index, tokens in phase.validation_tokens().items()}
    assert calibrate(fold_data, phase.stager, moved, LoopOptions()) != first


def test_a_subject_on_two_sides_is_an_error() -> None:
    with pytest.raises(InputError, match="subject '3' is in train and in test"):
        Fold(name="leaky", train=("1", "3"), validation=("2",), test=("3",))


def with_index(store_dir: Path, to: Path, change: Callable[[list[dict[str, object]]], None]) -> Store:
    """A copy of the store whose index was tampered with."""
    shutil.copytree(store_dir, to)
    index = json.loads((to / "index.json").read_text())
    change(index["recordings"])
    (to / "index.json").write_text(json.dumps(index))
    return Store.open(to)


def test_a_subjects_second_night_on_the_other_side_is_refused_though_it_bears_another_subject(
    store_dir: Path, tmp_path: Path
) -> None:
    """The second night of subject 0, entered as somebody else who tests."""

    def second_night(rows: list[dict[str, object]]) -> None:
        old = str(rows[-1]["name"])
        new = str(rows[0]["name"])[:5] + "2" + old[6:]
        (tmp_path / "store" / f"{old}.i16").rename(tmp_path / "store" / f"{new}.i16")
        rows[-1] |= {"name": new, "subject": "7"}

    store = with_index(store_dir, tmp_path / "store", second_night)
    with pytest.raises(LeakError, match=r"SC400\S* \(train\) and SC4002\S* \(test\) are of one person"):
        FoldData(store=store, fold=Fold(name="leaky", train=("0", "1"), validation=("4",), test=("7",)))


def test_one_recording_under_two_subjects_is_refused(store_dir: Path, tmp_path: Path) -> None:
    def same_signal(rows: list[dict[str, object]]) -> None:
        rows[-1]["signal_sha256"] = rows[0]["signal_sha256"]

    store = with_index(store_dir, tmp_path / "store", same_signal)
    with pytest.raises(LeakError, match="are of one person"):
        FoldData(store=store, fold=Fold(name="leaky", train=("0",), validation=("4",), test=("7",)))
    FoldData(store=store, fold=Fold(name="fine", train=("0", "7"), validation=("4",), test=("6",)))


def test_padding_is_on_every_side(fold_data: FoldData) -> None:
    nothing = np.full((2, 3), -1)
    assert not fold_data.signal_uv(nothing, "training").any()
    assert (fold_data.stage(nothing, "validation") == -1).all()


def laboratory(store_dir: Path, to: Path, corpus: str, signal_sha256: str) -> Store:
    """A store of people recorded somewhere, its subjects numbered as everybody numbers them."""

    def recorded(rows: list[dict[str, object]]) -> None:
        for row in rows:
            row["is_synthetic"] = False
        rows[0]["signal_sha256"] = signal_sha256

    store = with_index(store_dir, to, recorded)
    index = json.loads((to / "index.json").read_text())
    (to / "index.json").write_text(json.dumps(index | {"corpus": corpus}))
    return Store.open(store.path)


def test_a_name_in_two_laboratories_folders_is_one_person_unless_the_user_says_otherwise(
    store_dir: Path, tmp_path: Path
) -> None:
    first, second = (laboratory(store_dir, tmp_path / name, "folder", name) for name in "ab")
    learned = FoldData(store=first, fold=Fold(name="a", train=("0", "1"), validation=("2",), test=("3",))).describe()
    held_out = Fold(name="b", train=("3",), validation=("2",), test=("1",))
    with pytest.raises(LeakError, match=r"that b holds out: 1\. .* or, .* --set same_names=other_people"):
        refuse_leak_from({"parent": learned, **learned}, tmp_path, second, held_out)
    refuse_leak_from({"parent": learned, **learned}, tmp_path, second, held_out, same_names="other_people")
    # Within one store a name is a person, whatever is said.
    with pytest.raises(LeakError, match=r"holds out: 1\. Start from a network pre-trained on the same fold\.$"):
        refuse_leak_from(learned, tmp_path, first, held_out, same_names="other_people")


def test_a_name_of_a_corpus_is_one_person_whatever_is_said(store_dir: Path, tmp_path: Path) -> None:
    corpora = ("sleep-edf-20", "sleep-edf-78")
    first, second = (laboratory(store_dir, tmp_path / name, name, name) for name in corpora)
    learned = FoldData(store=first, fold=Fold(name="a", train=("0", "1"), validation=("2",), test=("3",))).describe()
    held_out = Fold(name="b", train=("3",), validation=("2",), test=("1",))
    with pytest.raises(LeakError, match=r"holds out: 1\. Start from a network pre-trained on the same fold\.$"):
        refuse_leak_from(learned, tmp_path, second, held_out, same_names="other_people")


def ancestor_of(store: Store, fold: Fold) -> dict[str, object]:
    """What the provenance of a network that learned from a fold says of people."""
    return FoldData(store=store, fold=fold).describe() | learned_from(store, fold)


def folder_of(store_dir: Path, to: Path, change: Callable[[list[dict[str, object]]], None]) -> Store:
    """A store of real nights, prepared as a folder, after a change of its recordings."""

    def changed(rows: list[dict[str, object]]) -> None:
        for row in rows:
            row["is_synthetic"] = False
        change(rows)

    store = with_index(store_dir, to, changed)
    index = json.loads((to / "index.json").read_text())
    (to / "index.json").write_text(json.dumps(index | {"corpus": "folder"}))
    return Store.open(store.path)


def other_signals(rows: list[dict[str, object]]) -> None:
    """Other nights: nothing but the subjects' names is as it was."""
    for row in rows:
        row |= {key: f"other {row[key]}" for key in ("source_sha256", "signal_sha256")}


LEARNED, HELD_OUT = (
    Fold(name="a", train=("0", "1"), validation=("2",), test=("3",)),
    Fold(name="b", train=("3",), validation=("4",), test=("1",)),
)


def test_one_synthetic_night_in_a_store_makes_no_stranger_of_its_people(store_dir: Path, tmp_path: Path) -> None:
    def with_a_synthetic_night(rows: list[dict[str, object]]) -> None:
        other_signals(rows)
        rows[-1]["is_synthetic"] = True

    first = folder_of(store_dir, tmp_path / "first", lambda _: None)
    second = folder_of(store_dir, tmp_path / "second", with_a_synthetic_night)
    assert second.is_synthetic
    for learned, now in ((first, second), (second, first)):
        with pytest.raises(LeakError, match="learned from subjects that b holds out: 1"):
            refuse_leak_from(ancestor_of(learned, LEARNED), tmp_path, now, HELD_OUT)


def test_two_synthetic_cohorts_share_names_and_nobody(store_dir: Path, tmp_path: Path) -> None:
    first, second = Store.open(store_dir), with_index(store_dir, tmp_path / "second", other_signals)
    refuse_leak_from(ancestor_of(first, LEARNED), tmp_path, second, HELD_OUT)


def test_a_synthetic_store_that_grew_by_a_night_holds_the_nights_it_held(store_dir: Path, tmp_path: Path) -> None:
    fewer = with_index(store_dir, tmp_path / "fewer", lambda rows: rows.pop())
    with pytest.raises(LeakError, match=r"learned from recordings that b holds out: SC401"):
        refuse_leak_from(ancestor_of(fewer, LEARNED), tmp_path, Store.open(store_dir), HELD_OUT)


def test_a_recording_is_known_under_another_subject_and_in_another_corpus(store_dir: Path, tmp_path: Path) -> None:
    def renamed(rows: list[dict[str, object]]) -> None:
        for row in rows:
            row["subject"] = f"person {row['subject']}"

    learned = ancestor_of(laboratory(store_dir, tmp_path / "edf", "sleep-edf-20", "a"), LEARNED)
    store = folder_of(store_dir, tmp_path / "renamed", renamed)
    held_out = Fold(name="b", train=("person 3",), validation=("person 4",), test=("person 1",))
    for same_names in ("same_people", "other_people"):
        with pytest.raises(LeakError, match=r"learned from recordings that b holds out: SC401"):
            refuse_leak_from(learned, tmp_path, store, held_out, same_names=same_names)  # type: ignore[arg-type]
    fine = Fold(name="c", train=("person 0", "person 1"), validation=("person 2",), test=("person 3",))
    refuse_leak_from(learned, tmp_path, store, fine)


def test_another_night_of_a_sleep_edf_subject_is_known_by_its_name(store_dir: Path, tmp_path: Path) -> None:
    def second_nights(rows: list[dict[str, object]]) -> None:
        other_signals(rows)
        for row in rows:
            old = str(row["name"])
            row |= {"subject": f"person {row['subject']}", "name": f"{old[:5]}2{old[6:]}"}
            (tmp_path / "second" / f"{old}.i16").rename(tmp_path / "second" / f"{row['name']}.i16")

    learned = ancestor_of(laboratory(store_dir, tmp_path / "edf", "sleep-edf-20", "a"), LEARNED)
    store = folder_of(store_dir, tmp_path / "second", second_nights)
    held_out = Fold(name="b", train=("person 3",), validation=("person 4",), test=("person 1",))
    with pytest.raises(LeakError, match=r"learned from recordings that b holds out: SC4012"):
        refuse_leak_from(learned, tmp_path, store, held_out)


def test_a_trained_network_keeps_by_what_its_recordings_are_known(trained: Path, store_dir: Path) -> None:
    for run in ("pretrain", "model"):
        kept = json.loads((trained / run / "config.json").read_text())["provenance"]["recordings"]
        of_training = Store.open(store_dir).recordings[2]
        assert of_training.source_sha256[:16] in kept["train"]
        assert of_training.subject in kept["synthetic_subjects"]
