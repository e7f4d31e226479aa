"""Whole experiments as functions: what data, which network, how long, and what came out."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mc2sleepnet.recipes.demonstration import DemoResult, DemoSize, demo
    from mc2sleepnet.recipes.protocols import shhs, sleep_edf_20, sleep_edf_78, smoke
    from mc2sleepnet.recipes.single_fold import finetune_fold, open_fold, pretrain_fold, refuse_to_overwrite

__all__ = [
    "DemoResult",
    "DemoSize",
    "demo",
    "finetune_fold",
    "open_fold",
    "pretrain_fold",
    "refuse_to_overwrite",
    "shhs",
    "sleep_edf_20",
    "sleep_edf_78",
    "smoke",
]
_HOME = {
    "demonstration": ("DemoResult", "DemoSize", "demo"),
    "protocols": ("shhs", "sleep_edf_20", "sleep_edf_78", "smoke"),
    "single_fold": ("finetune_fold", "open_fold", "pretrain_fold", "refuse_to_overwrite"),
}


def __getattr__(name: str) -> object:
    """Load a recipe when it is first asked for: one that only trains needs no more than training does."""
    for home, names in _HOME.items():
        if name in names:
            return getattr(import_module(f"mc2sleepnet.recipes.{home}"), name)
    raise AttributeError(f"module 'mc2sleepnet.recipes' has no attribute '{name}'")
