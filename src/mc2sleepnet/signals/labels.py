"""What a channel's label says: an EEG electrode and its reference, in whichever vendor's spelling."""

import re
from dataclasses import dataclass
from typing import Final

_SITE: Final = r"(?:FP|AFF|AF|F|FFT|FC|FT|C|CP|T|TP|P|PO|O)(?:Z|10|[1-9])"
# M1, M2 and A1, A2 are the same mastoids; what stands for both ears, the average or a machine's own reference.
_MASTOID: Final = r"[AM][12]"
_BOTH: Final = r"(?:M1M2|A1A2|M2M1|A2A1|LE|LER|CLE|LM|LINK(?:ED)?(?:EARS?|MASTOIDS?)?|EARS?|MASTOIDS?)2?"
_COMMON: Final = r"(?:REF|REFERENCE|AVG|AV|AVE|AR|CAR|COM|X)"
_DERIVATION: Final = re.compile(
    rf"(?P<site>{_SITE})(?P<reference>{_SITE}|{_MASTOID}|{_BOTH}|{_COMMON})?|(?P<ear>{_MASTOID})(?P<of>{_MASTOID}|{_COMMON}|{_BOTH})?"
)
# Older names of the same places.
_SAME_PLACE: Final = {"T3": "T7", "T4": "T8", "T5": "P7", "T6": "P8", "A1": "M1", "A2": "M2"}
_EEG_PREFIX: Final = re.compile(r"EEG(?![A-Z])")
# Words that no EEG channel's label holds, whatever else stands in it.
_NOT_EEG: Final = re.compile(
    r"EOG|EMG|ECG|EKG|RESP|IMP|EVENT|MARK|STAT(?:US)?|TRIG|SNOR|FLOW|THOR|ABD|SPO2|SAO2|PULS|PLETH|TEMP|CHIN|LEG|TIB"
    r"|\bE[12](?!\d)|LIGHT|AUDIO|SOUND|POSI|CPAP|PHOTIC|ROC|LOC|BURST|SUPPR|RLC|LUC|OSAT|\bDC|\bHR\b|BATT|ACC|HYPNO|STAGE|%"
)
# An analyser's suffix: "C4-M1 0.3-35Hz", "C4-A1-0", "C4-M1-128".
_SUFFIX: Final = re.compile(r"(?<=[A-Z0-9])(?:[ _]+\d+(?:\.\d+)?-\d+(?:\.\d+)? ?HZ|-\d{1,3})$")


@dataclass(frozen=True, kw_only=True)
class EegLabel:
    """An EEG channel's label, understood.

    Attributes
    ----------
    site
        Electrode such as ``C4``, or ``M1``; "" where the label says EEG and no more.
    reference
        Electrode, ``both`` for linked ears or mastoids, ``common`` for a recorder's own reference, or "" where the
        label does not say.
    name
        What follows the word EEG where there is no electrode: "", ``SEC``, ``2`` or anything else.
    says_eeg
        Whether the label begins with the word.
    """

    site: str
    reference: str
    name: str
    says_eeg: bool

    @property
    def is_ear(self) -> bool:
        """Whether it is an ear's or mastoid's own channel, which is a reference and no EEG to stage by."""
        return self.site in {"M1", "M2"}

    @property
    def is_single(self) -> bool:
        """Whether its reference is unknown or the recorder's own, so that differences of such are derivations."""
        return bool(self.site) and self.reference in {"", "common", "both"}


def understand(label: str) -> EegLabel | None:
    """Read a label as that of an EEG channel, or an ear's; None where it is neither.

    Case, punctuation and the word EEG in front do not count: ``EEG C4-A1``, ``C4:M1``, ``c4a1`` and ``EEG-C4_M1`` are
    one derivation.
    """
    text = label.strip().upper()
    if _NOT_EEG.search(text):
        return None
    says_eeg = _EEG_PREFIX.match(text) is not None
    text = _EEG_PREFIX.sub("", text, count=1)
    text = re.sub(r"[\s(_]*EEG\)?$", "", text) if not says_eeg else text
    for spelling in dict.fromkeys((text, _SUFFIX.sub("", text))):
        bare = re.sub(r"[^A-Z0-9]", "", spelling)
        match = _DERIVATION.fullmatch(bare)
        if match:
            site, reference = match["site"] or match["ear"], match["reference"] or match["of"] or ""
            return EegLabel(site=_place(site), reference=_reference(reference), name="", says_eeg=says_eeg)
    # The recorder says EEG, which is to be believed where it says nothing else.
    return EegLabel(site="", reference="", name=re.sub(r"[^A-Z0-9]", "", text), says_eeg=True) if says_eeg else None


def _place(electrode: str) -> str:
    return _SAME_PLACE.get(electrode, electrode)


def _reference(text: str) -> str:
    if re.fullmatch(_COMMON, text):
        return "common"
    if re.fullmatch(_BOTH, text):
        return "both"
    return _place(text)
