"""Recordings and hypnograms of anybody's own folder, paired by their names."""

import os
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.progress import Advance
from mc2sleepnet.corpora.bids import bids_channels, is_bids_name
from mc2sleepnet.corpora.lone_hypnograms import lone_hypnograms, reads_as_hypnogram
from mc2sleepnet.corpora.pairs import Found, Pair, files_below, twice
from mc2sleepnet.corpora.patterns import compile_pattern
from mc2sleepnet.corpora.subjects import Sleeper, composed, key_of, read_subjects, sleeper_of_name, small
from mc2sleepnet.store import RESERVED_STEMS

_RECORDING_SUFFIXES: Final = (".edf", ".bdf", ".rec")
# Of equals the first is taken: what can hold nothing but stages comes before what may hold anything.
_HYPNOGRAM_SUFFIXES: Final = (".edf", ".xml", ".annot", ".tsv", ".csv", ".txt", ".eannot", ".hypno", ".json")
_RECORDING_ENDING: Final = re.compile(r"[-_. ]?(?:psg|eeg|ieeg|signals?|recording)$", re.IGNORECASE)
_HYPNOGRAM_ENDING: Final = re.compile(
    r"[-_. ]?(?:hypnograms?|hypno|hyp|nsrr|profusion|events|stages?|staging|sleep[-_]?stages?|scoring|scored|scores?"
    r"|annotations?|annot)$",
    re.IGNORECASE,
)
# Sleep-EDF's recorder and scorer stand before the endings, and differ: SC4001E0-PSG, SC4001EC-Hypnogram.
_SLEEP_EDF: Final = re.compile(r"(s[ct][47]\d{3}[a-z])[a-z0-9]", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class FolderLayout:
    """Where a folder keeps what; by default names tell.

    Attributes
    ----------
    recordings, hypnograms
        Patterns, see `mc2sleepnet.corpora.patterns.compile_pattern`; words in braces must agree within a pair. None
        takes EDF and BDF files with signals, and for each what is named like it.
    subjects
        A table, see `mc2sleepnet.corpora.subjects.read_subjects`; None lets patterns or names tell.
    """

    recordings: str | None = None
    hypnograms: str | None = None
    subjects: Path | None = None


def find_folder(
    source: Path, layout: FolderLayout, *, codes: str | None = None, advance: Advance = lambda *_: None
) -> Found:
    """Find a folder's recordings and pair them with their hypnograms.

    Parameters
    ----------
    source
        Searched with all its folders.
    layout
        Where it keeps what.
    codes
        Numbering of bare numbers in hypnograms, see `mc2sleepnet.formats.read_hypnogram`.
    advance
        Told how many of the files that may be hypnograms without a recording were looked at, of all, and the last.

    Raises
    ------
    InputError
        If the folder is missing, holds no pair, or a pattern, a table or a pair is not clear.
    """
    paths = files_below(source)
    of_recordings = _matching(source, paths, layout.recordings)
    matched = {} if layout.hypnograms is None else _matching(source, paths, layout.hypnograms)
    recordings = _recordings(of_recordings, matched, is_asked_for=layout.recordings is not None)
    if layout.hypnograms is not None:
        others = [path for path in matched if path not in recordings]
        candidates = _named_by_words(recordings, {path: matched[path] for path in others})
    else:
        others = [
            path
            for path in paths
            if path not in recordings
            and path.suffix.lower() in _HYPNOGRAM_SUFFIXES
            # The other recordings of a folder are no hypnograms.
            and (path.suffix.lower() != ".edf" or _is_hypnogram_edf(path))
        ]
        candidates = _named_alike(list(recordings), others)
    pairs = {recording: min(named, key=_rank) for recording, named in candidates.items()}
    if not pairs:
        fault = f"holds no recording with its hypnogram ({len(recordings)} recordings were found)"
        remedy = "Name files alike, such as night.edf and night.xml, or give --recordings and --hypnograms"
        raise InputError(source, fault, remedy)
    found = _found(layout, pairs, recordings, candidates)
    claimed = {path for named in candidates.values() for path in named}
    lone = lone_hypnograms([path for path in others if path not in claimed], codes=codes, advance=advance)
    missing = [f"{_below(source, path)} has no hypnogram" for path in recordings if path not in pairs]
    missing += [f"{_below(source, path)} has no recording" for path in lone]
    return replace(found, missing=tuple(missing))


def _recordings(
    described: Mapping[Path, dict[str, str]], hypnograms: Collection[Path], *, is_asked_for: bool
) -> dict[Path, dict[str, str]]:
    """Those of the described files that are recordings: EDF and BDF files with signals, whatever their names.

    A file that a pattern asks for is a recording in any format. One with signals is a hypnogram only where a pattern
    of these describes it, or where it is named as the hypnogram of another recording and holds stages.
    """
    sure, doubtful = set(), set()
    for path in described:
        suffix = path.suffix.lower()
        is_recorded = suffix in _RECORDING_SUFFIXES
        if not (is_recorded or is_asked_for) or _holds_annotations_alone(path):
            continue
        is_called_hypnogram = _HYPNOGRAM_ENDING.search(path.stem) and (suffix == ".edf" or path in hypnograms)
        # '{subject}.edf' describes night-Hypnogram.edf too.
        if (is_asked_for and path not in hypnograms) or (is_recorded and not is_called_hypnogram):
            sure.add(path)
        elif is_recorded and path not in hypnograms and _holds_signals(path):
            doubtful.add(path)
    keys = {_key(path, _RECORDING_ENDING) for path in sure}
    sure |= {path for path in doubtful if _key(path, _HYPNOGRAM_ENDING) not in keys or not reads_as_hypnogram(path)}
    return {path: words for path, words in described.items() if path in sure}


def _below(source: Path, path: Path) -> str:
    return path.relative_to(source).as_posix()


def _matching(source: Path, paths: Sequence[Path], pattern: str | None) -> dict[Path, dict[str, str]]:
    """Paths that a pattern describes, with what its words stand for; all of them without a pattern."""
    if pattern is None:
        return {path: {} for path in paths}
    regex = compile_pattern(pattern)
    matches = {path: regex.fullmatch(_below(source, path)) for path in paths}
    found = {path: match.groupdict() for path, match in matches.items() if match is not None}
    if not found:
        raise InputError(pattern, f"describes no file below {source}", "Correct the pattern")
    return found


def _named_by_words(
    recordings: dict[Path, dict[str, str]], hypnograms: dict[Path, dict[str, str]]
) -> dict[Path, list[Path]]:
    """Hypnogram of each recording: the one whose words are the same; those named like it, where there are no words."""
    found: dict[Path, list[Path]] = {}
    for recording, words in recordings.items():
        matching = [path for path, others in hypnograms.items() if _agree(words, others)]
        if not any(words.keys() & others.keys() for others in hypnograms.values()):
            matching = _named_alike([recording], matching).get(recording, [])
        elif len(matching) > 1:
            fault = f"has {len(matching)} hypnograms, {matching[0].name} and {matching[1].name} among them"
            raise InputError(recording, fault, "Use {words} in both patterns that tell nights apart")
        if matching:
            found[recording] = matching
    return found


def _agree(words: dict[str, str], others: dict[str, str]) -> bool:
    return all(small(words[key]) == small(others[key]) for key in words.keys() & others.keys())


def _named_alike(recordings: Sequence[Path], hypnograms: Sequence[Path]) -> dict[Path, list[Path]]:
    """Hypnograms of each recording: named like it, in its folder or, if no other recording is named so, anywhere."""
    by_key: dict[str, list[Path]] = defaultdict(list)
    for path in hypnograms:
        # night-PSG.txt is of night-PSG.edf as night.txt is.
        for key in {_key(path, _HYPNOGRAM_ENDING), small(path.stem)}:
            by_key[key].append(path)
    keys = {path: _key(path, _RECORDING_ENDING) for path in recordings}
    n_named = Counter(keys.values())
    found = {}
    for recording, key in keys.items():
        candidates = [*by_key.get(key, []), *by_key.get(small(recording.stem), [])]
        beside = [path for path in candidates if path.parent == recording.parent]
        chosen = beside or (candidates if n_named[key] == 1 else [])
        if chosen:
            found[recording] = chosen
    return found


def _rank(path: Path) -> tuple[bool, int, str]:
    suffix, n = path.suffix.lower(), len(_HYPNOGRAM_SUFFIXES)
    place = _HYPNOGRAM_SUFFIXES.index(suffix) if suffix in _HYPNOGRAM_SUFFIXES else n
    return (_HYPNOGRAM_ENDING.search(path.stem) is None, place, str(path))


def _key(path: Path, ending: re.Pattern[str]) -> str:
    """What the files of one night have in common."""
    # Profusion's own name is night.edf.XML; others add their suffix to the recording's as well.
    stem = re.sub(r"\.(?:edf|bdf|rec|xml)$", "", path.stem, flags=re.IGNORECASE)
    bare = ending.sub("", stem) or stem
    match = _SLEEP_EDF.fullmatch(bare)
    return small(match[1] if match is not None else bare)


def _is_hypnogram_edf(path: Path) -> bool:
    """Whether an EDF file says by its name, or by holding annotations alone, that it is no recording."""
    if path.suffix.lower() not in _RECORDING_SUFFIXES:
        return False
    return bool(_HYPNOGRAM_ENDING.search(path.stem)) or _holds_annotations_alone(path)


def _holds_annotations_alone(path: Path) -> bool:
    """Whether the header names no signal but annotations."""
    return _labels(path) == {b"EDF Annotations"}


def _holds_signals(path: Path) -> bool:
    """Whether the header names signals beside annotations."""
    return bool(_labels(path) - {b"EDF Annotations", b"BDF Annotations"})


def _labels(path: Path) -> set[bytes]:
    """The header's labels; none of a header that cannot be read, which whoever reads the file tells."""
    try:
        with path.open("rb") as file:
            fixed = file.read(256)
            labels = file.read(16 * int(fixed[252:256]))
    except (OSError, ValueError):
        return set()
    return {labels[at : at + 16].strip() for at in range(0, len(labels), 16)}


def _found(
    layout: FolderLayout,
    pairs: dict[Path, Path],
    words: dict[Path, dict[str, str]],
    candidates: dict[Path, list[Path]],
) -> Found:
    recordings = sorted(pairs)
    names = _names(recordings)
    table = None if layout.subjects is None else read_subjects(layout.subjects)
    sleepers: list[Sleeper] = []
    for path, name in zip(recordings, names, strict=True):
        if table is not None:
            sleeper = table.get(key_of(path.name)) or table.get(small(name))
            if sleeper is None:
                assert layout.subjects is not None
                raise InputError(layout.subjects, f"does not name '{path.name}'", "Add a row for every recording")
        elif "subject" in words[path]:
            night = re.sub(r"\D", "", words[path].get("night", ""))
            sleeper = words[path]["subject"], int(night) if night else None
        else:
            sleeper = sleeper_of_name(_RECORDING_ENDING.sub("", name) or name)
        sleepers.append(sleeper)
    if table is None:
        # One person in two spellings would sit on both sides of a split.
        spelling: dict[str, str] = {}
        sleepers = [(spelling.setdefault(small(subject), composed(subject)), night) for subject, night in sleepers]
    found = tuple(
        Pair(
            name=name,
            subject=subject,
            night=night,
            recording_path=path,
            hypnogram_path=pairs[path],
            channels=bids_channels(path) if is_bids_name(path.stem) else (),
            other_hypnograms=tuple(sorted({*candidates[path]} - {pairs[path]})),
            starts_together=pairs[path].suffix.lower() == ".xml" or is_bids_name(path.stem),
        )
        for path, name, (subject, night) in zip(recordings, names, _numbered(sleepers), strict=True)
    )
    n_subjects = len({pair.subject for pair in found})
    by = "the table" if table is not None else "their names"
    remark = f"{n_subjects} subjects in {len(found)} recordings by {by}" + (
        "" if table is not None else "; --subjects FILE tells otherwise"
    )
    return Found(pairs=tuple(sorted(found, key=lambda pair: pair.name)), remarks=(remark,))


def _numbered(sleepers: Sequence[Sleeper]) -> list[tuple[str, int]]:
    """Subjects with their nights, counted from 1 where nobody says."""
    n_nights: Counter[str] = Counter()
    numbered = []
    for subject, night in sleepers:
        n_nights[subject] += 1
        numbered.append((subject, n_nights[subject] if night is None else night))
    return numbered


def _names(recordings: Sequence[Path]) -> list[str]:
    """Names for the store: the files' own, with the folders that differ where these are equal."""
    stems = Counter(small(path.stem) for path in recordings)
    names = []
    for path in recordings:
        parts: tuple[str, ...] = (path.stem,)
        if stems[small(path.stem)] > 1:
            same = [other for other in recordings if small(other.stem) == small(path.stem)]
            common = Path(os.path.commonpath([other.parent for other in same]))
            parts = (*path.parent.relative_to(common).parts, path.stem)
        name = re.sub(r"[^\w.-]", "_", composed("_".join(parts)))
        names.append(f"{name}_" if name.lower() in RESERVED_STEMS else name)
    taken: dict[str, Path] = {}
    for name, path in zip(names, recordings, strict=True):
        if (other := taken.setdefault(name.lower(), path)) != path:
            raise twice(path, other)
    return names
