"""The engine's first answers, in a process of its own each: on several streams, and to several threads at once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import faulthandler, sys, threading
faulthandler.dump_traceback_later(60, exit=True)
sys.setswitchinterval(1e-6)
import numpy as np
from pathlib import Path
from mc2sleepnet.core.model_folder import open_model_folder
from mc2sleepnet.inference import score_night
from mc2sleepnet.scoring.engine import OpenVinoStager

signal_uv = np.random.default_rng(0).normal(0, 20, (70, 3000)).astype(np.float32)
answers = []
def score():
    stager = OpenVinoStager(open_model_folder(Path(sys.argv[1])), n_threads=4)
    answers.append(score_night(stager, signal_uv, np.ones(70, np.bool_), stride=8))
threads = [threading.Thread(target=score) for _ in range(int(sys.argv[2]))]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert len(answers) == len(threads)
assert all(np.array_equal(answer, answers[0]) for answer in answers)
"""


@pytest.mark.parametrize("threads", [1, 3])
def test_a_process_that_begins_to_score_neither_stands_still_nor_falls_at_its_end(
    model_dir: Path, threads: int
) -> None:
    """Half of such processes stood still when each stream had a thread of Python's."""
    for _ in range(3):
        command = [sys.executable, "-c", PROGRAM, str(model_dir), str(threads)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
        assert (ended.returncode, ended.stderr) == (0, "")
