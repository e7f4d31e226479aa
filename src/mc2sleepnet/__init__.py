"""mc2sleepnet: from one EEG channel of a night to a hypnogram you can trust and check."""

from importlib.metadata import version

__version__ = version("mc2sleepnet")
