"""Write `tables/real_hypnograms.json`: label sequences of real nights. Labels only; no signal is read.

Run as ``python -m mc2sleepnet.synth.derive_hypnograms DATA_DIR``.
"""

import csv
import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.files import write_text_atomically
from mc2sleepnet.core.stages import N_STAGES, UNSCORED
from mc2sleepnet.synth.derive_tables import read_ucddb
from mc2sleepnet.synth.real_hypnograms import SHORTEST_NIGHT, encode_runs

Stages = NDArray[np.int8]

# Validates: neither its signal nor its labels may teach.
HELD_OUT = "ucddb022"
SOURCES = {
    "sleep-edf": "Sleep-EDF Expanded 1.0.0, cassette (Kemp et al. 2000; PhysioNet, Goldberger et al. 2000), ODC-By 1.0",
    "ucddb": "St. Vincent's University Hospital / UCD Sleep Apnea Database 1.0.0 (PhysioNet), ODC-By 1.0, without 022",
    "dod": "DOD-H and DOD-O (Guillot et al. 2020), the stage most of five scorers chose, MIT",
    "boas": "Bitbrain Open Access Sleep data set, OpenNeuro ds005555, human scorer, CC0",
}


def main(data: Path) -> None:
    """Read the four corpora's labels and write the table."""
    nights = {"sleep-edf": _sleep_edf(data), "ucddb": _ucddb(data), "dod": _dod(data), "boas": _boas(data)}
    kept = {
        corpus: [encode_runs(night) for night in of_corpus if (night > 0).sum() >= SHORTEST_NIGHT]
        for corpus, of_corpus in nights.items()
    }
    text = json.dumps({"sources": SOURCES, "nights": kept}, indent=0)
    write_text_atomically(Path(__file__).with_name("tables") / "real_hypnograms.json", text + "\n")


def _sleep_edf(data: Path) -> list[Stages]:
    archive = np.load(data / "sleep-edf" / "bandpower_fpzcz.npz", allow_pickle=False)
    return [archive["y"][archive["rec"] == index].astype(np.int8) for index in range(len(archive["names"]))]


def _ucddb(data: Path) -> list[Stages]:
    paths = sorted((data / "ucddb").glob("ucddb*_stage.txt"))
    return [read_ucddb(path) for path in paths if not path.name.startswith(HELD_OUT)]


def _dod(data: Path) -> list[Stages]:
    archive = np.load(data / "dod" / "dod_5scorers.npz", allow_pickle=False)
    nights = []
    for name in archive.files:
        votes = np.stack([(archive[name] == stage).sum(0) for stage in range(N_STAGES)])
        nights.append(np.where(votes.max(0) > 0, votes.argmax(0), UNSCORED).astype(np.int8))
    return nights


def _boas(data: Path) -> list[Stages]:
    nights = []
    for path in sorted((data / "boas").glob("*_events.tsv")):
        with path.open(encoding="utf-8") as file:
            codes = np.array([int(row["stage_hum"]) for row in csv.DictReader(file, delimiter="\t")])
        nights.append(np.where((codes >= 0) & (codes < N_STAGES), codes, UNSCORED).astype(np.int8))
    return nights


if __name__ == "__main__":
    main(Path(sys.argv[1]))
