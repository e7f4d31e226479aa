"""Tokens of finished recordings in a run's folder, so that whoever is stopped while encoding encodes none twice."""

import hashlib
import io
import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mc2sleepnet.core.files import atomic_path
from mc2sleepnet.model.ranks import Ranks
from mc2sleepnet.training.resume import sealed, unsealed

FOLDER_PREFIX, KEY_LETTERS = "tokens-", 16


class KeptTokens:
    """A file for each recording, all or nothing, sealed with a checksum.

    Parameters
    ----------
    run
        Folder of the run.
    made_from
        Everything that tokens depend on; those of anything else are not read. Torch's version belongs to it.
    """

    def __init__(self, run: Path, made_from: Mapping[str, Any]) -> None:
        key = json.dumps({**made_from, "torch": torch.__version__}, sort_keys=True)
        self._run = run
        self.folder = run / f"{FOLDER_PREFIX}{hashlib.sha256(key.encode()).hexdigest()[:KEY_LETTERS]}"

    def read(self, recording: int) -> NDArray[np.float32] | None:
        """Tokens of a recording, [N, S, D]; None where they were not kept whole."""
        try:
            content = unsealed(self._path(recording).read_bytes())
        except (OSError, ValueError):
            return None
        tokens: NDArray[np.float32] = np.load(io.BytesIO(content), allow_pickle=False)
        return tokens

    def keep(self, recording: int, tokens: NDArray[np.float32]) -> None:
        """Write a recording's tokens; of several ranks the first does.

        Raises
        ------
        OSError
            If the disk is full or cannot be written.
        """
        if not Ranks.current().is_first:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        serialised = io.BytesIO()
        np.save(serialised, tokens, allow_pickle=False)
        with atomic_path(self._path(recording)) as temporary:
            temporary.write_bytes(sealed(serialised.getvalue()))

    def remove(self) -> None:
        """Forget all tokens of the run, also those of earlier options."""
        if Ranks.current().is_first:
            for folder in filter(is_token_folder, self._run.glob(f"{FOLDER_PREFIX}*")):
                shutil.rmtree(folder, ignore_errors=True)

    def _path(self, recording: int) -> Path:
        return self.folder / f"{recording:06d}.npy"


def is_token_folder(path: Path) -> bool:
    """Whether a path is named as the folders of tokens are, and by nobody else."""
    return re.fullmatch(rf"{FOLDER_PREFIX}[0-9a-f]{{{KEY_LETTERS}}}", path.name) is not None and path.is_dir()
