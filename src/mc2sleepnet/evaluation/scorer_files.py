"""Where each scorer's hypnograms are: files, folders, and files that hold several scorers."""

import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.evaluation.recording_names import recording_name
from mc2sleepnet.formats import hypnogram_columns

# In the order in which one night's file is chosen where there are several of it: ours first, it holds probabilities.
_SUFFIXES: Final = (".csv", ".tsv", ".xml", ".annot", ".eannot", ".json", ".txt", ".hyp", ".edf")
_NO_HYPNOGRAM: Final = re.compile(
    r"readme.*|changes.*|licen[cs]e.*|changelog.*|participants\..*|dataset_description\.json|statistics\.json"
    r"|provenance\.json|figures\.json|summary\.csv|.*[-_](psg|eeg)\.(edf|json)|.*_(channels|scans|sessions|electrodes)\..*",
    re.IGNORECASE,
)
_SAYS_HYPNOGRAM: Final = re.compile(r"hypno|stag|scor|events|annot|nsrr|profusion", re.IGNORECASE)
_HUMAN: Final = re.compile(r"hum|expert|manual|consensus", re.IGNORECASE)
_MACHINE: Final = re.compile(r"(^|_)(ai|auto|automatic|model|machine|predicted|prediction)(_|$)", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class ScoringFile:
    """One scorer's hypnogram of one night.

    Attributes
    ----------
    path
        The file.
    column
        Which of its scorers: a column of a table, or ``NIGHT[ROW]`` of an ``.npz``; empty where there is one.
    codes
        Numbering of bare numbers; None lets the numbers tell.
    """

    path: Path
    column: str = ""
    codes: str | None = None

    def __str__(self) -> str:
        return f"{self.path}:{self.column}" if self.column else str(self.path)


@dataclass(frozen=True, kw_only=True)
class ScorerFiles:
    """One scorer.

    Attributes
    ----------
    label
        What the scorer is called, short and unlike any other's.
    where
        As the user named it.
    nights
        Hypnogram by name of the recording.
    is_folder
        False where the user named a single night, which is then paired whatever its name.
    says_machine
        Whether a column's name says that no person scored.
    """

    label: str
    where: str
    nights: Mapping[str, ScoringFile]
    is_folder: bool
    says_machine: bool = False


def scorers_of(argument: str, codes: str | None = None) -> list[ScorerFiles]:
    """Scorers that one argument of the command line stands for.

    ``PATH`` is a hypnogram, a folder of them (searched with all its folders), or an ``.npz`` of arrays
    ``[scorers, epochs]``, one a night. A table with several columns of stages is as many scorers, people first;
    ``PATH:COLUMN`` is one of them, for files and for folders.

    Raises
    ------
    InputError
        If nothing is there, or a folder holds no hypnogram or two of one night.
    """
    path, column = _split_column(argument)
    if path.is_dir():
        nights = _nights_in(path)
    elif path.suffix.lower() == ".npz":
        return _scorers_in_npz(path, argument)
    elif path.is_file():
        nights = {recording_name(path): path}
    else:
        fault = "is no regular file" if path.exists() else "no such file or folder"
        raise InputError(argument, fault, "Name a hypnogram or a folder of hypnograms")
    first = next(iter(nights.values()))
    if column and not _stage_columns(first):
        fault = f"has no columns of stages, and so no '{column}'"
        raise InputError(first, fault, f"Name it without ':{column}', or give a table with several scorers")
    columns = [column] if column else _stage_columns(first)
    return [
        ScorerFiles(
            label=name,
            where=argument,
            nights={night: ScoringFile(path=file, column=name, codes=codes) for night, file in nights.items()},
            is_folder=path.is_dir(),
            says_machine=bool(_MACHINE.search(name)),
        )
        for name in (columns if column or len(columns) > 1 else [""])
    ]


def hypnogram_file(argument: str) -> ScoringFile:
    """The one hypnogram that ``PATH`` or ``PATH:COLUMN`` stands for where it is one of several nights.

    Raises
    ------
    InputError
        If it is a folder, or holds arrays of several scorers.
    """
    path, column = _split_column(argument)
    if path.is_dir():
        raise InputError(argument, "is a folder, where one night is wanted", "Give the night's file, or folders alone")
    if path.suffix.lower() == ".npz":
        remedy = "Compare it with other files, or give its arrays"
        raise InputError(argument, "holds arrays of several scorers, where one night is wanted", remedy)
    return ScoringFile(path=path, column=column)


def _stage_columns(path: Path) -> list[str]:
    """Columns of stages in a table of events, people's first; none in other files, and in those that cannot be read."""
    if path.suffix.lower() not in {".tsv", ".csv", ".txt"}:
        return []
    try:
        return sorted(hypnogram_columns(path), key=lambda name: not _HUMAN.search(name))
    except InputError:
        return []


def labelled(scorers: Sequence[ScorerFiles]) -> list[ScorerFiles]:
    """The same scorers with labels that tell them apart: column, or as much of the path's end as it takes."""
    labels = [_labels(scorer) for scorer in scorers]
    chosen: list[str] = []
    for index, options in enumerate(labels):
        others = [label for i, each in enumerate(labels) if i != index for label in each]
        numbered = (f"{options[0]} ({number})" for number in range(2, len(labels) + 2))
        unused = (label for label in (options[0], *numbered) if label not in chosen)
        chosen.append(next((option for option in options if option not in others), next(unused)))
    return [
        ScorerFiles(
            label=label,
            where=scorer.where,
            nights=scorer.nights,
            is_folder=scorer.is_folder,
            says_machine=scorer.says_machine,
        )
        for label, scorer in zip(chosen, scorers, strict=True)
    ]


def _labels(scorer: ScorerFiles) -> list[str]:
    """Possible labels, the shortest first."""
    path, _ = _split_column(scorer.where)
    parts = [part for part in (path.resolve() if str(path) in {".", ".."} else path).parts if part != path.anchor]
    first = 2 if not scorer.is_folder and re.fullmatch(r"(hypnogram|events|stages)\.\w+", path.name) else 1
    places = ["/".join(parts[-n:]) for n in range(min(first, len(parts)), len(parts) + 1)]
    if scorer.label:
        return [scorer.label, *(f"{place}:{scorer.label}" for place in places)]
    # A folder's name alone says who scored where the files are called alike, unless it is the recording's.
    parents = [part for part in reversed(parts[:-1]) if recording_name(Path(part)) not in scorer.nights]
    return [places[0], *parents, *places[1:]]


def _split_column(argument: str) -> tuple[Path, str]:
    """Path and column: the part after the last colon is a column where the whole is no path."""
    before, colon, after = argument.rpartition(":")
    if colon and after and not Path(argument).exists() and Path(before).exists():
        return Path(before), after
    return Path(argument), ""


def _nights_in(folder: Path) -> dict[str, Path]:
    """Hypnogram files by name of the recording; equal names get the folders in front that tell them apart."""
    groups: dict[tuple[Path, str], list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        is_one = path.suffix.lower() in _SUFFIXES and not _NO_HYPNOGRAM.fullmatch(path.name)
        if is_one and not path.name.startswith(".") and path.is_file():
            groups.setdefault((path.parent, recording_name(path)), []).append(path)
    if not groups:
        raise InputError(folder, "holds no hypnogram", f"Hypnograms end in {', '.join(_SUFFIXES)}")
    places: dict[str, list[Path]] = {}
    for (place, name), paths in groups.items():
        places.setdefault(name, []).append(min(paths, key=_preference))
        del place
    nights: dict[str, Path] = {}
    for name, paths in places.items():
        for path in paths:
            full = name if len(paths) == 1 else "_".join([*_telling_parts(path, paths, folder), name])
            if full in nights:
                fault = f"holds two hypnograms of the recording {full}: {nights[full]} and {path}"
                raise InputError(folder, fault, "Keep one scorer's hypnograms in a folder of its own")
            nights[full] = path
    return nights


def _telling_parts(path: Path, paths: Sequence[Path], folder: Path) -> tuple[str, ...]:
    """Folders between `folder` and the file, without those that all the files have in common at the end."""
    return tuple(
        part
        for depth, part in enumerate(path.relative_to(folder).parts[:-1])
        if len({(*other.relative_to(folder).parts[:-1], *[""] * depth)[depth : depth + 1] for other in paths}) > 1
    )


def _preference(path: Path) -> tuple[bool, int, str]:
    return not _SAYS_HYPNOGRAM.search(path.name), _SUFFIXES.index(path.suffix.lower()), path.name


def _scorers_in_npz(path: Path, argument: str) -> list[ScorerFiles]:
    import numpy as np

    remedy = "Give arrays of whole numbers, shape [scorers, epochs]: 0 to 4, or -1 where unscored"
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            shapes = {name: arrays[name].shape for name in arrays.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(path, "is no file of arrays", remedy) from error
    n_scorers = max((shape[0] for shape in shapes.values() if len(shape) == 2), default=0)
    if not n_scorers or any(len(shape) != 2 for shape in shapes.values()):
        raise InputError(path, "holds no arrays of shape [scorers, epochs]", remedy)
    return [
        ScorerFiles(
            label=f"scorer {row + 1}",
            where=argument,
            nights={
                name: ScoringFile(path=path, column=f"{name}[{row}]")
                for name, shape in shapes.items()
                if row < shape[0]
            },
            is_folder=True,
        )
        for row in range(n_scorers)
    ]
