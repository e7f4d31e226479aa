"""What a hypnogram file's name says: which recording it is of, and which subject."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

# Words that say what a file is, not of which night.
_KIND: Final = (
    "hypnogram|hypnograms|hypno|hyp|psg|eeg|events|stages|stage|staging|sleepstages|sleepstage|scoring|scorings|scored"
    "|scores|score|annotations|annotation|annot|nsrr|profusion|xml|edf|csv|txt|json|yasa|luna|bids|manual|expert"
    "|consensus|predicted|prediction|predictions|reference"
)
_ENDING: Final = re.compile(rf"[-_. ]+(?:{_KIND})$", re.IGNORECASE)
_KIND_ONLY: Final = re.compile(rf"(?:{_KIND})(?:[-_. ](?:{_KIND}))*", re.IGNORECASE)
# Sleep-EDF Expanded: corpus, subject, night; then letters for recorder and scorer, which differ within a pair.
_SLEEP_EDF: Final = re.compile(r"(sc4|st7)(\d\d)(\d)[a-z][a-z0-9]", re.IGNORECASE)
_BIDS: Final = re.compile(r"sub-[a-z0-9]+(?:_[a-z]+-[a-z0-9]+)*", re.IGNORECASE)
# The subject of recordings of NSRR cohorts that were repeated after years.
_NSRR: Final = re.compile(r"(?:shhs\d|mros-visit\d|chat-(?:baseline|followup))-(\w+)", re.IGNORECASE)
# BIDS entities that tell nights apart; the others (task, acq, desc …) tell views of one night.
_BIDS_NIGHT: Final = ("sub", "ses", "run")


def recording_name(path: Path) -> str:
    """Name of the recording a file is of: its stem without words such as ``-Hypnogram`` or ``_events``.

    A file whose name says only what it is, as ``NIGHT/hypnogram.csv``, is called after its folder.
    """
    stem = path.name
    for suffix in reversed(path.suffixes):
        if re.fullmatch(rf"\.(?:{_KIND}|tsv|npz|eannot|hyp)", suffix, re.IGNORECASE):
            stem = stem.removesuffix(suffix)
    if _KIND_ONLY.fullmatch(stem) and path.resolve().parent.name:
        stem = path.resolve().parent.name
    if match := _BIDS.match(stem):
        return match[0]
    while (shorter := _ENDING.sub("", stem)) not in (stem, ""):
        stem = shorter
    return stem


def night_name(name: str) -> str:
    """The part of a recording's name that both files of a pair share: Sleep-EDF's night, BIDS subject and session."""
    if match := _SLEEP_EDF.fullmatch(name):
        return "".join(match.groups()).lower()
    if _BIDS.fullmatch(name):
        entities = dict(part.split("-", 1) for part in name.lower().split("_"))
        return "_".join(f"{key}-{entities[key]}" for key in _BIDS_NIGHT if key in entities)
    return name.lower()


def subject_name(name: str) -> str:
    """Subject of a recording where its name says so, as Sleep-EDF's, BIDS and SHHS names do; else the recording."""
    if match := _SLEEP_EDF.fullmatch(name):
        return match[1].upper() + match[2]
    if _BIDS.fullmatch(name):
        return name.split("_", 1)[0]
    if match := _NSRR.fullmatch(name):
        return match[1]
    return name


def pair_names(left: Sequence[str], right: Sequence[str]) -> dict[str, str]:
    """Which recording of one folder is which of another, by name.

    First equal names, then equal nights (`night_name`), then names that are another one and more after a ``-``,
    ``_``, ``.`` or space. Each step takes only what is unambiguous on both sides.

    Returns
    -------
    pairs
        From names on the left to names on the right; what has no counterpart is left out.
    """
    pairs: dict[str, str] = {}
    for key in (str, night_name):
        _pair_equal(pairs, _rest(left, pairs.keys()), _rest(right, pairs.values()), key)
    left_rest, right_rest = _rest(left, pairs.keys()), _rest(right, pairs.values())
    candidates = [*_beginnings(left_rest, right_rest)]
    candidates += [(first, second) for second, first in _beginnings(right_rest, left_rest)]
    n_left, n_right = Counter(first for first, _ in candidates), Counter(second for _, second in candidates)
    pairs |= {first: second for first, second in candidates if n_left[first] == n_right[second] == 1}
    return pairs


def _beginnings(shorter: Sequence[str], longer: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Every name with every other one that is this name and more after a ``-``, ``_``, ``.`` or space."""
    by_night: dict[str, list[str]] = {}
    for name in shorter:
        by_night.setdefault(night_name(name), []).append(name)
    for name in longer:
        for beginning in {night_name(name[: place.start()]) for place in re.finditer(r"[-_. ]", name)}:
            yield from ((short, name) for short in by_night.get(beginning, []))


def _rest(names: Sequence[str], taken: Iterable[str]) -> list[str]:
    used = set(taken)
    return [name for name in names if name not in used]


def _pair_equal(pairs: dict[str, str], left: Sequence[str], right: Sequence[str], key: Callable[[str], str]) -> None:
    by_key: tuple[dict[str, list[str]], dict[str, list[str]]] = ({}, {})
    for side, names in zip(by_key, (left, right), strict=True):
        for name in names:
            side.setdefault(key(name), []).append(name)
    for found, names in by_key[0].items():
        others = by_key[1].get(found, [])
        if len(names) == len(others) == 1:
            pairs[names[0]] = others[0]
