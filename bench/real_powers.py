"""A model on nights whose band powers are those of real nights, in signals the generator makes.

Run as ``python bench/real_powers.py STORE --data DIR [--nights 40] [--model DIR]``. Stages and band powers, epoch by
epoch, are those of Sleep-EDF's cassette nights (half an hour about their sleep); what is within an epoch, and the
recorder, the generator draws. So how stages differ in people, how long they stay so and what lies between them is real
here and is not what any network was taught; the waveform is not real. Nothing is trained on these nights. Whole nights
and the same epochs as records of 20, 40 and 60 minutes, by night; the store is made once, of nights evenly spaced
among the 153. The generator's tables were derived from all of these, so that figures compare models and test none.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import norm
from torch import Generator

from mc2sleepnet.core.model_folder import open_model_folder
from mc2sleepnet.core.stages import N_STAGES, STAGES, UNSCORED, W
from mc2sleepnet.metrics.agreement import agreement
from mc2sleepnet.scoring.engine import OpenVinoStager
from mc2sleepnet.store import Store, write_index, write_recording
from mc2sleepnet.store.layout import hash_of
from mc2sleepnet.synth.band_powers import BandPowers, DrawnPowers
from mc2sleepnet.synth.night import FPZ_CZ, synthesize_channels
from mc2sleepnet.synth.recorder import RecorderRange, draw_recorder, record
from mc2sleepnet.synth.seeding import night_generator
from mc2sleepnet.synth.training_nights import as_epochs
from mc2sleepnet.synth.traits import sample_night, sample_subject
from real_nights import MINUTES, answered
from transfer import Night, read_nights

SEED = 200
RECORDERS = RecorderRange(montage=(0.0, 0.0), centrality=(0.0, 0.0), flatness=(0.0, 0.0))
# Real powers have outliers that no filter of noise follows.
LARGEST_DEVIATION = 6.0


def powers_of(night: Night, gain_uv: float) -> DrawnPowers:
    """A real night's powers as the generator wants them; a stage that it lacks has the night's mean."""
    stage = np.where(night.stage == UNSCORED, W, night.stage)
    power = night.power + 2 * np.log(gain_uv)
    mean = np.stack([power[stage == s].mean(0) if (stage == s).any() else power.mean(0) for s in range(N_STAGES)])
    deviation = np.clip(power - mean[stage], -LARGEST_DEVIATION, LARGEST_DEVIATION)
    scores = np.zeros_like(deviation)
    for s in range(N_STAGES):
        own = np.flatnonzero(stage == s)
        ranks = deviation[own].argsort(0).argsort(0)
        scores[own] = norm.ppf((ranks + 0.5) / max(len(own), 1))
    of_stage, of_epoch, score = (torch.from_numpy(x).float() for x in (mean, deviation, scores))
    target = of_stage[torch.from_numpy(stage)] + of_epoch
    return [BandPowers(stage_log_power=of_stage, target=target, deviation=of_epoch)], score


def made_of(night: Night, generator: Generator) -> NDArray[np.float32]:
    recorder = draw_recorder(generator, RECORDERS)
    traits = sample_night(sample_subject(generator), generator)
    signal = synthesize_channels(
        night.stage.astype(np.int8),
        traits=traits,
        generator=generator,
        montage=FPZ_CZ,
        drawn=powers_of(night, traits.gain_uv),
    )[0]
    return as_epochs(record(signal, recorder, generator=generator)).numpy()


def make(out: Path, data: Path, count: int) -> Store:
    nights, _ = read_nights(data)
    for index in np.linspace(0, len(nights) - 1, count).round().astype(int).tolist():
        name = f"powers-{index:03d}"
        night = nights[index]
        write_recording(
            out,
            name=name,
            subject=name,
            night=1,
            signal_uv=made_of(night, night_generator(SEED, "powers", index)),
            stage=night.stage.astype(np.int8),
            is_readable=np.ones(len(night.stage), np.bool_),
            start=None,
            source_sha256=hash_of({"seed": SEED, "night": index}),
            hypnogram_sha256=hash_of({"night": index}),
            channel="synthetic EEG",
            protocol={"generator": "real_powers", "seed": SEED},
            is_synthetic=True,
        )
    write_index(out, "synthetic")
    return Store.open(out)


def judge(stager: OpenVinoStager, stride: int, store: Store) -> None:
    for minutes in (0, *MINUTES):
        rows = [answered(stager, stride, store, night, minutes) for night in range(len(store.recordings))]
        rows = [(truth[truth != UNSCORED], answer[truth != UNSCORED]) for truth, answer in rows]
        kappas = [agreement(*row).kappa for row in rows]
        result = agreement(*(np.concatenate([row[side] for row in rows]) for side in (0, 1)))
        f1 = " ".join(f"{stage} {value:.2f}" for stage, value in zip(STAGES, result.f1, strict=True))
        error = np.std(kappas) / len(kappas) ** 0.5
        print(f"{minutes or 'whole'} min: mean κ of {len(kappas)} nights {np.mean(kappas):.3f} ±{error:.3f}, F1 {f1}")


def main() -> None:
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser()
    parser.add_argument("store", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--nights", type=int, default=40)
    parser.add_argument("--model", type=Path, default=Path("shipped"))
    arguments = parser.parse_args()
    is_there = (arguments.store / "index.json").exists()
    store = Store.open(arguments.store) if is_there else make(arguments.store, arguments.data, arguments.nights)
    model = open_model_folder(arguments.model)
    judge(OpenVinoStager(model), model.calibration.scoring_stride, store)


if __name__ == "__main__":
    main()
