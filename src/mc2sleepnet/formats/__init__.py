"""Hypnogram dialects, in and out."""

from mc2sleepnet.formats.csv import write_hypnogram_csv
from mc2sleepnet.formats.edfplus import write_annotations, write_hypnogram
from mc2sleepnet.formats.reading import read_hypnogram

__all__ = ["read_hypnogram", "write_annotations", "write_hypnogram", "write_hypnogram_csv"]
