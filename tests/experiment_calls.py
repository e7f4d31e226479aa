"""How tests of whole experiments call them: small networks, in this process or in one of their own."""

import subprocess
import sys
import time
from pathlib import Path

from typer.testing import CliRunner, Result

from mc2sleepnet.cli import app

TINY = [
    "width=0.125",
    "spectrogram_layers=1",
    "sequence_layers=1",
    "batch_sequences=8",
    "validate_every_steps=2",
    "max_steps=8",
]
PROGRAM = "from mc2sleepnet.cli import main\nif __name__ == '__main__': main()\n"


def call(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def started(tmp_path: Path, *words: str) -> "subprocess.Popen[bytes]":
    (tmp_path / "program.py").write_text(PROGRAM)
    return subprocess.Popen([sys.executable, str(tmp_path / "program.py"), *words], stderr=subprocess.DEVNULL)


def when_there(path: Path) -> Path:
    deadline = time.monotonic() + 120
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} never came"
        time.sleep(0.02)
    return path
