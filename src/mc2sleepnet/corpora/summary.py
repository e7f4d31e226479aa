"""What `prepare` found and made, against what the protocol expects, recording by recording."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from mc2sleepnet.core.errors import InputError, SomeInputsError
from mc2sleepnet.core.recording import Finding
from mc2sleepnet.core.stages import STAGES, UNSCORED_NAME
from mc2sleepnet.corpora.folds import Fold
from mc2sleepnet.corpora.protocols import Expected, Protocol, expected_of
from mc2sleepnet.store import StoredRecording

# More names than these help nobody on a terminal; --json holds all.
_MOST_NAMES: Final = 200


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What `prepare` did.

    Attributes
    ----------
    protocol
        By which it was prepared.
    store_dir
        Where it is.
    recordings
        All of the store, in order of their names.
    n_already_there
        Recordings that an earlier run had finished.
    failures
        What is wrong with each recording that could not be prepared.
    left_out
        Why, by the name of each recording that the protocol's rules leave out.
    missing
        For people: recordings without a hypnogram, and the reverse.
    remarks
        For people: what else should be known.
    folds
        The split that was made for this store; none where the published folds hold.
    """

    protocol: Protocol
    store_dir: Path
    recordings: tuple[StoredRecording, ...]
    n_already_there: int
    failures: tuple[InputError, ...] = ()
    left_out: dict[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    folds: tuple[Fold, ...] = ()

    @property
    def corpus(self) -> str:
        """What was prepared."""
        return self.protocol.corpus

    @property
    def is_synthetic(self) -> bool:
        """True if any of it is."""
        return any(recording.is_synthetic for recording in self.recordings)

    @property
    def n_subjects(self) -> int:
        """Different people."""
        return len({recording.subject for recording in self.recordings})

    @property
    def n_epochs(self) -> int:
        """Epochs in the store, unscored ones included."""
        return sum(recording.n_epochs for recording in self.recordings)

    @property
    def epochs_per_stage(self) -> dict[str, int]:
        """Epochs of each of W, N1, N2, N3, R and UNS."""
        counts = np.zeros(len(STAGES) + 1, dtype=np.int64)
        for recording in self.recordings:
            # -1, unscored, is counted last.
            counts += np.bincount(recording.stages % len(counts), minlength=len(counts))
        return dict(zip((*STAGES, UNSCORED_NAME), counts.tolist(), strict=True))

    @property
    def n_scored(self) -> int:
        """Epochs with a stage."""
        return self.n_epochs - self.epochs_per_stage[UNSCORED_NAME]

    @property
    def findings(self) -> dict[str, tuple[Finding, ...]]:
        """Repairs and doubts by recording, where there are any."""
        return {recording.name: recording.findings for recording in self.recordings if recording.findings}

    @property
    def absent(self) -> tuple[str, ...]:
        """Published nights that are not in the store, in order; none where the names are not published."""
        expected = expected_of(self.protocol)
        nights = frozenset() if expected is None else expected.nights
        return tuple(sorted(nights - {recording.name[:6] for recording in self.recordings}))

    @property
    def unexpected(self) -> tuple[str, ...]:
        """Recordings in the store that the published corpus does not have."""
        expected = expected_of(self.protocol)
        if expected is None or not expected.nights:
            return ()
        return tuple(recording.name for recording in self.recordings if recording.name[:6] not in expected.nights)

    def to_json(self) -> dict[str, Any]:
        """What `prepare --json` prints; its keys are in docs/contract.md."""
        expected = expected_of(self.protocol)
        return {
            "corpus": self.corpus,
            "store": str(self.store_dir),
            "is_synthetic": self.is_synthetic,
            "protocol": self.protocol.to_json(),
            "n_recordings": len(self.recordings),
            "n_subjects": self.n_subjects,
            "n_epochs": self.n_epochs,
            "n_scored": self.n_scored,
            "epochs_per_stage": self.epochs_per_stage,
            "n_already_there": self.n_already_there,
            "expected": None
            if expected is None
            else {
                "n_recordings": expected.n_recordings,
                "n_subjects": expected.n_subjects,
                "n_scored": expected.n_scored,
                "epochs_per_stage": None if expected.per_stage is None else dict(expected.per_stage),
            },
            "absent": list(self.absent),
            "unexpected": list(self.unexpected),
            "failures": [str(error) for error in self.failures],
            "missing": list(self.missing),
            "left_out": self.left_out,
            "remarks": list(self.remarks),
            "findings": {
                name: [{"id": finding.id, "message": finding.message} for finding in findings]
                for name, findings in self.findings.items()
            },
            "folds": [{"name": fold.name, "hash": fold.manifest_hash} for fold in self.folds],
        }

    def to_text(self) -> str:
        """What was found, for people: totals, what was expected, and why they differ, recording by recording."""
        synthetic = ", synthetic data" if self.is_synthetic else ""
        stages = "  ".join(f"{name} {count:,}" for name, count in self.epochs_per_stage.items())
        lines = [
            f"{self.corpus}: {len(self.recordings)} recordings of {self.n_subjects} subjects{synthetic}",
            f"{self.n_epochs:,} epochs: {stages}",
            *self._comparison(),
            *self.missing,
            *(f"{name} is left out: {why}" for name, why in sorted(self.left_out.items())),
            *(f"{name}: {finding.message}" for name, all_of in self.findings.items() for finding in all_of),
            *self.remarks,
        ]
        lines += [f"split: {_sizes(fold)}, manifest {fold.manifest_hash[:12]}" for fold in self.folds]
        if self.failures:
            n = len(self.failures)
            told = (
                "1 recording could not be prepared and is"
                if n == 1
                else f"{n} recordings could not be prepared and are"
            )
            lines.append(f"{told} not in the store")
        if self.n_already_there:
            lines.append(f"{self.n_already_there} recordings were already there")
        return "\n".join(lines)

    def _comparison(self) -> list[str]:
        expected = expected_of(self.protocol)
        if expected is None:
            return []
        lines = [
            f"the published protocol expects {expected.n_recordings:,} recordings of {expected.n_subjects:,} subjects"
            + ("" if expected.n_scored is None else f" and {expected.n_scored:,} scored epochs")
        ]
        if self.absent:
            shown = ", ".join(self.absent[:_MOST_NAMES])
            lines.append(f"{len(self.absent)} of these recordings are not here: {shown}")
        if self.unexpected:
            lines.append(f"not of the published corpus: {', '.join(self.unexpected[:_MOST_NAMES])}")
        n_short = expected.n_recordings - len(self.recordings)
        if n_short and not expected.nights:
            lines.append(f"{abs(n_short):,} recordings {'are not here' if n_short > 0 else 'more than published'}")
        if not n_short and not self.absent and expected.n_scored is not None:
            lines += self._totals(expected)
        return lines

    def _totals(self, expected: Expected) -> list[str]:
        """A whole corpus beside its published total."""
        difference = self.n_scored - (expected.n_scored or 0)
        if not difference and all(
            self.epochs_per_stage[name] == count for name, count in (expected.per_stage or {}).items()
        ):
            return [f"the total is the published one: {self.n_scored:,} scored epochs"]
        if not expected.is_exact:
            return [
                f"scored epochs here: {self.n_scored:,}, {difference:+,} beside the figure usually printed, of which "
                "nobody says by which limits it came about"
            ]
        stages = "  ".join(
            f"{name} {self.epochs_per_stage[name] - count:+,}" for name, count in (expected.per_stage or {}).items()
        )
        return [
            f"the total is NOT the published one: {self.n_scored:,}, {difference:+,} ({stages}); the recordings below "
            "say what was cut or lost, and a file that is not PhysioNet's own would explain the rest"
        ]


class SomeNotPreparedError(SomeInputsError):
    """Some recordings of several could not be prepared; the store holds the others.

    Parameters
    ----------
    error
        Names them.
    summary
        Of the others.
    n_recordings
        How many there were to prepare.
    """

    def __init__(self, error: InputError, summary: Summary, n_recordings: int) -> None:
        super().__init__(error.where, error.fault, error.remedy)
        self.summary = summary
        self.n_recordings = n_recordings


def _sizes(fold: Fold) -> str:
    return ", ".join(f"{side} {len(subjects):,}" for side, subjects in fold.sides.items())
