"""The files of a model folder and what they promise: written by training, read by scoring, which share no code."""

import filecmp
import hashlib
import json
import shutil
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from mc2sleepnet.core.completion import Completion
from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.files import atomic_path, folder_to_oneself, write_text_atomically
from mc2sleepnet.core.options import check_choices
from mc2sleepnet.core.smoothing import Smoothing

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
ENCODER_FILE = "encoder.onnx"
SEQUENCE_FILE = "sequence.onnx"
CALIBRATION_FILE = "calibration.json"
COMPLETION_FILE = "completion.npz"
CARD_FILE = "README.md"
SHIPPED = "shipped"
SEAL_KEY = "files_sha256"
COMPLETION_KEY = "completion_sha256"
SEALED_FILES = (ENCODER_FILE, SEQUENCE_FILE, CALIBRATION_FILE)


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What turns the network's log-probabilities into confidence.

    Attributes
    ----------
    temperature
        Fitted on the validation recordings' scored epochs.
    n_epochs
        How many those were.
    scoring_stride
        Epochs between two sequences when it was fitted, and when nights are scored.
    aggregation
        How overlapping sequences' answers become one, then as now: see `inference.Aggregation`.
    smoothing
        What became of a night's answers, then as now: see `core.smoothing`.
    """

    temperature: float
    n_epochs: int
    scoring_stride: int
    aggregation: Literal["average", "last"] = "average"
    smoothing: Smoothing = "none"

    def __post_init__(self) -> None:
        check_choices(self)
        assert self.temperature > 0
        assert self.scoring_stride >= 1


@dataclass(frozen=True, kw_only=True)
class ModelFolder:
    """A model that can score, found whole on disk.

    Attributes
    ----------
    path
        The folder.
    sequence_length
        L, epochs per sequence.
    is_synthetic
        True where any night the model learned from was synthetic.
    calibration
        Temperature and stride.
    sha256
        Hash of the whole model.
    config
        All of `config.json`.
    """

    path: Path
    sequence_length: int
    is_synthetic: bool
    calibration: Calibration
    sha256: str
    config: dict[str, Any]

    def __repr__(self) -> str:
        return f"<ModelFolder {self.path}: {self.sha256[:12]}{', of synthetic nights' if self.is_synthetic else ''}>"

    @property
    def completion(self) -> Completion | None:
        """What makes a recording's statistics those that the encoder is given; None where it takes them as they are.

        Raises
        ------
        InputError
            If its file cannot be read.
        """
        return Completion.load(self.path / COMPLETION_FILE) if COMPLETION_FILE in self.config[SEAL_KEY] else None


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def seal_model_folder(path: Path, calibration: Calibration) -> None:
    """Write `calibration.json`, and the hashes of what scores into `config.json`: from then on the folder can score."""
    write_text_atomically(path / CALIBRATION_FILE, json.dumps(asdict(calibration), indent=1) + "\n")
    config = json.loads((path / CONFIG_FILE).read_text(encoding="utf-8"))
    files = (*SEALED_FILES, COMPLETION_FILE) if config.get(COMPLETION_KEY) else SEALED_FILES
    config[SEAL_KEY] = {name: file_sha256(path / name) for name in files}
    write_text_atomically(path / CONFIG_FILE, json.dumps(config, indent=1) + "\n")


def default_model_folder() -> Path:
    """Where the model lies that ships with the program.

    Raises
    ------
    InputError
        If this installation has none.
    """
    folder = Path(__file__).parents[1] / "shipped_model"
    if not (folder / CONFIG_FILE).is_file():
        raise InputError(
            "--model", "this installation ships no model", "Name a folder that `finetune` or `export` wrote"
        )
    return folder


def resolved(path: Path) -> Path:
    """The program's own model folder for the name ``shipped``, unless a folder of that name is there."""
    return default_model_folder() if str(path) == SHIPPED and not path.exists() else path


