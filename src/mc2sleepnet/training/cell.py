"""One cell of an experiment: a network trained on one fold with one seed, then judged on that fold's test subjects.

A cell is a folder: `pretrain/` and `model/`, the runs of both phases, `hypnodensities.npz`, and `result.json`, which is
written last. Whatever kills it, the same cell run again goes on where it was; a finished one is checked, not redone.
"""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.files import write_text_atomically
from mc2sleepnet.core.model_folder import COMPLETION_FILE, CONFIG_FILE, SEAL_KEY, WEIGHTS_FILE, file_sha256
from mc2sleepnet.core.progress import Step, silent
from mc2sleepnet.core.run_record import recorded
from mc2sleepnet.corpora.folds import Fold
from mc2sleepnet.evaluation.tested import HeldOutRecording, pool
from mc2sleepnet.model.checkpoint import load_checkpoint
from mc2sleepnet.model.config import PREDICTION_OPTIONS, NetworkConfig
from mc2sleepnet.store import Store
from mc2sleepnet.training.devices import chosen_device
from mc2sleepnet.training.finetune import export_run, finetune
from mc2sleepnet.training.finetuning import FinetuneOptions
from mc2sleepnet.training.fold_data import FoldData
from mc2sleepnet.training.held_out import HYPNODENSITIES_FILE, score_held_out, write_hypnodensities
from mc2sleepnet.training.loop import LoopOptions, TrainingResult
from mc2sleepnet.training.presets import build, refuse_ensemble
from mc2sleepnet.training.pretrain import check_pretraining, pretrain
from mc2sleepnet.training.pretraining import PretrainOptions
from mc2sleepnet.training.provenance import made_by
from mc2sleepnet.training.stager import TorchStager

RESULT_FILE = "result.json"
PRETRAIN_FOLDER, MODEL_FOLDER = "pretrain", "model"

# Torch has one random generator and one number of threads a process, and Dask may run cells in several threads of one.
_one_at_a_time = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What to train and whom to judge it by. Everything in it can go to another process or machine.

    Attributes
    ----------
    setting
        Name of the options under test, such as ``"full"``.
    number, fold
        The fold, and its number in the recipe.
    seed
        Of initialisation, order, masks and dropout, in both phases.
    pretraining
        Options by name: of the network, of pre-training and of its loop. None for training from scratch.
    finetuning
        Options by name: of fine-tuning and of its loop; from scratch also of the network, else only of its prediction.
    store, folder
        Where the recordings are, and where the cell goes.
    content_hash
        Of the store when the experiment was planned.
    threads
        Of the processor; results are the same to the bit for the same number only.
    nights
        Training nights to use; 0 for all.
    labelled_nights
        Of these, those whose stages are known; 0 for all. The others serve pre-training without their stages.
    exports
        Whether `model/` becomes a model folder that `score` takes, which is no matter for the result.
    """

    setting: str
    number: int
    fold: Fold
    seed: int
    pretraining: Mapping[str, Any] | None
    finetuning: Mapping[str, Any]
    store: Path
    folder: Path
    content_hash: str
    threads: int
    nights: int = 0
    labelled_nights: int = 0
    exports: bool = True

    def check(self, store: Store) -> None:
        """Build every option once, and look whether the nights are there.

        Raises
        ------
        InputError
            For a value that cannot be, or more nights than there are.
        """
        nights = FoldData(
            store=store, fold=self.fold, needs_stages=False, nights=self.nights, labelled_nights=self.labelled_nights
        )
        assert nights.labelled
        network = build(NetworkConfig, self.finetuning if self.pretraining is None else self.pretraining)
        refuse_ensemble(network)
        build(FinetuneOptions, self.finetuning)
        if self.pretraining is not None:
            options, loop = build(PretrainOptions, self.pretraining), build(LoopOptions, self.pretraining)
            check_pretraining(network, options, loop)
        build(LoopOptions, self.finetuning).check_against(network.sequence_length)

    def identity(self, store: Store) -> dict[str, Any]:
        """What a result must have come from to be this cell's."""
        return {
            "setting": self.setting,
            "fold": {"number": self.number, "name": self.fold.name, "manifest_hash": self.fold.manifest_hash},
            "seed": self.seed,
            "pretraining": self.pretraining and dict(self.pretraining),
            "finetuning": dict(self.finetuning),
            "nights": self.nights,
            "labelled_nights": self.labelled_nights,
            "store": {"corpus": store.corpus, "content_hash": store.content_hash},
            "threads": self.threads,
        }

    def __str__(self) -> str:
        return str(self.folder)


