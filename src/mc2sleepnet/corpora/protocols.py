"""What a corpus's published protocol takes from its files, and what it is known to give."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.stages import EPOCH_S, SAMPLING_HZ
from mc2sleepnet.corpora import shhs, sleep_edf
from mc2sleepnet.corpora.trimming import TRIM_LIMITS, WAKE_MINUTES

# Rises whenever the same files would become other epochs.
PROTOCOL_VERSION: Final = 2
SLEEP_EDF: Final = ("sleep-edf-20", "sleep-edf-78")
CORPORA: Final = (*SLEEP_EDF, "shhs", "folder")
# Of splits that nobody has published.
DEFAULT_SEED: Final = 42
RULES: Final = ("sleepyco", "sleeptransformer")
# Of recordings that were not published as pairs, some stop before their scoring does.
_SHARE_OUTSIDE: Final = 0.5


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """Everything that decides how a corpus's files become epochs.

    Attributes
    ----------
    corpus
        Its name.
    channels
        Labels of the channels to take, best first; none chooses the best EEG channel there is.
    trim_limits
        See `mc2sleepnet.corpora.trimming.trim_wake`.
    needs_all_stages
        True leaves out recordings that lack one of the five stages.
    largest_share_outside
        See `mc2sleepnet.corpora.alignment.align`.
    codes, column
        How hypnograms of bare numbers or with several columns are read, see `mc2sleepnet.formats.read_hypnogram`.
    """

    corpus: str
    channels: tuple[str, ...]
    trim_limits: str
    needs_all_stages: bool = False
    largest_share_outside: float = 0.0
    codes: str | None = None
    column: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As a store's sidecars keep it."""
        return {
            "version": PROTOCOL_VERSION,
            "corpus": self.corpus,
            "channels": list(self.channels),
            "sampling_hz": SAMPLING_HZ,
            "epoch_s": EPOCH_S,
            "trim_limits": self.trim_limits,
            "wake_minutes": WAKE_MINUTES,
            "needs_all_stages": self.needs_all_stages,
            "largest_share_outside": self.largest_share_outside,
            "codes": self.codes,
            "column": self.column,
        }


def protocol_of(
    corpus: str,
    *,
    trim_limits: str | None = None,
    rules: str | None = None,
    channels: Sequence[str] = (),
    codes: str | None = None,
    column: str | None = None,
) -> Protocol:
    """The protocol of a corpus, with what was asked for instead of its own.

    Parameters
    ----------
    corpus
        One of `CORPORA`.
    trim_limits
        None takes the corpus's own: 30 minutes of wake for Sleep-EDF, none cut for a folder, by `rules` for SHHS.
    rules
        Of SHHS: ``"sleepyco"`` (the default) keeps every recording whole; ``"sleeptransformer"`` leaves out those
        that lack a stage, and balances wake.
    channels
        Instead of the corpus's own.
    codes, column
        See `Protocol`; of hypnograms in a folder.

    Raises
    ------
    InputError
        For an unknown corpus or option, or rules of a corpus that has none.
    """
    if corpus not in CORPORA:
        raise InputError(corpus, "is no corpus that can be prepared", f"Choose from {', '.join(CORPORA)}")
    if trim_limits is not None and trim_limits not in TRIM_LIMITS:
        raise InputError(trim_limits, "is no trim limit", f"Choose from {', '.join(TRIM_LIMITS)}")
    if rules is not None and (corpus != "shhs" or rules not in RULES):
        fault = "is no set of rules" if corpus == "shhs" else f"are rules of shhs, not of {corpus}"
        raise InputError(rules, fault, f"Choose from {', '.join(RULES)}, for shhs")
    if corpus in SLEEP_EDF:
        own = Protocol(corpus=corpus, channels=(sleep_edf.CHANNEL,), trim_limits="scored_sleep")
    elif corpus == "folder":
        own = Protocol(corpus=corpus, channels=(), trim_limits="none", largest_share_outside=_SHARE_OUTSIDE)
    else:
        is_balanced = rules == "sleeptransformer"
        own = Protocol(
            corpus=corpus,
            channels=shhs.CHANNELS,
            trim_limits="balanced_wake" if is_balanced else "none",
            needs_all_stages=is_balanced,
            largest_share_outside=_SHARE_OUTSIDE,
        )
    return replace(
        own,
        channels=tuple(channels) or own.channels,
        trim_limits=trim_limits or own.trim_limits,
        codes=codes,
        column=column,
    )


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What a whole corpus is known to give.

    Attributes
    ----------
    n_recordings, n_subjects
        Of the whole corpus, after what the rules leave out.
    nights
        Names of its recordings as far as they are published, each the beginning of ours; none where they are not.
    n_scored
        Epochs with a stage in the end; None where no figure is known.
    per_stage
        The same for each of W, N1, N2, N3 and R; empty where unknown.
    is_exact
        False where the figure is the one usually printed, of which nobody says by which limits it came about.
    """

    n_recordings: int
    n_subjects: int
    nights: frozenset[str] = frozenset()
    n_scored: int | None = None
    per_stage: Mapping[str, int] | None = None
    is_exact: bool = True


# Epochs of Sleep-EDF-78 as SleePyCo and others print them; the two differ in W alone.
_W_OF_LIMITS: Final = {"scored_sleep": 65_951, "any_non_wake": 69_824}
_SLEEP_OF_78: Final = {"N1": 21_522, "N2": 69_132, "N3": 13_039, "R": 25_835}
_N_OF_20: Final = 42_308
# SleepTransformer's 3,724 + 100 + 1,639.
_N_WITH_ALL_STAGES: Final = 5_463


def expected_of(protocol: Protocol) -> Expected | None:
    """What the whole corpus gives by this protocol, as published; None where nothing is."""
    if protocol.corpus == "shhs":
        n = _N_WITH_ALL_STAGES if protocol.needs_all_stages else shhs.N_RECORDINGS
        return Expected(n_recordings=n, n_subjects=n)
    if protocol.corpus == "folder":
        return None
    nights = sleep_edf.nights_of(protocol.corpus)
    n_subjects = len(sleep_edf.SUBJECTS[protocol.corpus])
    if protocol.corpus == "sleep-edf-20":
        return Expected(
            n_recordings=len(nights), n_subjects=n_subjects, nights=nights, n_scored=_N_OF_20, is_exact=False
        )
    if protocol.trim_limits not in _W_OF_LIMITS:
        return Expected(n_recordings=len(nights), n_subjects=n_subjects, nights=nights)
    per_stage = {"W": _W_OF_LIMITS[protocol.trim_limits], **_SLEEP_OF_78}
    return Expected(
        n_recordings=len(nights),
        n_subjects=n_subjects,
        nights=nights,
        n_scored=sum(per_stage.values()),
        per_stage=per_stage,
    )