def open_model_folder(path: Path) -> ModelFolder:
    """Check a model folder's files and hashes; ``shipped`` is the one in the package.

    Raises
    ------
    InputError
        If a file is missing, cannot be read, or is not the one `config.json` names.
    """
    path = resolved(path)
    if not (path / CONFIG_FILE).is_file():
        raise InputError(path, f"no model here: {CONFIG_FILE} is missing", "Name a folder that `finetune` wrote")
    try:
        config = json.loads((path / CONFIG_FILE).read_text(encoding="utf-8"))
        if SEAL_KEY not in config:
            fault = f"the model cannot score yet: its last phase is {config['phase']}"
            raise InputError(path, fault, "Run `mc2sleepnet finetune` to its end, which exports the graphs")
        for name in _sealed_files(config[SEAL_KEY]):
            if file_sha256(path / name) != config[SEAL_KEY][name]:
                raise InputError(path / name, f"not the file that {CONFIG_FILE} names", "Copy the folder again")
        calibration = _read_calibration(path / CALIBRATION_FILE)
        identity = json.dumps([config["weights_sha256"], config[SEAL_KEY]], sort_keys=True)
        return ModelFolder(
            path=path,
            sequence_length=config["network"]["sequence_length"],
            is_synthetic=config["is_synthetic"] is not False,  # whatever is not said to be real counts as synthetic
            calibration=calibration,
            sha256=hashlib.sha256(identity.encode()).hexdigest(),
            config=config,
        )
    except OSError as error:
        raise InputError(
            error.filename or path, f"cannot be read ({error.strerror})", "Copy the folder again"
        ) from None
    except (KeyError, TypeError, json.JSONDecodeError, UnicodeDecodeError) as error:
        lacks = f": its config.json has no {error}" if isinstance(error, KeyError) else ""
        raise InputError(path, f"not a model folder of this version{lacks}", "Copy the folder again") from None


def _read_calibration(path: Path) -> Calibration:
    """What the file says; a TypeError where this version does not know a name or a value."""
    try:
        return Calibration(**json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise TypeError(str(error)) from None


def copy_model_folder(source: Path, target: Path) -> None:
    """Copy the files that make a model, and nothing else of a run; `config.json` last.

    Raises
    ------
    InputError
        If `source` is no model that can score, its weights are damaged, or `target` holds another model or files of
        others.
    """
    source = resolved(source)
    model = open_model_folder(source)
    if file_sha256(source / WEIGHTS_FILE) != model.config["weights_sha256"]:
        raise InputError(source / WEIGHTS_FILE, f"not the weights that {CONFIG_FILE} names", "Export from a whole run")
    if (target / CONFIG_FILE).exists() and (target / CONFIG_FILE).read_bytes() != (source / CONFIG_FILE).read_bytes():
        raise InputError(target, "another model is here already", "Choose another --out")
    if not (source / CARD_FILE).is_file():
        raise InputError(source / CARD_FILE, "the model card is missing", "Resume the run, which writes it again")
    names = (WEIGHTS_FILE, *_sealed_files(model.config[SEAL_KEY]), CARD_FILE, CONFIG_FILE)
    if not (target / CONFIG_FILE).exists():
        _refuse_files_of_others(target, source, names)
    with folder_to_oneself(target, names):
        for name in names:
            with atomic_path(target / name) as temporary:
                shutil.copyfile(source / name, temporary)


def _refuse_files_of_others(target: Path, source: Path, names: Collection[str]) -> None:
    """Refuse a folder without a model unless it is empty, or holds what a killed export of this one has left.

    Hidden files are no hindrance: none that an export writes is one.
    """
    if target.exists() and not target.is_dir():
        raise InputError(target, "is a file", "Choose another --out")
    there = sorted(path.name for path in target.glob("[!.]*"))
    others = [name for name in there if name not in names or not _is_same_file(target / name, source / name)]
    if others:
        raise InputError(target, f"holds {others[0]}, which no export of this model wrote", "Choose another --out")


def _is_same_file(path: Path, other: Path) -> bool:
    return path.is_file() and filecmp.cmp(path, other, shallow=False)


def _sealed_files(seal: Collection[str]) -> tuple[str, ...]:
    return (*SEALED_FILES, COMPLETION_FILE) if COMPLETION_FILE in seal else SEALED_FILES
