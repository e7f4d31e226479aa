"""Shapes in the signatures of the network are checked while its tests run; weights are the same every time."""

import pytest
import torch
from jaxtyping import install_import_hook

with install_import_hook(["mc2sleepnet.model"], "beartype.beartype"):
    import mc2sleepnet.model.export
    import mc2sleepnet.model.network  # noqa: F401


@pytest.fixture(autouse=True, scope="module")
def _same_weights_every_time() -> None:
    torch.manual_seed(0)
