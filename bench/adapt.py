"""A lab's own nights: κ of the shipped model on a recorder it never met, before and after fine-tuning on few of them.

Run as ``python bench/adapt.py OUT [--model DIR]``. The lab is one synthetic recorder far outside of training's range
(filtered, noisy, another montage), its 8 training, 2 validation and 6 test nights are different subjects. Fine-tuning
is the paper's second phase on frozen backbones, as ``mc2sleepnet finetune --init shipped`` does it. All is synthetic.
"""

import argparse
from pathlib import Path

import numpy as np

from mc2sleepnet.corpora.folds import Fold
from mc2sleepnet.inference import score_night
from mc2sleepnet.metrics.agreement import agreement
from mc2sleepnet.model.checkpoint import load_checkpoint
from mc2sleepnet.store import Store
from mc2sleepnet.synth.recorder import RecorderRange
from mc2sleepnet.synth.training_nights import GeneratorSetting
from mc2sleepnet.synth.training_store import write_training_store
from mc2sleepnet.training.finetune import finetune
from mc2sleepnet.training.fold_data import FoldData
from mc2sleepnet.training.loop import LoopOptions
from mc2sleepnet.training.stager import TorchStager

LAB = GeneratorSetting(
    recorders=RecorderRange(
        montage=(-0.5, -0.4),
        centrality=(-0.8, -0.6),
        gain_sd=0.1,
        tilt_sd=0.0,
        high_pass_hz=(1.2, 1.4),
        low_pass_hz=(12.0, 14.0),
        noise_uv=(3.0, 5.0),
        dirt=0.0,
    )
)
TRAIN, VALIDATION, TEST = 8, 2, 6
LOOP = LoopOptions(sequence_stride=4, validate_every_steps=20, max_steps=120, patience=3, scoring_stride=8, seed=0)


def kappa(model: Path, store: Store, nights: list[str]) -> float:
    stager = TorchStager(load_checkpoint(model).network)
    truth, found = [], []
    for index in store.recordings_of(nights).tolist():
        epochs = store.epochs_of(index)
        answers = score_night(stager, store.signal_uv(epochs), store.is_readable[epochs], stride=8)
        truth.append(store.stage[epochs])
        found.append(answers.argmax(1).astype(np.int8))
    return agreement(np.concatenate(truth), np.concatenate(found)).kappa


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", type=Path, default=Path("shipped"))
    arguments = parser.parse_args()
    write_training_store(arguments.out / "store", {"lab": (LAB, TRAIN + VALIDATION + TEST)}, seed=77)
    store = Store.open(arguments.out / "store")
    names = list(store.subjects)
    test, validation = names[TRAIN + VALIDATION :], names[TRAIN : TRAIN + VALIDATION]
    print(f"before: κ {kappa(arguments.model, store, test):.3f} on {len(test)} test nights (synthetic)")
    for count in (1, 2, 4, 8):
        fold = Fold(name=f"{count} nights", train=tuple(names[:count]), validation=tuple(validation), test=tuple(test))
        run = arguments.out / f"after-{count}"
        finetune(FoldData(store=store, fold=fold), arguments.model, run, loop=LOOP, resume=True)
        print(f"after {count} nights: κ {kappa(run, store, test):.3f}", flush=True)


if __name__ == "__main__":
    main()