@dataclass(frozen=True, kw_only=True)
class CellResult:
    """What `result.json` says.

    Attributes
    ----------
    setting, number, seed
        Of the cell.
    recordings
        The fold's test recordings.
    is_synthetic
        True where no person was recorded.
    seconds
        Spent on the cell, interruptions left out.
    content
        All of the file.
    """

    setting: str
    number: int
    seed: int
    recordings: tuple[HeldOutRecording, ...]
    is_synthetic: bool
    seconds: float
    content: Mapping[str, Any]

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> "CellResult":
        """From the content of a `result.json`."""
        identity = content["identity"]
        return cls(
            setting=identity["setting"],
            number=identity["fold"]["number"],
            seed=identity["seed"],
            recordings=tuple(HeldOutRecording.from_json(recording) for recording in content["recordings"]),
            is_synthetic=content["is_synthetic"],
            seconds=content["seconds"],
            content=content,
        )


def run_cell(cell: Cell, step: Step = silent) -> CellResult:
    """Train and judge one cell, or go on with it, or check that it is finished.

    Raises
    ------
    InputError
        If the folder holds another cell, its model is damaged, another process is at work in it, the store does not
        hold what it held when the experiment was planned, or a phase fails.
    KeyboardInterrupt
        On Ctrl-C or SIGTERM, with everything saved.
    """
    store = _planned_store(cell)
    found = finished_result(cell, store)
    if found is not None and (not cell.exports or _is_exported(cell)):
        return found
    options = {"fold": cell.number, "seed": cell.seed, **(cell.pretraining or {})}
    options |= {"nights": cell.nights, "labelled_nights": cell.labelled_nights}
    options |= {f"finetune.{name}": value for name, value in cell.finetuning.items()}
    with _one_at_a_time, recorded(cell.folder, f"cell {cell.setting}", options) as record, _threads(cell.threads):
        if found is not None:
            record.tell(test=found.content["test"])
            _export(cell, store, step)
            return found
        _check_signals(cell, store, step)
        content = _train_and_judge(cell, store, step)
        # Whoever prepared the store again meanwhile may have changed what was read last.
        _check_signals(cell, _planned_store(cell), step)
        record.tell(test=content["test"])
        content["seconds"] = record.seconds
        write_text_atomically(cell.folder / RESULT_FILE, json.dumps(content, indent=1) + "\n")
    return CellResult.read(content)


def _planned_store(cell: Cell) -> Store:
    store = Store.open(cell.store)
    if store.content_hash != cell.content_hash:
        fault = "holds something else than when the experiment began: it was prepared again"
        raise InputError(cell.store, fault, "Prepare it as it was and go on with --resume, or choose another --out")
    return store


def _check_signals(cell: Cell, store: Store, step: Step) -> None:
    subjects = [subject for side in cell.fold.sides.values() for subject in side]
    store.check_signals(store.recordings_of(subjects).tolist(), step)


