"""Cross-masking hides exactly as many epochs as the method says, and only real ones."""

import math

import pytest
import torch

from mc2sleepnet.model.masking import hidden_count, hide, sample_is_masked


@pytest.mark.parametrize("ratio", [0.25, 0.3, 0.5, 0.58, 0.75])
@pytest.mark.parametrize("n_valid", range(17))
def test_the_mask_hides_exactly_the_methods_number_of_epochs(ratio: float, n_valid: int) -> None:
    expected = min(n_valid - 1, max(1, math.floor(ratio * n_valid + 0.5))) if n_valid >= 2 else 0
    is_valid = (torch.arange(16) < n_valid)[None].repeat(5, 1)
    is_masked = sample_is_masked(is_valid, ratio, torch.Generator().manual_seed(n_valid))
    assert is_masked.sum(dim=1).tolist() == 5 * [expected]
    assert not (is_masked & ~is_valid).any()
    assert hidden_count(torch.tensor([n_valid]), ratio).tolist() == [expected]


def test_every_epoch_is_hidden_equally_often() -> None:
    is_valid = torch.ones(4000, 16, dtype=torch.bool)
    share = sample_is_masked(is_valid, 0.5, torch.Generator().manual_seed(0)).float().mean(dim=0)
    torch.testing.assert_close(share, torch.full((16,), 0.5), atol=0.04, rtol=0)


def test_kept_epochs_keep_their_tokens_and_places() -> None:
    tokens = torch.randn(2, 16, 8)
    is_masked = sample_is_masked(torch.ones(2, 16, dtype=torch.bool), 0.5, torch.Generator().manual_seed(1))
    holed = hide(tokens, is_masked, torch.full((8,), 9.0))
    assert torch.equal(holed[~is_masked], tokens[~is_masked])
    assert (holed[is_masked] == 9).all()
