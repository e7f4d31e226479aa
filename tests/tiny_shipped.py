"""The shipped model's recipe at a size that takes seconds. Run: python tiny_shipped.py OUT."""

import sys
from dataclasses import replace
from pathlib import Path

from mc2sleepnet.model.config import NetworkConfig
from mc2sleepnet.recipes.shipped import FINETUNING, PRETRAINING, ShippedSize, shipped

NETWORK = NetworkConfig(
    width=0.125,
    sequence_length=16,
    spectrogram_layers=1,
    sequence_layers=1,
    spectrogram_norm="recording+gain+training",
    signal_norm="recording",
)
TINY = ShippedSize(
    nights=2,
    members=2,
    held_out_nights=1,
    network=NETWORK,
    pretraining=replace(PRETRAINING, max_steps=2, batch_sequences=4, sequence_stride=16),
    finetuning=replace(FINETUNING, max_steps=2, batch_sequences=4),
    finetuning_lots=2,
    finetuning_nights=1,
    completion_nights=1,
)

if __name__ == "__main__":
    shipped(Path(sys.argv[1]), seed=4, size=TINY)
