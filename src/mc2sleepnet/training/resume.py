"""`resume.pt`: where a run is, so that it can go on as if it had never stopped.

The file is sealed with a checksum, and the one before it is kept as `resume.previous.pt`: where the newest is missing
or damaged, a run goes on from there and ends with the same bits, because no draw depends on how many came before.
"""

import hashlib
import io
import json
import logging
import math
import platform
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.files import atomic_path
from mc2sleepnet.model.config import ADDED_LATER

RESUME_FILE = "resume.pt"
PREVIOUS_FILE = "resume.previous.pt"
# Behind the archive that torch writes; readers of zip archives pass over it.
SEAL_PREFIX = b"mc2sleepnet-sha256:"
LONGEST_TOLD = 30
SEAL_BYTES = len(SEAL_PREFIX) + 2 * hashlib.sha256().digest_size

logger = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Progress:
    """Where a run is: with the states of module and optimizer, all that `resume.pt` holds."""

    step: int = 0
    best_step: int = 0
    judged_by: str = ""
    best_figure: float = math.nan
    validations_since_best: int = 0
    ended_by: str = ""


def save_resume(
    out: Path,
    *,
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    progress: Progress,
    sums: Counter[str],
    n_summed: int,
    fingerprint: dict[str, Any],
) -> None:
    """Write all that a run needs to go on, all or nothing; what was there becomes `resume.previous.pt`."""
    state = {
        "module": module.state_dict(),
        "optimizer": optimizer.state_dict(),
        "progress": vars(progress),
        "sums": dict(sums),
        "n_summed": n_summed,
        "fingerprint": json.dumps(fingerprint, sort_keys=True),
        "made_with": json.dumps(arithmetic()),
    }
    # Torch's own writer tells a full disk by a RuntimeError, and Python's by an OSError.
    serialised = io.BytesIO()
    torch.save(state, serialised)
    with atomic_path(out / RESUME_FILE) as temporary:
        temporary.write_bytes(sealed(serialised.getvalue()))
        # Whoever is killed between this and the next rename goes on from the previous one.
        if (out / RESUME_FILE).is_file():
            (out / RESUME_FILE).replace(out / PREVIOUS_FILE)


def arithmetic() -> dict[str, Any]:
    """What decides the last bits of a run beside its options and data."""
    return {
        "torch": torch.__version__,
        "machine": f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}",
        "threads": torch.get_num_threads(),
    }


def sealed(content: bytes) -> bytes:
    """`content` with the seal behind it."""
    return content + SEAL_PREFIX + hashlib.sha256(content).hexdigest().encode()


def unsealed(content: bytes) -> bytes:
    """What `sealed` was given; ValueError where the seal is missing or broken."""
    body, seal = content[:-SEAL_BYTES], content[-SEAL_BYTES:]
    if seal != SEAL_PREFIX + hashlib.sha256(body).hexdigest().encode():
        raise ValueError("its checksum is missing or wrong")
    return body


def has_resume(out: Path) -> bool:
    """Whether a run was begun in `out` that can go on."""
    return any((out / name).is_file() for name in (RESUME_FILE, PREVIOUS_FILE))


def _newest_intact(out: Path) -> tuple[Path, dict[str, Any], dict[Path, Exception]]:
    """The newest state that can be read, its file, and what is wrong with newer ones."""
    faults: dict[Path, Exception] = {}
    for path in (out / RESUME_FILE, out / PREVIOUS_FILE):
        if not path.is_file():
            continue
        try:
            content = unsealed(path.read_bytes())
            state: dict[str, Any] = torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
            state["fingerprint"] = json.loads(state["fingerprint"])
        except Exception as error:
            faults[path] = error
        else:
            return path, state, faults
    path, fault = next(iter(faults.items()))
    raise InputError(path, f"cannot be read ({fault})", "Begin anew in another folder") from fault


def finished_progress(out: Path, fingerprint: dict[str, Any]) -> Progress | None:
    """Where the run of these options and data ended; None where none of them has, or `load_resume` has to look.

    Tells a finished run from its file alone, before data are read that only going on would need.
    """
    if not has_resume(out):
        return None
    try:
        _, state, _ = _newest_intact(out)
    except InputError:
        return None
    progress = Progress(**state["progress"])
    return progress if progress.ended_by and _of_today(state["fingerprint"]) == fingerprint else None


def refuse_other_run(out: Path, fingerprint: dict[str, Any]) -> None:
    """Refuse to go on in `out` as `load_resume` would, before anything is written there.

    Raises
    ------
    InputError
        If there is a run that cannot be read, or was begun with other options or data.
    """
    if has_resume(out):
        path, state, _ = _newest_intact(out)
        _refuse_other(path, state["fingerprint"], fingerprint)


def _of_today(fingerprint: dict[str, Any]) -> dict[str, Any]:
    """A fingerprint of before some options of networks were there, which says what was done then."""
    network = fingerprint.get("network")
    return fingerprint | {"network": {**ADDED_LATER, **network}} if isinstance(network, dict) else fingerprint


def _refuse_other(path: Path, then: dict[str, Any], now: dict[str, Any]) -> None:
    then = _of_today(then)
    differing = sorted(key for key in {*then, *now} if then.get(key) != now.get(key))
    if differing:
        told = "; ".join(_told_change(key, then.get(key), now.get(key)) for key in differing)
        remedy = "Resume with the options it began with, or write to another folder"
        raise InputError(path, f"was written with other {told}", remedy)


def _told_change(name: str, then: Any, now: Any) -> str:
    """A name, and in brackets what it was and is: of options each that differs, of lists and hashes the name alone."""
    if isinstance(then, dict) and isinstance(now, dict):
        keys = [key for key in {**then, **now} if then.get(key) != now.get(key)]
        return f"{name} ({', '.join(_told_value(key, then.get(key), now.get(key)) for key in keys)})"
    return _told_value(name, then, now)


def _told_value(name: str, then: Any, now: Any) -> str:
    is_short = all(len(str(value)) <= LONGEST_TOLD and not isinstance(value, dict | list) for value in (then, now))
    return f"{name} {then}, now {now}" if is_short else name


def load_resume(
    out: Path, module: nn.Module, optimizer: torch.optim.Optimizer, fingerprint: dict[str, Any]
) -> tuple[Progress, Counter[str], int]:
    """Put module and optimizer where `save_resume` found them; where the run was, and its running sums.

    Raises
    ------
    InputError
        If the file cannot be read, or was written with other options or data.
    """
    path, state, faults = _newest_intact(out)
    for damaged, fault in faults.items():
        logger.warning("%s: cannot be read (%s). Going on from %s.", damaged, fault, path.name)
    _refuse_other(path, state["fingerprint"], fingerprint)
    before, now = json.loads(state.get("made_with", "{}")), arithmetic()
    others = [f"{name} {value}, now {now[name]}" for name, value in before.items() if now.get(name) != value]
    if others:
        logger.warning(
            "%s: was written with %s. The run goes on, but not to the last bit as it would have there.",
            path,
            "; ".join(others),
        )
    try:
        module.load_state_dict(state["module"])
    except RuntimeError:
        cause = "holds weights of another network: another version of this program began the run"
        raise InputError(path, cause, "Go on with that version, or write to another folder") from None
    optimizer.load_state_dict(state["optimizer"])
    return Progress(**state["progress"]), Counter(state["sums"]), state["n_summed"]
