"""Who made a file: versions and command, for people who find it years later."""

import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from mc2sleepnet.core.version import own_version


def made_by() -> dict[str, Any]:
    """Versions, command and time of writing."""
    return {
        "mc2sleepnet": own_version(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
    }
