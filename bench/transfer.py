"""Whether what synthetic band powers teach holds for real ones: taught by made-up nights, judged by 153 real ones.

Run as ``python bench/transfer.py --data DIR [--memory half-hour]`` (a minute a memory, one thread). A small recurrent
network learns stages from band powers that the generator draws for the hypnograms of one half of Sleep-EDF's subjects,
and scores the real band powers of the other half; beside it one that learned from the first half's real band powers,
which no generator can beat by much. No waveform is made: this judges the statistics of `synth/band_powers.py` alone.
The tables were derived from all of these nights, so figures compare generators and are no test of any.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import f1_score
from torch import Tensor, nn

from mc2sleepnet.core.stages import N_STAGES, STAGES, UNSCORED, W
from mc2sleepnet.metrics.agreement import agreement
from mc2sleepnet.synth.band_powers import draw_band_powers
from mc2sleepnet.synth.memory import Memory
from mc2sleepnet.synth.night import FPZ_CZ
from mc2sleepnet.synth.seeding import night_generator
from mc2sleepnet.synth.spectra import N_BANDS
from mc2sleepnet.synth.traits import sample_night, sample_subject

SEED = 100
LOTS = 3
# Wake about the sleep of a night that is kept.
EDGE_EPOCHS = 60
SEQUENCE, STRIDE, BATCH, STEPS, HIDDEN = 24, 6, 32, 1500, 32
TAILS = (0.001, 0.999)
MEMORIES: tuple[Memory, ...] = get_args(Memory)


@dataclass(frozen=True, kw_only=True)
class Night:
    """Band powers ``[N, 5]`` (ln) and stages ``[N]``, -1 for unscored."""

    power: NDArray[np.float64]
    stage: NDArray[np.int64]


class Reader(nn.Module):
    """Stages from band powers and their course."""

    def __init__(self) -> None:
        super().__init__()
        self.course = nn.GRU(N_BANDS, HIDDEN, batch_first=True, bidirectional=True)
        self.of_course = nn.Linear(2 * HIDDEN, N_STAGES)
        self.of_epoch = nn.Linear(N_BANDS, N_STAGES)

    def forward(self, power: Tensor) -> Tensor:
        logits: Tensor = self.of_course(self.course(power)[0]) + self.of_epoch(power)
        return logits


def read_nights(data: Path) -> tuple[list[Night], NDArray[np.int64]]:
    """Real nights, cut to half an hour about their sleep, and whose each is."""
    archive = np.load(data / "sleep-edf" / "bandpower_fpzcz.npz", allow_pickle=False)
    nights = []
    for index in range(len(archive["names"])):
        own = archive["rec"] == index
        power, stage = archive["x"][own, :N_BANDS].astype(np.float64), archive["y"][own].astype(np.int64)
        asleep = np.flatnonzero(stage > W)
        kept = slice(max(0, asleep[0] - EDGE_EPOCHS), asleep[-1] + 1 + EDGE_EPOCHS)
        nights.append(Night(power=power[kept], stage=stage[kept]))
    return nights, np.array([int(name[:2]) for name in archive["names"]])


def made_up(index: int, stage: NDArray[np.int64], lot: int, memory: Memory | Literal["both"]) -> Night:
    """Band powers that the generator draws for a hypnogram; with both memories, half of the nights have each."""
    if memory == "both":
        memory = MEMORIES[(index + lot) % len(MEMORIES)]
    generator = night_generator(SEED + lot, "transfer", index)
    traits = sample_night(sample_subject(generator), generator)
    scored = torch.from_numpy(np.where(stage == UNSCORED, W, stage))
    drawn, _ = draw_band_powers(scored, traits=traits, generator=generator, montage=FPZ_CZ, memory=memory)
    return Night(power=drawn[0].target.double().numpy(), stage=stage)


def relative(power: NDArray[np.float64]) -> Tensor:
    """Less the recording's median, without its outermost thousandths."""
    low, high = np.quantile(power, TAILS, axis=0)
    return torch.from_numpy(np.clip(power, low, high) - np.median(power, 0)).float()


def taught_by(nights: list[Night], seed: int) -> Reader:
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    reader = Reader()
    optimizer = torch.optim.AdamW(reader.parameters(), weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, STEPS)
    shown = [(relative(night.power), torch.from_numpy(night.stage)) for night in nights]
    for _ in range(STEPS):
        chosen = [shown[index] for index in rng.integers(len(shown), size=BATCH)]
        starts = [int(rng.integers(len(stage) - SEQUENCE)) for _, stage in chosen]
        power = torch.stack([x[at : at + SEQUENCE] for (x, _), at in zip(chosen, starts, strict=True)])
        stage = torch.cat([y[at : at + SEQUENCE] for (_, y), at in zip(chosen, starts, strict=True)])
        loss = nn.functional.cross_entropy(reader(power).flatten(0, 1), stage, ignore_index=UNSCORED)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return reader


@torch.no_grad()
def read(reader: Reader, night: Night) -> NDArray[np.int64]:
    power = relative(night.power)
    starts = [*range(0, len(power) - SEQUENCE, STRIDE), len(power) - SEQUENCE]
    probability = reader(torch.stack([power[at : at + SEQUENCE] for at in starts])).softmax(-1)
    total = torch.zeros(len(power), N_STAGES)
    for at, own in zip(starts, probability, strict=True):
        total[at : at + SEQUENCE] += own
    return total.argmax(1).numpy()


def judge(reader: Reader, nights: list[Night]) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """κ of each night, and all scored epochs' reference and answer."""
    kappas, truth, answers = [], [], []
    for night in nights:
        scored = night.stage != UNSCORED
        answer = read(reader, night)[scored]
        kappas.append(agreement(night.stage[scored], answer).kappa)
        truth.append(night.stage[scored])
        answers.append(answer)
    return np.array(kappas), np.concatenate(truth), np.concatenate(answers)


def main() -> None:
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--memory", choices=(*MEMORIES, "both"), action="append")
    parser.add_argument("--seeds", type=int, default=2)
    arguments = parser.parse_args()
    real, subject = read_nights(arguments.data)
    halves = [np.flatnonzero(subject % 2 == half) for half in (0, 1)]
    memories = tuple(arguments.memory or (*MEMORIES, "both"))
    for name in ("real", *memories):
        rows = []
        for own, other in (halves, halves[::-1]):
            lots = range(LOTS) if name != "real" else range(1)
            taught = [
                real[i] if name == "real" else made_up(int(i), real[i].stage, lot, name) for i in own for lot in lots
            ]
            rows += [judge(taught_by(taught, seed), [real[i] for i in other]) for seed in range(arguments.seeds)]
        kappa = np.concatenate([row[0] for row in rows])
        truth, answers = (np.concatenate([row[part] for row in rows]) for part in (1, 2))
        f1 = " ".join(f"{s} {x:.2f}" for s, x in zip(STAGES, f1_score(truth, answers, average=None), strict=True))
        found = " ".join(f"{s} {(answers == i).mean() / (truth == i).mean():.2f}" for i, s in enumerate(STAGES))
        print(
            f"taught by {name:9}: mean κ of {len(real)} real nights {kappa.mean():.3f}; F1 {f1}; found of each {found}"
        )


if __name__ == "__main__":
    main()
