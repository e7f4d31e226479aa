"""Which EEG channel to score, and why."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.signals.units import is_another_quantity, is_voltage

# Best first: the training corpora's own derivations, then AASM's recommended ones. M1, M2 and A1, A2 are the
# same mastoids. EEG alone is what SHHS calls C4-A1, and EEG(sec) its C3-A2.
_RANKED: Final = (
    ("Fpz-Cz", ("FPZCZ",)),
    ("C4-M1", ("C4M1", "C4A1")),
    ("C3-M2", ("C3M2", "C3A2")),
    ("F4-M1", ("F4M1", "F4A1")),
    ("F3-M2", ("F3M2", "F3A2")),
    ("O2-M1", ("O2M1", "O2A1")),
    ("O1-M2", ("O1M2", "O1A2")),
    ("Pz-Oz", ("PZOZ",)),
    ("SHHS's C4-A1", ("EEG",)),
    ("SHHS's C3-A2", ("SEC", "2")),
)
_ELECTRODE: Final = r"(?:FP|AF|F|FC|FT|C|CP|T|TP|P|PO|O)(?:Z|\d{1,2})"
_BARE_ELECTRODE: Final = re.compile(_ELECTRODE)
_DERIVATION: Final = re.compile(rf"{_ELECTRODE}(?:{_ELECTRODE}|[AM][12]|M1M2|A1A2|REF|AVG|LE)?")
_EEG_PREFIX: Final = re.compile(r"EEG(?![A-Z0-9])|EEG(?=2$)")
# An occipital electrode, or oxygen: where nothing but the unit can tell.
_MAYBE_OXYGEN: Final = frozenset({"O2", "PO2"})
_NOT_EEG: Final = re.compile(r"EOG|EMG|ECG|EKG|RESP|IMP|EVENT|MARK|STATUS")


def choose_channel(where: Path, labels: Sequence[str], units: Sequence[str]) -> tuple[str, str]:
    """Choose the channel to score.

    A channel in a unit that is no voltage is never chosen, and a bare electrode such as C3 only where the file has
    nothing better; a bare O2, which is oxygen as often, must besides be in volts.

    Parameters
    ----------
    where
        The file, named in the error.
    labels, units
        The file's channel labels and their units, in order.

    Returns
    -------
    tuple
        The label as the file spells it, and why it was chosen.

    Raises
    ------
    InputError
        If no label is that of an EEG channel.
    """
    unit_of = dict(zip(reversed(labels), reversed(units), strict=True))
    candidates = {label: key for label in labels if (key := _key(label)) and not is_another_quantity(unit_of[label])}
    for rank, (name, keys) in enumerate(_RANKED):
        for label, key in candidates.items():
            if key in keys:
                return label, f"{name} is choice {rank + 1} of {len(_RANKED)} and the best this file has"
    for label, key in candidates.items():
        if _EEG_PREFIX.match(label.strip().upper()) or not _BARE_ELECTRODE.fullmatch(key):
            return label, "the first EEG channel of the file, which has none of the usual derivations"
    for label, key in candidates.items():
        if key not in _MAYBE_OXYGEN or is_voltage(unit_of[label]):
            return label, "the first electrode of the file, which has no derivations"
    raise InputError(where, "no EEG channel", f"Name one with --channel. It has {listed(labels)}")


def find_channel(where: Path, labels: Sequence[str], wanted: str) -> str:
    """Find the channel somebody asked for: spelled exactly so, or else the only one that means the same.

    Raises
    ------
    InputError
        If no label matches, or several do.
    """
    if wanted in labels:
        return wanted
    matches = [label for label in dict.fromkeys(labels) if _key(label) == _key(wanted) != ""]
    if len(matches) == 1:
        return matches[0]
    raise InputError(where, f"no channel '{wanted}'", f"Choose from {listed(matches or labels)}")


def listed(labels: Sequence[str]) -> str:
    """Labels for an error text: quoted, in the file's order."""
    return ", ".join(f"'{label}'" for label in labels) or "no channels at all"


def _key(label: str) -> str:
    """What remains of a label when case, punctuation and the prefix EEG do not count; "" if it is not EEG."""
    label = label.strip().upper()
    if _NOT_EEG.search(label):
        return ""
    bare = re.sub(r"[^A-Z0-9]", "", _EEG_PREFIX.sub("", label, count=1))
    # "EEG" alone is a name; a bare 2 or SEC is one only behind EEG.
    if _EEG_PREFIX.match(label):
        return bare or "EEG"
    return bare if _DERIVATION.fullmatch(bare) else ""