def finished_result(cell: Cell, store: Store) -> CellResult | None:
    """The result of a cell that is finished and whole; None where there is still something to do.

    Raises
    ------
    InputError
        If the result is another cell's, or the model it came from is no longer there.
    """
    path = cell.folder / RESULT_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        identity, files = content["identity"], content["files_sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    wanted = json.loads(json.dumps(cell.identity(store)))
    differing = sorted(key for key in {*wanted, *identity} if wanted.get(key) != identity.get(key))
    if differing:
        fault = f"was made with other {', '.join(differing)}"
        raise InputError(path, fault, "Go on with the options it began with, or choose another --out")
    weights = f"{MODEL_FOLDER}/{WEIGHTS_FILE}"
    for name in (weights, *sorted(set(files) - {weights, HYPNODENSITIES_FILE})):
        if _sha256(cell.folder / name) != files[name]:
            fault = "is not the network whose result stands beside it"
            raise InputError(cell.folder / name, fault, f"Remove {cell.folder}, and run again with --resume")
    # Hypnodensities that are damaged can be scored again from the network.
    if _sha256(cell.folder / HYPNODENSITIES_FILE) != files[HYPNODENSITIES_FILE]:
        return None
    return CellResult.read(content)


def _train_and_judge(cell: Cell, store: Store, step: Step) -> dict[str, Any]:
    pretrain_folder, model_folder = cell.folder / PRETRAIN_FOLDER, cell.folder / MODEL_FOLDER
    phases: dict[str, TrainingResult] = {}
    loop = build(LoopOptions, {**cell.finetuning, "seed": cell.seed})
    if cell.pretraining is not None:
        pretraining_loop = build(LoopOptions, {**cell.pretraining, "seed": cell.seed})
        options = build(PretrainOptions, cell.pretraining)
        nights = FoldData(
            store=store,
            fold=cell.fold,
            needs_stages=options.pretrain_supervision == "stages",
            nights=cell.nights,
            labelled_nights=cell.labelled_nights,
            validation_recordings=pretraining_loop.validation_recordings,
        )
        network = build(NetworkConfig, cell.pretraining)
        phases["pretraining"] = pretrain(
            nights, pretrain_folder, network=network, options=options, loop=pretraining_loop, resume=True, step=step
        )
    labelled = _labelled(cell, store, loop)
    phases["finetuning"] = finetune(
        labelled,
        None if cell.pretraining is None else pretrain_folder,
        model_folder,
        loop=loop,
        options=build(FinetuneOptions, cell.finetuning),
        network=_network_options(cell),
        resume=True,
        exports=cell.exports,
        step=step,
    )
    stager = TorchStager(load_checkpoint(model_folder).network.to(chosen_device(loop.device)))
    with step("testing") as advance:
        scored = score_held_out(
            stager, store, cell.fold.test, stride=loop.scoring_stride, aggregation=loop.aggregation, advance=advance
        )
    write_hypnodensities(scored, cell.folder / HYPNODENSITIES_FILE)
    tested = [night.counted(cell.number) for night in scored]
    own = [name for name in (WEIGHTS_FILE, COMPLETION_FILE) if (model_folder / name).is_file()]
    files = (*(f"{MODEL_FOLDER}/{name}" for name in own), HYPNODENSITIES_FILE)
    return {
        "identity": cell.identity(store),
        "is_synthetic": store.is_synthetic,
        "test": pool(tested).agreement.to_json(),
        "recordings": [recording.to_json() for recording in tested],
        "phases": {name: asdict(result) for name, result in phases.items()},
        "files_sha256": {name: file_sha256(cell.folder / name) for name in files},
        "made_by": made_by(),
    }


def _labelled(cell: Cell, store: Store, loop: LoopOptions) -> FoldData:
    """What fine-tuning learns from: stages alone, so that nights whose stages are hidden have nothing to teach it."""
    return FoldData(
        store=store,
        fold=cell.fold,
        nights=cell.labelled_nights or cell.nights,
        validation_recordings=loop.validation_recordings,
    )


def _is_exported(cell: Cell) -> bool:
    config = json.loads((cell.folder / MODEL_FOLDER / CONFIG_FILE).read_text(encoding="utf-8"))
    return SEAL_KEY in config


def _export(cell: Cell, store: Store, step: Step) -> None:
    """Make the model folder that an earlier call left out."""
    loop = build(LoopOptions, {**cell.finetuning, "seed": cell.seed})
    export_run(_labelled(cell, store, loop), None, loop, cell.folder / MODEL_FOLDER, step)


def _network_options(cell: Cell) -> dict[str, Any]:
    """Of the options for fine-tuning, those of the network: all of them from scratch, else which answer is asked."""
    allowed = {field.name for field in fields(NetworkConfig)} if cell.pretraining is None else PREDICTION_OPTIONS
    return {name: value for name, value in cell.finetuning.items() if name in allowed}


def _sha256(path: Path) -> str:
    """Of a file; of one that is not there, none."""
    try:
        return file_sha256(path)
    except OSError:
        return ""


@contextmanager
def _threads(n: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)
