"""A lab's own nights: κ of the shipped model on a recorder it never met, before and after fine-tuning on few of them.

Run as ``python bench/adapt.py OUT [--model DIR] [--labs NAME…] [--start-share S]``. A lab is one kind of synthetic
recorder outside of training's range; its 8 training, 2 validation and 6 test nights are different subjects. Fine-tuning
is the paper's second phase on frozen backbones, as ``mc2sleepnet finetune --init shipped`` does it. All is synthetic.
"""

import argparse
from pathlib import Path

import numpy as np

from mc2sleepnet.corpora.folds import Fold
from mc2sleepnet.inference import score_night
from mc2sleepnet.metrics.agreement import agreement
from mc2sleepnet.model.checkpoint import load_checkpoint
from mc2sleepnet.recipes.single_fold import ADAPTING, FINETUNING_STRIDE
from mc2sleepnet.store import Store
from mc2sleepnet.synth.recorder import RecorderRange
from mc2sleepnet.synth.training_nights import GeneratorSetting
from mc2sleepnet.synth.training_store import write_training_store
from mc2sleepnet.training.finetune import finetune
from mc2sleepnet.training.finetuning import FinetuneOptions
from mc2sleepnet.training.fold_data import FoldData
from mc2sleepnet.training.loop import LoopOptions
from mc2sleepnet.training.presets import build
from mc2sleepnet.training.stager import TorchStager

# Recorders of one kind each, outside of training's range (`RecorderRange`) in more than one way.
LABS = {
    "narrow band": RecorderRange(
        montage=(-0.5, -0.4),
        centrality=(-0.8, -0.6),
        gain_sd=0.1,
        tilt_sd=0.0,
        high_pass_hz=(1.2, 1.4),
        low_pass_hz=(12.0, 14.0),
        noise_uv=(3.0, 5.0),
        dirt=0.0,
    ),
    "occipital": RecorderRange(
        montage=(1.5, 1.7),
        centrality=(-0.8, -0.6),
        flatness=(-0.5, -0.3),
        gain_sd=0.1,
        tilt_sd=0.0,
        low_pass_hz=(18.0, 22.0),
        dirt=0.0,
    ),
    "dirty": RecorderRange(
        montage=(0.4, 0.6),
        centrality=(1.6, 1.8),
        flatness=(1.5, 1.7),
        gain_sd=0.1,
        tilt_sd=0.0,
        noise_uv=(5.0, 8.0),
        dirt=1.0,
    ),
}
TRAIN, VALIDATION, TEST = 8, 2, 6
NIGHTS = TRAIN + VALIDATION + TEST
OPTIONS = {"sequence_stride": FINETUNING_STRIDE, "scoring_stride": 8, "seed": 0} | ADAPTING


def kappa(model: Path, store: Store, nights: list[str]) -> float:
    stager = TorchStager(load_checkpoint(model).network)
    truth, found = [], []
    for index in store.recordings_of(nights).tolist():
        epochs = store.epochs_of(index)
        answers = score_night(stager, store.signal_uv(epochs), store.is_readable[epochs], stride=8)
        truth.append(store.stage[epochs])
        found.append(answers.argmax(1).astype(np.int8))
    return agreement(np.concatenate(truth), np.concatenate(found)).kappa


def adapt(name: str, out: Path, model: Path, start_share: float) -> None:
    write_training_store(out / "store", {"lab": (GeneratorSetting(recorders=LABS[name]), NIGHTS)}, seed=77)
    store = Store.open(out / "store")
    names = list(store.subjects)
    test, validation = names[TRAIN + VALIDATION :], names[TRAIN : TRAIN + VALIDATION]
    print(f"{name}: before κ {kappa(model, store, test):.3f} on {len(test)} test nights (synthetic)", flush=True)
    for count in (1, 2, 4, 8):
        fold = Fold(name=f"{count} nights", train=tuple(names[:count]), validation=tuple(validation), test=tuple(test))
        run = out / f"after-{count}-share-{start_share}"
        values = OPTIONS | {"start_share": start_share}
        loop, options = build(LoopOptions, values), build(FinetuneOptions, values)
        finetune(FoldData(store=store, fold=fold), model, run, loop=loop, options=options, resume=True, exports=False)
        print(f"{name}: after {count} nights κ {kappa(run, store, test):.3f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", type=Path, default=Path("shipped"))
    parser.add_argument("--labs", nargs="+", choices=LABS, default=list(LABS))
    parser.add_argument("--start-share", type=float, default=ADAPTING["start_share"])
    arguments = parser.parse_args()
    for name in arguments.labs:
        adapt(name, arguments.out / name.replace(" ", "-"), arguments.model, arguments.start_share)


if __name__ == "__main__":
    main()
