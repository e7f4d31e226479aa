"""`resume.pt` and `metrics.jsonl`: where a run is, so that it can go on as if it had never stopped."""

import io
import json
import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.files import atomic_path

RESUME_FILE = "resume.pt"
METRICS_FILE = "metrics.jsonl"


@dataclass(kw_only=True)
class Progress:
    """Where a run is: with the states of module and optimizer, all that `resume.pt` holds."""

    step: int = 0
    best_step: int = 0
    best_macro_f1: float = -math.inf
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
    """Write all that a run needs to go on, all or nothing."""
    state = {
        "module": module.state_dict(),
        "optimizer": optimizer.state_dict(),
        "progress": vars(progress),
        "sums": dict(sums),
        "n_summed": n_summed,
        "fingerprint": json.dumps(fingerprint, sort_keys=True),
    }
    # Torch's own writer tells a full disk by a RuntimeError, and Python's by an OSError.
    serialised = io.BytesIO()
    torch.save(state, serialised)
    with atomic_path(out / RESUME_FILE) as temporary:
        temporary.write_bytes(serialised.getbuffer())


def load_resume(
    out: Path, module: nn.Module, optimizer: torch.optim.Optimizer, fingerprint: dict[str, Any]
) -> tuple[Progress, Counter[str], int]:
    """Put module and optimizer where `save_resume` found them; where the run was, and its running sums.

    Raises
    ------
    InputError
        If the file cannot be read, or was written with other options or data.
    """
    path = out / RESUME_FILE
    try:
        state = torch.load(path, weights_only=True, map_location="cpu")
        saved = json.loads(state["fingerprint"])
    except Exception as error:
        raise InputError(path, f"cannot be read ({error})", "Start the run again without --resume") from error
    differing = sorted(key for key in {*saved, *fingerprint} if saved.get(key) != fingerprint.get(key))
    if differing:
        raise InputError(
            path,
            f"was written with another {', '.join(differing)}",
            "Resume with the options it began with, or choose another --out",
        )
    module.load_state_dict(state["module"])
    optimizer.load_state_dict(state["optimizer"])
    return Progress(**state["progress"]), Counter(state["sums"]), state["n_summed"]


def truncate_metrics(path: Path, step: int) -> None:
    """Drop rows that a resumed run is about to write again."""
    if not path.is_file():
        return
    rows = [row for row in path.read_text(encoding="utf-8").splitlines() if row.endswith("}")]
    kept = [row for row in rows if json.loads(row)["step"] <= step]
    with atomic_path(path) as temporary:
        temporary.write_text("".join(row + "\n" for row in kept), encoding="utf-8")
