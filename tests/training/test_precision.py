"""bf16 autocast follows float32 within a stated tolerance; what is judged and scored is float32 in any case."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from mc2sleepnet.model.precision import autocast
from mc2sleepnet.recipes import finetune_fold, pretrain_fold
from mc2sleepnet.training.fold_data import FoldData
from mc2sleepnet.training.loop import Phase
from mc2sleepnet.training.seeding import keyed_generator, seeded_torch

# bfloat16 keeps 8 bits: single products are off by 0.4 %, and a loss averages thousands of them.
LOSS_TOLERANCE = 0.03
GRADIENT_COSINE = 0.95
CPU = torch.device("cpu")


def loss_of(phase: Phase, indices: torch.Tensor, seed: int) -> tuple[torch.Tensor, dict[str, float]]:
    masking = keyed_generator(seed, "masking")
    loss, terms = phase.loss(phase.batch(indices, masking))
    return loss, {name: term.item() for name, term in terms.items()}


@pytest.mark.parametrize("phase_name", ["pretraining", "self-supervised", "finetuning"])
def test_a_bf16_step_follows_float32(
    fold_data: FoldData, make_pretraining: Callable[..., Any], make_finetuning: Callable[..., Any], phase_name: str
) -> None:
    """Every term within 3 %, and the whole gradient within 18 degrees."""
    found = {}
    for precision in ("float32", "bf16"):
        if phase_name == "finetuning":
            phase = make_finetuning(backbones="trained")
        else:
            phase = make_pretraining(pretrain_supervision="stages" if phase_name == "pretraining" else "none")
        phase.enter_training()
        indices = torch.from_numpy(fold_data.sequences("training", length=16)[:8])
        with seeded_torch(0, "dropout"), autocast(CPU, precision):  # type: ignore[arg-type]
            loss, terms = loss_of(phase, indices, 0)
        loss.backward()
        assert loss.dtype == torch.float32
        gradient = torch.cat([p.grad.flatten() for p in phase.parameters() if p.grad is not None])
        found[precision] = terms, gradient
    for name, term in found["float32"][0].items():
        assert found["bf16"][0][name] == pytest.approx(term, rel=LOSS_TOLERANCE), name
    one, other = found["float32"][1], found["bf16"][1]
    assert torch.isfinite(other).all()
    assert not torch.equal(one, other)
    assert torch.nn.functional.cosine_similarity(one, other, dim=0) > GRADIENT_COSINE


def test_both_phases_learn_in_bf16_and_say_so(store_dir: Path, tmp_path: Path) -> None:
    loop = ["max_steps=4", "validate_every_steps=2", "batch_sequences=8", "precision=bf16"]
    shape = ["width=0.125", "spectrogram_layers=1", "sequence_layers=1"]
    options = {"fold": 1, "preset": "paper", "resume": False}
    pretrain_fold(store_dir, tmp_path / "pretrain", assignments=[*loop, *shape], **options)  # type: ignore[arg-type]
    finetune_fold(store_dir, tmp_path / "pretrain", tmp_path / "model", assignments=loop, **options)  # type: ignore[arg-type]
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    assert config["provenance"]["loop"]["precision"] == "bf16"
    weights = torch.load(tmp_path / "pretrain" / "resume.pt", weights_only=True)["module"]
    assert all(value.dtype == torch.float32 for value in weights.values() if value.is_floating_point())
