"""What a run tells while it runs: a row of `metrics.jsonl` per validation, and the same curves for TensorBoard."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from mc2sleepnet.core.files import atomic_path, errors_name
from mc2sleepnet.core.json_values import without_nan

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

METRICS_FILE = "metrics.jsonl"
TENSORBOARD_FOLDER = "tensorboard"


class RunLog:
    """The rows of a run in `out`. Rows after `step`, which a resumed run is about to write again, are dropped.

    Parameters
    ----------
    out
        Folder of the run.
    step
        Step the run goes on from; 0 for a new one.
    is_silent
        Write nothing: another rank does.
    """

    def __init__(self, out: Path, *, step: int, is_silent: bool = False) -> None:
        self.path, self._is_silent = out / METRICS_FILE, is_silent
        self._curves: SummaryWriter | None = None
        if is_silent:
            return
        truncate_metrics(self.path, step)
        self._curves = _summary_writer(out / TENSORBOARD_FOLDER, step)

    def write(self, row: Mapping[str, Any]) -> None:
        """Append a row; it must have a ``step``.

        Raises
        ------
        OSError
            With the file named, if it cannot be written.
        """
        if self._is_silent:
            return
        with errors_name(self.path), self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(without_nan(dict(row))) + "\n")
        if self._curves is None:
            return
        for name, value in row.items():
            if name != "step":
                group, _, rest = name.partition("_")
                tag = f"validation/{rest}" if group == "validation" else f"training/{name}"
                self._curves.add_scalar(tag, value, global_step=row["step"])
        self._curves.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._curves is not None:
            self._curves.close()


def _summary_writer(folder: Path, step: int) -> "SummaryWriter | None":
    """TensorBoard's writer; None where it is not installed, as on a machine that has torch alone."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ModuleNotFoundError:
        return None
    return SummaryWriter(str(folder), purge_step=step + 1 if step else None)


def truncate_metrics(path: Path, step: int) -> None:
    """Drop rows that a resumed run is about to write again, and a last row that was cut short."""
    if not path.is_file():
        return
    rows = [row for row in path.read_text(encoding="utf-8").splitlines() if row.endswith("}")]
    kept = [row for row in rows if json.loads(row)["step"] <= step]
    with atomic_path(path) as temporary:
        temporary.write_text("".join(row + "\n" for row in kept), encoding="utf-8")
