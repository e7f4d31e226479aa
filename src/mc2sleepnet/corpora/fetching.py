"""One file over HTTP: resumed where it broke off, verified, and there only when it is whole."""

import http.client
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.files import errors_name
from mc2sleepnet.core.model_folder import file_sha256
from mc2sleepnet.corpora.official import SUMS_NAME

_CHUNK_BYTES: Final = 1 << 20
_PARTIAL, _BEYOND_THE_END = 206, 416
# Of the answers below 500 these may be others a moment later.
_TRANSIENT: Final = frozenset({408, 425, 429})
_LONGEST_WAIT_S: Final = 60.0
_LARGEST_TEXT_BYTES: Final = 1 << 24
_RANGE: Final = re.compile(r"bytes (\d+)-")
_GO_ON: Final = "Run it again later; what has arrived is kept"

Told = Callable[[int], None]


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long to go on with a server that fails.

    Attributes
    ----------
    attempts
        Tries in a row that bring nothing new before a file is given up; also whole files with a wrong hash.
    first_wait_s
        Wait after the first such try; it doubles each time, to a minute at most.
    timeout_s
        Seconds without a byte after which a connection counts as broken.
    """

    attempts: int = 5
    first_wait_s: float = 0.5
    timeout_s: float = 30.0


class UnreachableError(InputError):
    """The server did not answer at all."""


class _BeyondTheEndError(Exception):
    """The server has nothing from there on."""


class _BrokenError(Exception):
    """A transfer ended before its time; `wait_s` is what the server asks for."""

    def __init__(self, why: str, *, is_answer: bool, wait_s: float = 0.0) -> None:
        super().__init__(why)
        self.is_answer = is_answer
        self.wait_s = wait_s


def fetch_text(url: str, patience: Patience) -> str:
    """A small text file.

    Raises
    ------
    InputError
        If the server does not have it, does not send all of it in `patience.attempts` tries, or it is no text.
    """
    wait = _Waiting(url, patience)
    while True:
        try:
            with _answer(url, 0, patience.timeout_s) as response:
                expected = _length(response)
                content = b"".join(iter(lambda: _read(response), b""))
            if expected is not None and len(content) < expected:
                raise _BrokenError("the connection broke", is_answer=True)  # noqa: TRY301
        except _BrokenError as error:
            wait.after(error)
            continue
        if len(content) > _LARGEST_TEXT_BYTES or b"\0" in content:
            raise InputError(url, "is no list of files", "Name the folder in which SHA256SUMS.txt lies")
        return content.decode("utf-8", errors="replace")


def fetch(url: str, path: Path, sha256: str, patience: Patience, told: Told = lambda _n: None) -> None:
    """Fetch a file to `path`, resuming what an earlier try left beside it as ``.NAME.part``.

    Whatever the server says of lengths and ranges, only the hash decides whether a file is whole and right.

    Parameters
    ----------
    url, path
        From where, and to where; the folder exists.
    sha256
        Of the whole file, in hexadecimal.
    patience
        With the server.
    told
        Called with the bytes there are so far.

    Raises
    ------
    InputError
        If the server does not have the file, breaks off again and again, or sends another.
    OSError
        If the disk is full or cannot be written; it names the file.
    """
    part = path.with_name(f".{path.name}.part")
    wait, n_wrong, by_range = _Waiting(url, patience), 0, True
    has_more: bool | None = None
    while True:
        size = part.stat().st_size if part.exists() else 0
        if size and file_sha256(part) == sha256:
            with errors_name(path, part):
                with part.open("rb+") as file:
                    os.fsync(file.fileno())
                part.replace(path)
            return
        if has_more is not None:
            # A first wrong end may be a length that was too short: what follows is asked for. Then it is wrong.
            if not has_more or n_wrong % 2:
                part.unlink(missing_ok=True)
                size = 0
            n_wrong += 1
        if n_wrong >= patience.attempts:
            part.unlink(missing_ok=True)
            fault = f"is not the file that {SUMS_NAME} names, whenever it is fetched"
            raise InputError(url, fault, "Try another --base-url, or tell the people of the server")
        try:
            has_more = _transfer(url, part, size if by_range else 0, patience.timeout_s, told)
        except _BrokenError as error:
            has_more = None
            if part.exists() and part.stat().st_size > size:
                wait.start_over()
            else:
                by_range = not by_range
            wait.after(error)


def _transfer(url: str, part: Path, offset: int, timeout_s: float, told: Told) -> bool:
    """Add to `part` what the server sends; False where it says that there is nothing more.

    A server that is asked from `offset` on and sends the file from its start has the part that is there skipped.
    """
    size = part.stat().st_size if part.exists() else 0
    try:
        response = _answer(url, offset, timeout_s)
    except _BeyondTheEndError:
        return False
    with response, errors_name(part), part.open("ab") as file:
        to_skip = 0 if response.status == _PARTIAL else size
        if response.status == _PARTIAL and _first_byte(response) != size:
            raise _BrokenError("the server sends another part than it was asked for", is_answer=True)
        expected, n_received = _length(response), 0
        while chunk := _read(response):
            n_received += len(chunk)
            file.write(chunk[to_skip:])
            to_skip = max(0, to_skip - len(chunk))
            told(file.tell())
    if expected is not None and n_received < expected:
        raise _BrokenError(f"the connection broke after {n_received} of {expected} bytes", is_answer=True)
    return n_received > 0


def _first_byte(response: http.client.HTTPResponse) -> int | None:
    match = _RANGE.match(response.headers.get("Content-Range", ""))
    return None if match is None else int(match[1])


def _answer(url: str, offset: int, timeout_s: float) -> http.client.HTTPResponse:
    """The server's answer, if it is one with content."""
    headers = {"User-Agent": f"mc2sleepnet/{version('mc2sleepnet')}", "Accept-Encoding": "identity"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
    request = urllib.request.Request(url, headers=headers)
    try:
        response = urllib.request.urlopen(request, timeout=timeout_s)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == _BEYOND_THE_END:
                raise _BeyondTheEndError from None
            if error.code < 500 and error.code not in _TRANSIENT:
                fault = f"the server answers {error.code} {error.reason}"
                raise InputError(url, fault, "Check the address, or leave this file out with --only") from None
            wait_s = error.headers.get("Retry-After", "")
            why = f"the server answers {error.code} {error.reason}"
            raise _BrokenError(why, is_answer=True, wait_s=float(wait_s) if wait_s.isdecimal() else 0) from None
    except urllib.error.URLError as error:
        raise _BrokenError(_reason(error.reason), is_answer=False) from None
    except (OSError, http.client.HTTPException) as error:
        raise _BrokenError(_reason(error), is_answer=False) from None
    assert isinstance(response, http.client.HTTPResponse)
    return response


class _Waiting:
    """Counts tries that bring nothing, and waits between them, longer each time."""

    def __init__(self, url: str, patience: Patience) -> None:
        self.url, self.patience = url, patience
        self.n_tries = 0

    def start_over(self) -> None:
        self.n_tries = 0

    def after(self, error: _BrokenError) -> None:
        self.n_tries += 1
        if self.n_tries >= self.patience.attempts:
            kind = InputError if error.is_answer else UnreachableError
            raise kind(self.url, f"{error}, {self.n_tries} times", _GO_ON)
        wait_s = self.patience.first_wait_s * 2 ** (self.n_tries - 1)
        time.sleep(min(max(wait_s, error.wait_s), _LONGEST_WAIT_S))


def _read(response: http.client.HTTPResponse) -> bytes:
    try:
        return response.read1(_CHUNK_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise _BrokenError(_reason(error), is_answer=True) from None


def _length(response: http.client.HTTPResponse) -> int | None:
    text = response.headers.get("Content-Length", "")
    return int(text) if text.isdecimal() else None


def _reason(error: object) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).lower().split())
