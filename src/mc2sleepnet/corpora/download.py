"""Sleep-EDF as PhysioNet publishes it: every file of SHA256SUMS.txt, verified."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

from mc2sleepnet.core.errors import InputError, SomeInputsError
from mc2sleepnet.core.files import write_text_atomically
from mc2sleepnet.core.lock import only_writer
from mc2sleepnet.core.model_folder import file_sha256
from mc2sleepnet.corpora.fetching import Patience, UnreachableError, fetch, fetch_text
from mc2sleepnet.corpora.official import SUMS_NAME, parse_sums

PHYSIONET: Final = "https://physionet.org/files/sleep-edfx/1.0.0/"
RECORDS_NAME: Final = "RECORDS"
# So many files in a row that the server does not even answer for end the attempt.
_MOST_UNREACHABLE: Final = 2

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, kw_only=True)
class Downloaded:
    """What `download` did.

    Attributes
    ----------
    out, base_url
        Where to, and where from.
    n_files
        Files that are there now, each with the published hash.
    n_already_there
        Those of them that an earlier run had fetched.
    n_bytes
        Their size together.
    remarks
        For people.
    """

    out: Path
    base_url: str
    n_files: int
    n_already_there: int
    n_bytes: int
    remarks: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """What `download --json` prints; its keys are in docs/contract.md."""
        return {
            "out": str(self.out),
            "base_url": self.base_url,
            "n_files": self.n_files,
            "n_already_there": self.n_already_there,
            "n_bytes": self.n_bytes,
            "remarks": list(self.remarks),
        }

    def to_text(self) -> str:
        """The same for people."""
        there = f", {self.n_already_there} of them were there" if self.n_already_there else ""
        line = f"{self.n_files} files, {self.n_bytes / 1e6:,.1f} MB, as {SUMS_NAME} names them{there}: {self.out}"
        return "\n".join([line, *self.remarks])


def download(
    corpus: str,
    out: Path,
    *,
    base_url: str = PHYSIONET,
    only: Sequence[str] = (),
    patience: Patience | None = None,
    progress: Progress | None = None,
) -> Downloaded:
    """Fetch a corpus in its publisher's layout. Run again, it goes on where it stopped.

    A file is there under its name only when its hash is the published one. A server that breaks off, ignores ranges or
    lies about lengths is asked again; files that cannot be had are named when all others are there.

    Parameters
    ----------
    corpus
        ``sleep-edf``.
    out
        Folder to write to, made if missing.
    base_url
        Address of the folder that holds SHA256SUMS.txt, over http or https.
    only
        Patterns such as ``sleep-cassette/*``; none takes every file of the list.
    patience
        With the server; None for the default.
    progress
        Called with files done, files in all, and what arrives.

    Returns
    -------
    Downloaded
        What is there now.

    Raises
    ------
    InputError
        If the corpus or the address is wrong, the list cannot be had or believed, or files could not be fetched.
    OSError
        If the disk is full or cannot be written; it names the file.
    """
    if corpus != "sleep-edf":
        remedy = "Choose sleep-edf; SHHS is handed out by sleepdata.org to those who signed its agreement"
        raise InputError(corpus, "is no corpus that can be downloaded", remedy)
    if urlsplit(base_url).scheme not in {"http", "https"} or not urlsplit(base_url).netloc:
        raise InputError(base_url, "is no address", "Give one that begins with https:// or http://")
    base_url = base_url.rstrip("/") + "/"
    patience = patience or Patience()
    if out.exists() and not out.is_dir():
        raise InputError(out, "is a file", "Name a folder to download to")
    out.mkdir(parents=True, exist_ok=True)
    with only_writer(out, "downloading to"):
        text = fetch_text(base_url + SUMS_NAME, patience)
        sums = parse_sums(base_url + SUMS_NAME, text)
        remarks = _check_records(base_url, sums, patience)
        wanted = {name: digest for name, digest in sums.items() if _is_wanted(name, only)}
        if not wanted:
            raise InputError(", ".join(only), f"fits none of the {len(sums)} files", "Try 'sleep-cassette/*'")
        write_text_atomically(out / SUMS_NAME, text)
        n_there = _fetch_all(base_url, out, wanted, patience, progress)
    n_bytes = sum((out / name).stat().st_size for name in wanted)
    return Downloaded(
        out=out, base_url=base_url, n_files=len(wanted), n_already_there=n_there, n_bytes=n_bytes, remarks=remarks
    )


def _is_wanted(name: str, only: Sequence[str]) -> bool:
    return not only or any(fnmatchcase(name, pattern) for pattern in only)


def _check_records(base_url: str, sums: dict[str, str], patience: Patience) -> tuple[str, ...]:
    """Refuse a list of hashes that was cut short: it must name every recording that RECORDS does."""
    try:
        text = fetch_text(base_url + RECORDS_NAME, patience)
    except InputError as error:
        return (f"whether {SUMS_NAME} is whole could not be checked: {error.where}: {error.fault}",)
    records = [line.strip() for line in text.splitlines() if line.strip()]
    absent = [name for name in records if name not in sums]
    if absent:
        fault = f"lacks {len(absent)} of the {len(records)} recordings of {RECORDS_NAME}, such as '{absent[0]}'"
        raise InputError(base_url + SUMS_NAME, fault, "Run it again; the list may have been cut off on its way")
    return ()


def _fetch_all(base_url: str, out: Path, wanted: dict[str, str], patience: Patience, progress: Progress | None) -> int:
    """Fetch every file; how many were there already."""
    n_there, n_unreachable = 0, 0
    failures: list[InputError] = []
    tell = progress or (lambda _done, _total, _detail: None)
    for done, (name, digest) in enumerate(wanted.items()):
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file() and file_sha256(path) == digest:
            n_there += 1
        else:
            try:
                fetch(
                    base_url + quote(name),
                    path,
                    digest,
                    patience,
                    lambda n, done=done, name=name: tell(done, len(wanted), f"{name} {n / 1e6:.0f} MB"),  # type: ignore[misc]
                )
                n_unreachable = 0
            except UnreachableError as error:
                failures.append(error)
                n_unreachable += 1
            except InputError as error:
                failures.append(error)
                n_unreachable = 0
        tell(done + 1, len(wanted), name)
        if n_unreachable == _MOST_UNREACHABLE:
            fault = f"{failures[-1].fault}; given up after {done + 1} of {len(wanted)} files"
            raise SomeInputsError(base_url, fault, "Run it again later; what has arrived is kept")
    if failures:
        raise _error(base_url, failures, len(wanted))
    return n_there


def _error(base_url: str, failures: Sequence[InputError], n_files: int) -> InputError:
    if n_files == 1:
        return failures[0]
    faults = "; ".join(f"{failure.where}: {failure.fault}" for failure in failures)
    fault = f"{len(failures)} of {n_files} files could not be fetched: {faults}"
    return SomeInputsError(base_url, fault, "Run it again later; the others are there and verified")
