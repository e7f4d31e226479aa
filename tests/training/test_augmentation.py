"""SleePyCo's augmentations: each does what its name says to the signal, and only that; drawn by the example."""

import signal as system_signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import signal
from torch import Tensor

from mc2sleepnet.core.model_folder import file_sha256
from mc2sleepnet.core.progress import Advance
from mc2sleepnet.model.ranks import Ranks, Share
from mc2sleepnet.recipes import finetune_fold, pretrain_fold
from mc2sleepnet.recipes.single_fold import finetuning_stride
from mc2sleepnet.training.augmentation import (
    MASK_RANGE_SAMPLES,
    NOISE_RANGE_UV,
    OFFSET_RANGE_UV,
    SCALE_RANGE,
    SHIFT_RANGE_SAMPLES,
    STOP_RANGE_HZ,
    add_noise,
    add_offset,
    augment,
    augmented_batch,
    mask_with_zeros,
    scale_amplitude,
    shift_time,
    stop_band,
)
from mc2sleepnet.training.cached_tokens import CachedTokens
from mc2sleepnet.training.finetuning import FinetuneOptions
from mc2sleepnet.training.fold_data import FoldData
from mc2sleepnet.training.loop import LoopOptions
from mc2sleepnet.training.presets import PRESETS
from mc2sleepnet.training.resume import RESUME_FILE
from mc2sleepnet.training.row_generator import RowGenerator, keys_of_examples
from mc2sleepnet.training.seeding import keyed_generator, seeded_torch

Make = Callable[..., Any]
T, HZ = 3000, 100
SHAPE = ["width=0.125", "spectrogram_layers=1", "sequence_layers=1", "batch_sequences=4", "validate_every_steps=2"]
AUGMENTED = [*SHAPE, "max_steps=4", "augmentation=sleepyco"]


