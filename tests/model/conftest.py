"""Networks of these tests have the same weights every time."""

import pytest
import torch


@pytest.fixture(autouse=True, scope="module")
def _same_weights_every_time() -> None:
    torch.manual_seed(0)
