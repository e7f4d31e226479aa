"""From a corpus as it is downloaded to a store: find, prepare every recording, split; resumable at any moment."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mc2sleepnet.core.cluster import run_jobs
from mc2sleepnet.core.errors import InputError, SomeInputsError
from mc2sleepnet.core.files import TEMPORARY
from mc2sleepnet.core.lock import only_writer
from mc2sleepnet.core.progress import Advance
from mc2sleepnet.corpora.folder import FolderLayout, find_folder
from mc2sleepnet.corpora.folds import published_corpora
from mc2sleepnet.corpora.official import unofficial_files
from mc2sleepnet.corpora.pairs import Found
from mc2sleepnet.corpora.protocols import CORPORA, DEFAULT_SEED, SLEEP_EDF, protocol_of
from mc2sleepnet.corpora.recordings import Job, Prepared, prepare_pair
from mc2sleepnet.corpora.shhs import find_shhs
from mc2sleepnet.corpora.sleep_edf import find_sleep_edf
from mc2sleepnet.corpora.splits import FROM_FILE, Split, check_split, kept_split, made_folds, read_split, write_manifest
from mc2sleepnet.corpora.summary import SomeNotPreparedError, Summary
from mc2sleepnet.formats.stage_words import CODES
from mc2sleepnet.store import (
    FOLDS_NAME,
    INDEX_NAME,
    StoredRecording,
    finished_recording,
    recording_names,
    remove_recording,
    signal_path,
    write_index,
)
from mc2sleepnet.store.layout import read_json


@dataclass(frozen=True, kw_only=True)
class PrepareOptions:
    """How a corpus is prepared; the defaults are its published protocol.

    Attributes
    ----------
    trim_limits, rules, channels
        See `mc2sleepnet.corpora.protocols.protocol_of`.
    codes, column
        The same, for hypnograms in a folder.
    split
        A file that says who trains, validates and tests, see `mc2sleepnet.corpora.splits.read_split`; None draws a
        split where none is published.
    seed
        Of that draw, 0 or more.
    layout
        Where a ``folder`` keeps what.
    """

    trim_limits: str | None = None
    rules: str | None = None
    channels: tuple[str, ...] = ()
    codes: str | None = None
    column: str | None = None
    split: Path | None = None
    seed: int = DEFAULT_SEED
    layout: FolderLayout = field(default_factory=FolderLayout)


def prepare(
    corpus: str,
    source: Path,
    store_dir: Path,
    *,
    options: PrepareOptions | None = None,
    workers: int = 1,
    progress: Advance = lambda *_: None,
) -> Summary:
    """Prepare a corpus into a store.

    A recording that an earlier run finished is kept if its files and the protocol are the same. A killed run
    leaves no half-written recording. If some recordings cannot be used, the store holds all others before the error.
    A run that ends otherwise leaves a finished store finished, as long as it has written none of its recordings anew.

    Parameters
    ----------
    corpus
        ``sleep-edf-78``, ``sleep-edf-20``, ``shhs`` or ``folder``.
    source
        Folder with the corpus's files, searched with all its folders.
    store_dir
        Folder of the store, made if missing; it holds this corpus from this source and nothing else.
    options
        None takes the published protocol.
    workers
        Processes to work in; the store is the same for any number.
    progress
        Called with recordings done, recordings in all, and the name of the last; of a `folder` before that in the same
        way with the files that may be hypnograms without a recording.

    Returns
    -------
    Summary
        What the store now holds, beside what the protocol expects.

    Raises
    ------
    SomeNotPreparedError
        If some recordings cannot be used; it names them all and has the summary of the others.
    InputError
        If an option is wrong, the source holds nothing usable, the store is of another corpus, or another process is
        preparing the same store.
    OSError
        If the store cannot be written; it names the file.
    """
    options = options or PrepareOptions()
    _check_options(corpus, options)
    protocol = protocol_of(
        corpus,
        trim_limits=options.trim_limits,
        rules=options.rules,
        channels=options.channels,
        codes=options.codes,
        column=options.column,
    )
    if options.split is not None:
        check_split(options.split)
    found = _find(corpus, source, options, progress)
    _refuse_inside(source, store_dir)
    store_dir.mkdir(parents=True, exist_ok=True)
    with only_writer(store_dir, "preparing"):
        _refuse_other_corpus(store_dir, corpus)
        _clear(store_dir, source, found)
        jobs = [Job(pair=pair, store_dir=store_dir, protocol=protocol) for pair in found.pairs]
        prepared, refused = _prepare_all(jobs, source, workers, progress)
        recordings = _kept(store_dir, source, prepared, refused)
        try:
            split = _split(store_dir, corpus, recordings, options)
        except InputError as error:
            # A split may want just the recordings that could not be prepared.
            raise (_error(source, refused, len(jobs)) if refused else error) from None
        if split.folds:
            write_manifest(store_dir, corpus, split.folds, rule=split.rule, seed=split.seed)
        else:
            (store_dir / FOLDS_NAME).unlink(missing_ok=True)
        write_index(store_dir, corpus, [recording.name for recording in recordings])
    summary = Summary(
        protocol=protocol,
        store_dir=store_dir,
        recordings=recordings,
        n_already_there=sum(one.was_there for one in prepared),
        failures=refused,
        left_out={one.name: one.left_out for one in prepared if one.recording is None},
        missing=found.missing,
        remarks=(*found.remarks, *unofficial_files(source, _hashes(found, recordings)), *split.remarks),
        folds=split.folds,
    )
    if refused:
        raise SomeNotPreparedError(_error(source, refused, len(jobs)), summary, len(jobs))
    return summary


def _check_options(corpus: str, options: PrepareOptions) -> None:
    is_own = options.layout != FolderLayout() or options.codes is not None or options.column is not None
    if corpus in CORPORA and corpus != "folder" and is_own:
        remedy = "Patterns, --subjects, --codes and --column are for `folder`"
        raise InputError(corpus, "has its own names and hypnograms", remedy)
    if corpus in published_corpora() and options.split is not None:
        fault = f"{corpus} has published folds"
        raise InputError(options.split, fault, "Leave --split out, or prepare the corpus as `folder`")
    if options.seed < 0:
        raise InputError("seed", f"{options.seed} is negative", "Give a seed of 0 or more")
    if options.codes is not None and options.codes not in CODES:
        raise InputError("--codes", f"no numbering '{options.codes}'", f"Choose --codes from {', '.join(CODES)}")


def _find(corpus: str, source: Path, options: PrepareOptions, progress: Advance) -> Found:
    if corpus in SLEEP_EDF:
        return find_sleep_edf(source, corpus)
    if corpus == "shhs":
        return find_shhs(source)
    return find_folder(source, options.layout, codes=options.codes, advance=progress)


def _refuse_inside(source: Path, store_dir: Path) -> None:
    if store_dir.exists() and source.exists() and store_dir.resolve() == source.resolve():
        raise InputError(store_dir, "is the folder of the recordings themselves", "Use another --store")
    if store_dir.exists() and not store_dir.is_dir():
        raise InputError(store_dir, "is a file", "Name a folder for the store")


def _prepare_all(
    jobs: Sequence[Job], source: Path, workers: int, progress: Advance
) -> tuple[list[Prepared], tuple[InputError, ...]]:
    """How every pair ended, and what is wrong with those that cannot be used; an error if none can."""
    prepared: list[Prepared] = []
    refused: list[InputError] = []
    ends = run_jobs(prepare_pair, jobs, workers=workers, name_of=lambda job: str(job.pair.recording_path))
    for done, end in enumerate(ends, start=1):
        if end.value is not None:
            prepared.append(end.value)
        else:
            assert end.error is not None
            refused.append(end.error)
        progress(done, len(jobs), jobs[end.index].pair.name)
    _clear_parts(jobs[0].store_dir)
    refused.sort(key=str)
    if not prepared:
        raise _error(source, refused, len(jobs))
    return prepared, tuple(refused)


def _kept(
    store_dir: Path, source: Path, prepared: Sequence[Prepared], refused: Sequence[InputError]
) -> tuple[StoredRecording, ...]:
    """Recordings of the store in order of their names; what the rules leave out is taken out of it."""
    recordings = [one.recording for one in prepared if one.recording is not None]
    left_out = [one for one in prepared if one.recording is None]
    for one in left_out:
        remove_recording(store_dir, one.name)
    if not recordings and refused:
        raise _error(source, refused, len(prepared) + len(refused))
    if not recordings:
        fault = f"the rules leave out every recording, {left_out[0].name} because {left_out[0].left_out}"
        raise InputError(source, fault, "Choose other --rules")
    return tuple(sorted(recordings, key=lambda recording: recording.name))


def _hashes(found: Found, recordings: Sequence[StoredRecording]) -> Mapping[Path, str]:
    """SHA-256 of every file the store was made of."""
    pair_of = {pair.name: pair for pair in found.pairs}
    hashes = {}
    for recording in recordings:
        hashes[pair_of[recording.name].recording_path] = recording.source_sha256
        hashes[pair_of[recording.name].hypnogram_path] = recording.hypnogram_sha256
    return hashes


def _split(store_dir: Path, corpus: str, recordings: Sequence[StoredRecording], options: PrepareOptions) -> Split:
    """The folds of a corpus that has no published ones: from a file, now or by an earlier run, or drawn."""
    if corpus in published_corpora():
        return Split()
    if options.split is not None:
        fold, remarks = read_split(options.split, recordings)
        return Split(folds=(fold,), rule=f"{FROM_FILE}{options.split.name}", remarks=remarks)
    kept = kept_split(store_dir, recordings)
    return made_folds(corpus, recordings, seed=options.seed) if kept is None else kept


def _refuse_other_corpus(store_dir: Path, corpus: str) -> None:
    """Refuse a store that was prepared, finished or not, from another corpus, and what is no store."""
    for name, keys in ((INDEX_NAME, {"corpus", "recordings"}), (FOLDS_NAME, {"corpus", "folds"})):
        if (store_dir / name).exists() and not _is_own(store_dir / name, keys):
            raise InputError(store_dir / name, "was not written by `prepare`", "Use another --store")
    try:
        was = read_json(store_dir / INDEX_NAME)["corpus"]
    except (InputError, KeyError, TypeError):
        finished = (finished_recording(store_dir, name) for name in recording_names(store_dir))
        was = next((one.protocol.get("corpus", corpus) for one in finished if one is not None), corpus)
    if was != corpus:
        raise InputError(store_dir, f"is a store of {was}, not of {corpus}", "Use another --store")


def _is_own(path: Path, keys: Collection[str]) -> bool:
    """Whether a file has the keys of ours; a damaged one beside prepared recordings is ours as well."""
    try:
        content = read_json(path)
    except InputError:
        content = None
    has_keys = isinstance(content, dict) and set(keys) <= content.keys()
    return has_keys or any(path.parent.glob(signal_path(Path(), "*").name))


def _clear(store_dir: Path, source: Path, found: Found) -> None:
    """Remove what a killed run left; refuse strange recordings."""
    names = {pair.name for pair in found.pairs}
    strange = [name for name in recording_names(store_dir) if name not in names]
    if strange:
        fault = f"holds {len(strange)} recordings that {source} lacks, such as '{strange[0]}'"
        absent = f", or bring back what is missing: {'; '.join(found.missing[:5])}" if found.missing else ""
        raise InputError(store_dir, fault, f"Use another --store{absent}")
    _clear_parts(store_dir)


def _clear_parts(store_dir: Path) -> None:
    """Remove what killed workers left half-written, under names that nobody reads."""
    for leftover in store_dir.glob(".*.part"):
        if TEMPORARY.fullmatch(leftover.name):  # a file that is being fetched has no number
            leftover.unlink()


def _error(source: Path, refused: Sequence[InputError], n_pairs: int) -> InputError:
    if len(refused) == 1:
        (error,) = refused
        others = f"; the other {n_pairs - 1} of {n_pairs} recordings are prepared" if n_pairs > 1 else ""
        return (SomeInputsError if n_pairs > 1 else InputError)(error.where, error.fault, error.remedy + others)
    faults = "; ".join(f"{error.where}: {error.fault} ({error.remedy})" for error in refused)
    fault = f"{len(refused)} of {n_pairs} recordings cannot be used: {faults}"
    if len(refused) == n_pairs:
        return InputError(source, fault, "Mend these")
    return SomeInputsError(source, fault, "Mend or remove these; the others are prepared")
