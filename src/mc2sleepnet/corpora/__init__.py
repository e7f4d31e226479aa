"""Corpora: their files, protocols and folds. What reads recordings, `prepare` and `folder`, is imported by its module:
whoever trains on a store needs neither it nor what it needs.
"""

from mc2sleepnet.corpora.folds import Fold, seeded_fold, sleep_edf_20_fold, sleep_edf_78_fold
from mc2sleepnet.corpora.splits import folds_of
from mc2sleepnet.corpora.summary import Summary
from mc2sleepnet.corpora.trimming import trim_wake

__all__ = [
    "Fold",
    "Summary",
    "folds_of",
    "seeded_fold",
    "sleep_edf_20_fold",
    "sleep_edf_78_fold",
    "trim_wake",
]