def noise_uv(n: int = 4, seed: int = 0, scale: float = 30) -> Tensor:
    return scale * torch.randn(n, T, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def column(*values: float) -> Tensor:
    return torch.tensor(values)[:, None]


def power(signal_uv: Tensor) -> Tensor:
    return torch.fft.rfft(signal_uv).abs().square()


def tone(hz: float) -> Tensor:
    return torch.sin(2 * torch.pi * hz * torch.arange(T, dtype=torch.float64) / HZ)[None]


def keys(n: int, seed: int = 0) -> Tensor:
    return torch.randint(2**62, (n,), generator=torch.Generator().manual_seed(seed))


def test_amplitude_scales_the_power_spectrum_by_the_square_of_the_factor() -> None:
    signal_uv, factor = noise_uv(), column(0.5, 1, 1.7, 2).double()
    torch.testing.assert_close(power(scale_amplitude(signal_uv, factor)), factor.square() * power(signal_uv))


def test_a_time_shift_moves_an_event_by_its_samples_and_keeps_its_spectrum() -> None:
    burst = torch.zeros(3, T, dtype=torch.float64)
    burst[:, 1000:1200] = noise_uv(3)[:, :200]
    moved = shift_time(burst, torch.tensor([[-300], [0], [123]]))
    for row, by in enumerate((-300, 0, 123)):
        assert moved[row, 1000 + by : 1200 + by].equal(burst[row, 1000:1200])
    torch.testing.assert_close(power(moved), power(burst))


def test_what_a_time_shift_moves_out_does_not_come_back_at_the_other_end() -> None:
    signal_uv = noise_uv(2)
    moved = shift_time(signal_uv, torch.tensor([[200], [-200]]))
    assert bool((moved[0, :200] == 0).all() and (moved[1, -200:] == 0).all())
    assert moved[0, 200:].equal(signal_uv[0, :-200])
    assert moved[1, :-200].equal(signal_uv[1, 200:])


def test_an_offset_changes_the_mean_and_nothing_else() -> None:
    signal_uv, offset_uv = noise_uv(), column(-10, 0, 4, 10).double()
    moved = add_offset(signal_uv, offset_uv)
    torch.testing.assert_close(moved.mean(dim=1) - signal_uv.mean(dim=1), offset_uv[:, 0])
    torch.testing.assert_close(power(moved)[:, 1:], power(signal_uv)[:, 1:])


def test_a_zero_mask_zeroes_its_stretch_and_nothing_else() -> None:
    signal_uv = noise_uv()
    stretches = [(0, 300), (2700, 300), (1234, 1), (2999, 0)]
    start, length = (torch.tensor(numbers)[:, None] for numbers in zip(*stretches, strict=True))
    masked = mask_with_zeros(signal_uv, start, length)
    for row, (first, n) in enumerate(stretches):
        assert (masked[row] == 0).nonzero()[:, 0].tolist() == list(range(first, first + n))
        is_kept = masked[row] != 0
        assert masked[row][is_kept].equal(signal_uv[row][is_kept])


def test_noise_adds_white_power_of_the_square_of_its_deviation() -> None:
    signal_uv, deviation_uv = noise_uv(), column(0, 0.05, 0.1, 0.2).double()
    added = add_noise(signal_uv, deviation_uv, RowGenerator(keys(4)).normal(T)) - signal_uv
    assert added[0].abs().max() == 0
    for row in (1, 2, 3):
        assert float(added[row].square().mean()) == pytest.approx(float(deviation_uv[row, 0]) ** 2, rel=0.1)
        low, high = power(added[row])[1:750].mean(), power(added[row])[750:1500].mean()
        assert float(low / high) == pytest.approx(1, rel=0.2)
    assert abs(float(torch.corrcoef(added[1:])[0, 1])) < 0.08


@pytest.mark.parametrize("low_hz", [0.5, 3, 11, 30])
def test_a_band_stop_removes_its_band_and_leaves_the_rest(low_hz: float) -> None:
    def gain_db(hz: float) -> float:
        settled = stop_band(tone(hz), column(low_hz))[0, 500:]
        return float(10 * torch.log10(settled.square().mean() / tone(hz)[0, 500:].square().mean()))

    middle_hz = low_hz + 1
    assert gain_db(middle_hz) < -40
    if low_hz > 2:
        assert gain_db(low_hz) == pytest.approx(-3, abs=0.7)  # a digital filter's edges are a little askew
        assert gain_db(low_hz + 2) == pytest.approx(-3, abs=0.7)
    for far_hz in (middle_hz - 8, middle_hz + 8, 48):
        if far_hz > 0:
            assert gain_db(far_hz) > -0.2
    white = noise_uv(64)
    kept = power(stop_band(white, torch.full((64, 1), low_hz))).mean(dim=0) / power(white).mean(dim=0)
    hz = torch.fft.rfftfreq(T, 1 / HZ)
    assert float(kept[(hz - middle_hz).abs() < 1].mean()) == pytest.approx(1 - torch.pi / 4, abs=0.08)
    assert float(kept[(hz - middle_hz).abs() > 6].mean()) > 0.97


def test_a_band_stop_is_scipys_notch_from_rest_about_the_mean() -> None:
    signal_uv, low_hz = noise_uv(4) + 250, column(0.5, 4, 17.3, 30)
    for dtype, tolerance in ((torch.float64, 1e-10), (torch.float32, 1e-4)):
        filtered = stop_band(signal_uv.to(dtype), low_hz)
        for row in range(4):
            middle_hz, mean_uv = float(low_hz[row, 0].double()) + 1, signal_uv[row].numpy().mean()
            b, a = signal.iirnotch(middle_hz, middle_hz / 2, fs=HZ)
            expected = signal.lfilter(b, a, signal_uv[row].numpy() - mean_uv) + mean_uv
            np.testing.assert_allclose(filtered[row].numpy(), expected, atol=tolerance)


def test_an_epoch_that_meets_nothing_stays_to_the_bit_and_the_share_that_does_is_the_probability() -> None:
    signal_uv = noise_uv(2000, scale=5).float()
    assert augment(signal_uv, RowGenerator(keys(2000)), 0.0).equal(signal_uv)
    untouched = (augment(signal_uv, RowGenerator(keys(2000)), 0.5) == signal_uv).all(dim=1)
    assert float(untouched.float().mean()) == pytest.approx(0.5**6, abs=0.01)


def test_each_is_drawn_over_its_whole_range(monkeypatch: pytest.MonkeyPatch) -> None:
    found: dict[str, Tensor] = {}
    named = (scale_amplitude, shift_time, add_offset, mask_with_zeros, add_noise, stop_band)

    def watched(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def call(signal_uv: Tensor, *numbers: Tensor) -> Tensor:
            found[function.__name__] = numbers[min(1, len(numbers) - 1)] if function is mask_with_zeros else numbers[0]
            return function(signal_uv, *numbers)

        return call

    for function in named:
        monkeypatch.setattr(f"mc2sleepnet.training.augmentation.{function.__name__}", watched(function))
    augment(noise_uv(3000).float(), RowGenerator(keys(3000)), 1.0)
    ranges = (SCALE_RANGE, SHIFT_RANGE_SAMPLES, OFFSET_RANGE_UV, MASK_RANGE_SAMPLES, NOISE_RANGE_UV, STOP_RANGE_HZ)
    for function, (low, high) in zip(named, ranges, strict=True):
        numbers, width = found[function.__name__].double(), high - low
        assert low <= float(numbers.min()) < low + width / 100, function.__name__
        assert high - width / 100 < float(numbers.max()) <= high, function.__name__
        assert float(numbers.mean()) == pytest.approx((low + high) / 2, abs=width / 30), function.__name__


@pytest.mark.parametrize("world", [2, 3, 7])
def test_ranks_draw_what_one_would_draw_for_their_rows(world: int) -> None:
    signal_uv = noise_uv(5 * 4).reshape(5, 4, T)
    of_examples = keys_of_examples(signal_uv[:, :, 0], seed=1, purpose="augmentation", step=2)
    whole = augmented_batch(signal_uv, of_examples, 0.5)
    assert whole.equal(augmented_batch(signal_uv, of_examples, 0.5))
    parts = []
    for rank in range(world):
        share = Share(Ranks(rank, world), 5)
        parts.append(augmented_batch(share.own(signal_uv, fill=0), share.own(of_examples, fill=0), 0.5))
    torch.testing.assert_close(torch.cat(parts)[:5], whole, rtol=1e-12, atol=1e-12)
    other = keys_of_examples(signal_uv[:, :, 0], seed=1, purpose="augmentation", step=3)
    assert not augmented_batch(signal_uv, other, 0.5).equal(whole)


def loss_of(phase: Any, indices: Tensor, keys_of_step: Tensor | None) -> float:
    masking = keyed_generator(0, "masking")
    phase.enter_training()
    with seeded_torch(0, "dropout"):
        batch = phase.batch(indices, masking)._replace(keys=keys_of_step)
        return float(phase.loss(batch)[0].detach())


def test_pretraining_learns_from_changed_signals_and_is_judged_by_the_signals_as_they_are(
    fold_data: FoldData, make_pretraining: Make
) -> None:
    phase = make_pretraining()
    indices = torch.from_numpy(fold_data.sequences("training", length=16)[:3])
    step = [keys_of_examples(indices, seed=0, purpose="augmentation", step=number) for number in (0, 1)]
    losses = [loss_of(make_pretraining(), indices, of_step) for of_step in (None, step[0], step[0], step[1])]
    assert losses[1] == losses[2]
    assert len(set(losses)) == 3
    before = phase.validate()
    phase.loop = replace(phase.loop, augmentation="sleepyco", augmentation_probability=1.0)
    assert phase.validate() == before


def test_frozen_finetuning_encodes_what_is_augmented_in_every_step_with_backbones_that_stand_still(
    fold_data: FoldData, make_finetuning: Make
) -> None:
    kept, plain = make_finetuning(), make_finetuning()
    loop = replace(plain.loop, augmentation="sleepyco")
    phase = type(plain)(plain.network, fold_data, FinetuneOptions(), loop=loop, keep=lambda *_: None)
    assert isinstance(kept.inputs, CachedTokens)
    assert not isinstance(phase.inputs, CachedTokens)
    assert phase.validation_tokens() is phase.validation_tokens()
    indices = torch.from_numpy(fold_data.sequences("training", length=16)[:3])
    step = [keys_of_examples(indices, seed=0, purpose="augmentation", step=number) for number in (0, 1)]
    assert loss_of(phase, indices, step[0]) != loss_of(phase, indices, step[1])
    # Unchanged signals give the tokens that are kept without augmentation.
    assert loss_of(phase, indices, None) == pytest.approx(loss_of(kept, indices, None), rel=1e-5)
    before = {name: buffer.clone() for name, buffer in phase.network.signal_backbone.named_buffers()}
    masking = keyed_generator(0, "masking")
    phase.enter_training()
    phase.loss(phase.batch(indices, masking)._replace(keys=step[0]))[0].backward()
    assert all(buffer.equal(before[name]) for name, buffer in phase.network.signal_backbone.named_buffers())
    assert all(parameter.grad is None for part in phase.network.backbones() for parameter in part.parameters())


def test_augmentation_is_off_by_default_and_in_every_preset() -> None:
    assert LoopOptions().augmentation == "none"
    assert not any("augmentation" in preset for preset in PRESETS.values())
    for wrong in (-0.1, 0, 1.1, float("nan")):
        with pytest.raises(ValueError, match="augmentation_probability"):
            LoopOptions(augmentation_probability=wrong)


def test_sequences_overlap_in_finetuning_only_where_tokens_are_kept() -> None:
    assert finetuning_stride({}) == {"sequence_stride": 4}
    assert finetuning_stride({"augmentation": "sleepyco"}) == finetuning_stride({"backbones": "trained"}) == {}


@contextmanager
def ctrl_c_at_step_3(name: str) -> Iterator[Advance]:
    def advance(done: int, _total: int, _detail: str) -> None:
        if name in ("pre-training", "fine-tuning") and done == 3:
            system_signal.raise_signal(system_signal.SIGINT)

    yield advance


@pytest.mark.usefixtures("_copied_graphs")
def test_both_phases_resume_to_the_bit_with_augmentation(store_dir: Path, tmp_path: Path) -> None:
    chosen = {"fold": 1, "preset": "paper", "assignments": AUGMENTED}
    frozen = {"fold": 1, "preset": None, "assignments": [one for one in AUGMENTED if "_layers" not in one][1:]}
    pretrained = tmp_path / "whole"
    for out, watched in ((pretrained, False), (tmp_path / "cut", True)):
        if watched:
            with pytest.raises(KeyboardInterrupt):
                pretrain_fold(store_dir, out, resume=False, step=ctrl_c_at_step_3, **chosen)
        pretrain_fold(store_dir, out, resume=watched, **chosen)
        tuned = out / "model"
        if watched:
            with pytest.raises(KeyboardInterrupt):
                finetune_fold(store_dir, pretrained, tuned, resume=False, step=ctrl_c_at_step_3, **frozen)
        finetune_fold(store_dir, pretrained, tuned, resume=watched, **frozen)
    plain = tmp_path / "plain"
    pretrain_fold(store_dir, plain, resume=False, **(chosen | {"assignments": AUGMENTED[:-1]}))
    for phase in (".", "model"):
        one, two = (
            torch.load(tmp_path / run / phase / RESUME_FILE, weights_only=True)["module"] for run in ("whole", "cut")
        )
        assert all(weights.equal(two[name]) for name, weights in one.items())
        hashes = {file_sha256(tmp_path / run / phase / "model.safetensors") for run in ("whole", "cut")}
        assert len(hashes) == 1
    assert file_sha256(plain / "model.safetensors") != file_sha256(pretrained / "model.safetensors")
