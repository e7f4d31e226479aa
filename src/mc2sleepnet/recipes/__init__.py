"""Whole experiments as functions: what data, which network, how long, and what came out."""

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
