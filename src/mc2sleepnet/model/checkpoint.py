"""A trained network on disk: `model.safetensors` and a `config.json` a person can read. No pickles."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch

from mc2sleepnet.core.completion import Completion
from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.files import atomic_path, write_text_atomically
from mc2sleepnet.core.json_values import without_nan
from mc2sleepnet.core.model_folder import (
    COMPLETION_FILE,
    COMPLETION_KEY,
    CONFIG_FILE,
    WEIGHTS_FILE,
    file_sha256,
    resolved,
)
from mc2sleepnet.model.architectures import build_network
from mc2sleepnet.model.config import NetworkConfig
from mc2sleepnet.model.staging_network import StagingNetwork

_TRAIN_ANEW = "Copy the folder again or train anew"
_RESUME = "Resume the run if it was interrupted; else copy the folder again, or train anew in another one"
FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A network and how it came to be.

    Attributes
    ----------
    network
        In eval mode, its spectrogram statistics and its completion set.
    phase
        The phase that wrote it: ``"pre-training"`` or ``"fine-tuning"``.
    is_synthetic
        True where any night it learned from was synthetic.
    provenance
        Options, store, fold, parent, versions: everything needed to make it again.
    weights_sha256
        Of `model.safetensors`, where it was read from disk.
    completion_sha256
        Of `completion.npz`, where there is one.
    """

    network: StagingNetwork
    phase: str
    is_synthetic: bool
    provenance: dict[str, Any] = field(default_factory=dict)
    weights_sha256: str = ""
    completion_sha256: str = ""


def save_checkpoint(checkpoint: Checkpoint, folder: Path) -> None:
    """Write `model.safetensors`, the network's completion if it has one, then `config.json`: each all or nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    network = checkpoint.network
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    with atomic_path(folder / WEIGHTS_FILE) as temporary:
        # Written by Python, whose error for a full disk is an OSError; the library has one of its own.
        temporary.write_bytes(safetensors.torch.save(weights))
    if network.completion is not None:
        network.completion.save(folder / COMPLETION_FILE)
    config = {
        "format": FORMAT,
        "phase": checkpoint.phase,
        "is_synthetic": checkpoint.is_synthetic,
        "weights_sha256": file_sha256(folder / WEIGHTS_FILE),
        COMPLETION_KEY: file_sha256(folder / COMPLETION_FILE) if network.completion is not None else None,
        "network": network.config.to_json(),
        "spectrogram": network.spectrogram
        and {
            "mean_db": network.spectrogram.mean_db.tolist(),
            "deviation_db": network.spectrogram.deviation_db.tolist(),
        },
        "provenance": checkpoint.provenance,
    }
    write_text_atomically(folder / CONFIG_FILE, json.dumps(without_nan(config), indent=1) + "\n")


def load_checkpoint(folder: Path) -> Checkpoint:
    """Read what `save_checkpoint` wrote.

    Raises
    ------
    InputError
        If the folder is no checkpoint, is of another version, or its weights are not those its config names.
    """
    folder = resolved(folder)
    config_path, weights_path, completion_path = (folder / n for n in (CONFIG_FILE, WEIGHTS_FILE, COMPLETION_FILE))
    for path in (config_path, weights_path):
        if not path.is_file():
            raise InputError(
                folder,
                f"no {path.name} in this folder",
                "Name a folder that `mc2sleepnet pretrain` or `finetune` wrote",
            )
    try:
        config = json.loads(config_path.read_text(encoding="utf-8"))
        version, weights_sha256 = config["format"], config["weights_sha256"]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            config_path, "not a checkpoint's config: it is damaged, or another program's", "Copy the folder again"
        ) from error
    if version != FORMAT:
        raise InputError(
            config_path, f"checkpoint format {version}, this version reads {FORMAT}", "Train it again with this version"
        )
    if file_sha256(weights_path) != weights_sha256:
        raise InputError(
            weights_path,
            "the weights are not the ones config.json was written for",
            _RESUME,
        )
    completion_sha256 = config.get(COMPLETION_KEY)
    if completion_sha256 and (not completion_path.is_file() or file_sha256(completion_path) != completion_sha256):
        fault = "missing, or not the one config.json was written for"
        raise InputError(
            completion_path,
            fault,
            _RESUME,
        )
    completion = Completion.load(completion_path) if completion_sha256 else None
    try:
        network = build_network(NetworkConfig.from_json(config["network"]))
        network.load_state_dict(safetensors.torch.load_file(weights_path))
        if network.spectrogram is not None:
            network.spectrogram.mean_db.copy_(torch.tensor(config["spectrogram"]["mean_db"]))
            network.spectrogram.deviation_db.copy_(torch.tensor(config["spectrogram"]["deviation_db"]))
        network.completion = completion
        return Checkpoint(
            network=network.eval(),
            phase=config["phase"],
            is_synthetic=config["is_synthetic"],
            provenance=config["provenance"],
            weights_sha256=weights_sha256,
            completion_sha256=completion_sha256 or "",
        )
    except ValueError as error:  # in the words of this program
        raise InputError(folder, f"not a readable checkpoint: {error}", _TRAIN_ANEW) from error
    except (KeyError, TypeError, RuntimeError, safetensors.SafetensorError) as error:
        fault = f"not a readable checkpoint: its {CONFIG_FILE} lacks something, or its weights are of another network"
        raise InputError(folder, fault, _TRAIN_ANEW) from error
