"""From an EDF file to 30-s epochs of one EEG channel in microvolts at 100 Hz."""

from mc2sleepnet.signals.conditioning import to_100_hz
from mc2sleepnet.signals.edf import read_recording
from mc2sleepnet.signals.epochs import cut_epochs
from mc2sleepnet.signals.night import read_channels, read_epochs

__all__ = ["cut_epochs", "read_channels", "read_epochs", "read_recording", "to_100_hz"]
