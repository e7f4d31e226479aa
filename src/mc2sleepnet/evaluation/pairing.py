"""Which files are of one night: scorers' folders paired by the names of their recordings."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.evaluation.night import NightFiles
from mc2sleepnet.evaluation.recording_names import pair_names, recording_name
from mc2sleepnet.evaluation.scorer_files import ScorerFiles, ScoringFile, labelled, scorers_of
from mc2sleepnet.evaluation.scorings import is_beside_provenance, read_scoring


@dataclass(frozen=True, kw_only=True)
class Paired:
    """Nights to compare.

    Attributes
    ----------
    scorers
        The reference first.
    is_machine
        Of each scorer.
    nights
        Every night of the reference that any other scorer has.
    unpaired
        By scorer's label, the recordings without a counterpart: the reference's that nobody else has, the others'
        that the reference lacks.
    failures
        Arguments that could not be used while others could.
    """

    scorers: tuple[ScorerFiles, ...]
    is_machine: tuple[bool, ...]
    nights: tuple[NightFiles, ...]
    unpaired: dict[str, tuple[str, ...]]
    failures: tuple[InputError, ...]

    @property
    def n_inputs(self) -> int:
        """Hypnograms to read, and arguments that could not be used."""
        others = sum(file is not None for night in self.nights for file in night.others)
        return len(self.nights) + others + len(self.failures)

    def only(self, others: Sequence[int], failures: Sequence[InputError]) -> "Paired":
        """The reference and some of the others, by their place behind it, and why the rest was left."""
        rows = [0, *(place + 1 for place in others)]
        is_machine = tuple(self.is_machine[row] for row in rows)
        return replace(
            self,
            scorers=tuple(self.scorers[row] for row in rows),
            is_machine=is_machine,
            nights=tuple(
                replace(night, others=tuple(night.others[place] for place in others), is_machine=is_machine)
                for night in self.nights
            ),
            failures=(*self.failures, *failures),
        )


def pair(reference: str, predicted: Sequence[str], *, machines: Sequence[str] = (), codes: str | None = None) -> Paired:
    """Find the scorers' nights and pair them.

    Parameters
    ----------
    reference, predicted
        Arguments as `scorers_of` takes them. Files given beside a reference folder are nights of one scorer;
        beside a reference file, each is a scorer. Without `predicted` the reference must hold several scorers.
    machines
        Labels of scorers that are no people, besides those whose columns say so, that give probabilities, or
        that `score` wrote.
    codes
        Numbering of files of bare numbers, as `read_hypnogram` takes it.

    Raises
    ------
    InputError
        If the reference cannot be used, nothing can be compared with it, or a label is unknown.
    """
    first = scorers_of(reference, codes)
    failures: list[InputError] = []
    others = first[1:]
    for argument in predicted:
        try:
            others += scorers_of(argument, codes)
        except InputError as error:
            failures.append(error)
    if first[0].is_folder:
        others = _joined(others)
    others = _without_repeats(first[0], others)
    if not others:
        if failures:
            raise failures[0]
        raise InputError(
            reference, "holds one scorer only", "Name what to compare it with: evaluate REFERENCE PREDICTED"
        )
    scorers = labelled([first[0], *others])
    unknown = [label for label in machines if label not in {scorer.label for scorer in scorers}]
    if unknown:
        known = ", ".join(scorer.label for scorer in scorers)
        raise InputError("--machine", f"no scorer is called '{unknown[0]}'", f"Choose from {known}")
    matches = [_match(scorers[0], other) for other in scorers[1:]]
    is_machine = tuple(
        scorer.says_machine or scorer.label in machines or _is_by_a_machine(scorer) for scorer in scorers
    )
    names = [name for name in scorers[0].nights if any(name in match for match in matches)]
    if not names:
        theirs = next(iter(scorers[1].nights))
        ours = next(iter(scorers[0].nights))
        fault = f"none of its recordings has the name of one in {reference}: {theirs} against {ours}"
        raise InputError(scorers[1].where, fault, "Name both sides' files alike, up to endings such as -Hypnogram")
    unpaired = {scorers[0].label: tuple(name for name in scorers[0].nights if name not in set(names))}
    for scorer, match in zip(scorers[1:], matches, strict=True):
        taken = {str(file) for file in match.values()}
        unpaired[scorer.label] = tuple(name for name, file in scorer.nights.items() if str(file) not in taken)
    return Paired(
        scorers=tuple(scorers),
        is_machine=is_machine,
        nights=tuple(
            NightFiles(
                name=name,
                reference=scorers[0].nights[name],
                others=tuple(match.get(name) for match in matches),
                is_machine=is_machine,
            )
            for name in names
        ),
        unpaired={label: left for label, left in unpaired.items() if left},
        failures=tuple(failures),
    )


def _is_by_a_machine(scorer: ScorerFiles) -> bool:
    """Whether the first of its hypnograms is: with probabilities, or ours; a fault is told when it is its turn."""
    file = next(iter(scorer.nights.values()))
    if file.path.suffix.lower() == ".npz":
        return False
    if is_beside_provenance(file.path):
        return True
    try:
        read = read_scoring(file)
    except InputError:
        return False
    return read.hypnodensity is not None or read.is_ours


def _match(reference: ScorerFiles, other: ScorerFiles) -> dict[str, ScoringFile]:
    """The other's hypnograms by the reference's names."""
    if not reference.is_folder and len(other.nights) == 1:
        return dict(zip(reference.nights, other.nights.values(), strict=True))
    pairs = pair_names(list(reference.nights), list(other.nights))
    return {ours: other.nights[theirs] for ours, theirs in pairs.items()}


def _joined(others: Sequence[ScorerFiles]) -> list[ScorerFiles]:
    """Single files beside a folder, as a shell's ``*`` leaves them, are one scorer's nights."""
    single = [other for other in others if not other.is_folder or _is_one_night(other)]
    if len(single) < 2:
        return list(others)
    nights: dict[str, ScoringFile] = {}
    for other in single:
        for name, file in other.nights.items():
            if name in nights:
                fault = f"is of the recording {name}, as {nights[name]} is"
                raise InputError(file.path, fault, "Put each scorer's hypnograms into a folder and name the folders")
            nights[name] = file
    parents = {Path(other.where).parent for other in single}
    where = str(parents.pop()) if len(parents) == 1 else f"{single[0].where} …"
    joined = ScorerFiles(label="", where=where, nights=nights, is_folder=True, says_machine=single[0].says_machine)
    return [joined, *(other for other in others if other not in single)]


def _is_one_night(scorer: ScorerFiles) -> bool:
    """Whether a folder is one night's, as `score` writes it: called after the recording, the hypnogram in it."""
    places = [file.path.parent for file in scorer.nights.values()]
    return places == [Path(scorer.where)] and recording_name(Path(scorer.where)) in scorer.nights


def _without_repeats(first: ScorerFiles, others: Sequence[ScorerFiles]) -> list[ScorerFiles]:
    """One path given on both sides that holds several scorers: each of them once."""
    different: list[ScorerFiles] = []
    for other in others:
        if not other.label or all(other.nights != known.nights for known in (first, *different)):
            different.append(other)
    return different or list(others)
