"""Hypnogram dialects, in and out."""

from mc2sleepnet.formats.csv import write_hypnogram_csv
from mc2sleepnet.formats.edfplus import write_annotations
from mc2sleepnet.formats.reading import (
    hypnogram_columns,
    read_hypnogram,
    read_hypnograms,
    read_scored_hypnogram,
)
from mc2sleepnet.formats.registry import FILE_NAMES, FORMATS, PROVENANCE_FILE, check_format, write_hypnogram
from mc2sleepnet.formats.scored_hypnogram import ScoredHypnogram

__all__ = [
    "FILE_NAMES",
    "FORMATS",
    "PROVENANCE_FILE",
    "ScoredHypnogram",
    "check_format",
    "hypnogram_columns",
    "read_hypnogram",
    "read_hypnograms",
    "read_scored_hypnogram",
    "write_annotations",
    "write_hypnogram",
    "write_hypnogram_csv",
]
