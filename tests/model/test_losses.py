"""The losses against loops a person can check."""

import math

import pytest
import torch
from torch import Tensor

from mc2sleepnet.core.stages import UNSCORED
from mc2sleepnet.model.losses import info_nce, negative_pairs, restoration_l1, stage_cross_entropy


def info_nce_by_loops(a: Tensor, b: Tensor, epoch: list[int], temperature: float) -> float:
    def similarity(x: Tensor, y: Tensor) -> float:
        return float(x @ y / (x.norm() * y.norm())) / temperature

    total = 0.0
    for one, other in ((a, b), (b, a)):
        for i in range(len(epoch)):
            positive = math.exp(similarity(one[i], other[i]))
            negatives = sum(math.exp(similarity(one[i], other[j])) for j in range(len(epoch)) if epoch[j] != epoch[i])
            total -= math.log(positive / (positive + negatives))
    return total / (2 * len(epoch))


@pytest.mark.parametrize("temperature", [0.07, 0.5])
@pytest.mark.parametrize("epoch", [[0, 1, 2, 3, 4, 5], [0, 1, 2, 1, 2, 3]])
def test_info_nce_equals_the_double_loop(epoch: list[int], temperature: float) -> None:
    generator = torch.Generator().manual_seed(3)
    a, b = (torch.randn(len(epoch), 8, dtype=torch.float64, generator=generator) for _ in range(2))
    is_negative = negative_pairs(torch.tensor(epoch), torch.zeros(len(epoch), dtype=torch.long))
    found = info_nce(a, b, is_negative, temperature=temperature)
    assert float(found) == pytest.approx(info_nce_by_loops(a, b, epoch, temperature), abs=1e-10)


def test_an_epoch_met_twice_is_never_its_own_negative() -> None:
    is_negative = negative_pairs(torch.tensor([4, 5, 4]), torch.tensor([0, 0, 0]))
    assert is_negative.tolist() == [[False, True, False], [True, False, True], [False, True, False]]


def test_neighbours_are_skipped_within_a_recording_but_not_across() -> None:
    epoch, recording = torch.tensor([8, 9, 10, 11]), torch.tensor([0, 0, 1, 1])
    is_negative = negative_pairs(epoch, recording, skip_neighbours=True)
    assert not is_negative[0, 1]
    assert is_negative[1, 2]
    assert not is_negative[2, 3]
    assert is_negative[0, 2]


def test_aligned_embeddings_have_a_lower_loss_than_shuffled_ones() -> None:
    a = torch.randn(32, 16, generator=torch.Generator().manual_seed(0))
    is_negative = negative_pairs(torch.arange(32), torch.zeros(32, dtype=torch.long))
    assert info_nce(a, a, is_negative, temperature=0.07) < info_nce(a, a.flip(0), is_negative, temperature=0.07)


def test_restoration_counts_only_what_is_counted() -> None:
    restored, target = torch.zeros(1, 3, 2), torch.tensor([[[1.0, 1.0], [5.0, 7.0], [100.0, 100.0]]])
    is_counted = torch.tensor([[True, True, False]])
    assert float(restoration_l1(restored, target, is_counted)) == pytest.approx(14 / 4)
    assert float(restoration_l1(restored, target, is_counted, reduction="sum")) == pytest.approx(14)
    assert float(restoration_l1(restored, target, torch.zeros(1, 3, dtype=torch.bool))) == 0


def test_cross_entropy_is_the_mean_over_scored_epochs() -> None:
    logits = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(0))
    stage = torch.tensor([[0, UNSCORED, 4], [UNSCORED, 2, UNSCORED]])
    chosen = [-logits[b, place].log_softmax(0)[stage[b, place]] for b, place in ((0, 0), (0, 2), (1, 1))]
    assert float(stage_cross_entropy(logits, stage)) == pytest.approx(float(sum(chosen)) / 3, abs=1e-6)


def test_weighted_cross_entropy_is_the_mean_by_the_weight_of_each_stage() -> None:
    logits = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(0))
    stage = torch.tensor([[0, UNSCORED, 4], [UNSCORED, 2, UNSCORED]])
    weight = torch.tensor([1.0, 7.0, 2.0, 9.0, 0.5])
    chosen = [(w, -logits[at].log_softmax(0)[s]) for w, s, at in ((1.0, 0, (0, 0)), (0.5, 4, (0, 2)), (2.0, 2, (1, 1)))]
    naive = sum(float(w * loss) for w, loss in chosen) / 3.5
    assert float(stage_cross_entropy(logits, stage, weight)) == pytest.approx(naive, abs=1e-6)
    alike = torch.full((5,), 3.0)
    assert float(stage_cross_entropy(logits, stage, alike)) == pytest.approx(float(stage_cross_entropy(logits, stage)))


@pytest.mark.parametrize("weight", [None, torch.ones(5)])
def test_a_batch_without_a_scored_epoch_costs_nothing_and_moves_nothing(weight: torch.Tensor | None) -> None:
    logits = torch.randn(2, 3, 5, requires_grad=True)
    loss = stage_cross_entropy(logits, torch.full((2, 3), UNSCORED), weight)
    loss.backward()
    assert loss.item() == 0
    assert not logits.grad.any()
