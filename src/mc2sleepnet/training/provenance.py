"""Who made a file: versions and command, for people who find it years later."""

import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch


def made_by() -> dict[str, Any]:
    """Versions, command and time of writing."""
    return {
        "mc2sleepnet": version("mc2sleepnet"),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
    }
