"""Published corpora: their files, protocols and folds."""

from mc2sleepnet.corpora.folds import Fold, seeded_fold, sleep_edf_20_fold, sleep_edf_78_fold
from mc2sleepnet.corpora.prepare import Summary, prepare
from mc2sleepnet.corpora.trimming import trim_wake

__all__ = [
    "Fold",
    "Summary",
    "prepare",
    "seeded_fold",
    "sleep_edf_20_fold",
    "sleep_edf_78_fold",
    "trim_wake",
]
