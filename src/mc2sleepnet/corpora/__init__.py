"""Corpora: their files, protocols and folds."""

from mc2sleepnet.corpora.folder import FolderLayout
from mc2sleepnet.corpora.folds import Fold, seeded_fold, sleep_edf_20_fold, sleep_edf_78_fold
from mc2sleepnet.corpora.prepare import PrepareOptions, prepare
from mc2sleepnet.corpora.splits import folds_of
from mc2sleepnet.corpora.summary import Summary
from mc2sleepnet.corpora.trimming import trim_wake

__all__ = [
    "Fold",
    "FolderLayout",
    "PrepareOptions",
    "Summary",
    "folds_of",
    "prepare",
    "seeded_fold",
    "sleep_edf_20_fold",
    "sleep_edf_78_fold",
    "trim_wake",
]
