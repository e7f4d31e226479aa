"""The colours of stages and of power, defined once and safe for colour-blind readers."""

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.stages import N1, N2, N3, STAGES, R, W

# Wake is warm and light, NREM deepens in blue, REM is the one red: apart in hue and in lightness.
STAGE_COLOURS = {W: "#f2b134", N1: "#a3d0ec", N2: "#4b93cc", N3: "#1d3f80", R: "#c8325d"}
STAGE_COLOURS_DARK = {W: "#f2b950", N1: "#cbe6f7", N2: "#6fb0e2", N3: "#3a63ba", R: "#ec5f86"}

# From the top of a hypnogram to its bottom.
STAGES_TOP_DOWN = (W, R, N1, N2, N3)

# Curves: Okabe and Ito's colours (2008) that stand on white and on black.
SERIES_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")

# Low to high power: ink, violet, rose, sand, paper. Lightness only rises, so that it also reads in grey.
POWER_ANCHORS = ("#10142e", "#2e2a6b", "#6b3a8c", "#b24e86", "#e5796a", "#f6b26b", "#fbeec1")


def stage_variables(colours: dict[int, str]) -> str:
    """CSS custom properties ``--W`` ... ``--R``."""
    return "".join(f"--{STAGES[stage]}:{colour};" for stage, colour in colours.items())


def power_palette(n_colours: int) -> NDArray[np.uint8]:
    """Colours from low to high power, shape ``[n_colours, 3]``, RGB 0-255."""
    anchors = np.array([rgb(colour) for colour in POWER_ANCHORS])
    place = np.linspace(0, len(anchors) - 1, n_colours)
    channels = [np.interp(place, np.arange(len(anchors)), channel) for channel in anchors.T]
    return np.stack(channels, axis=1).round().astype(np.uint8)


def rgb(colour: str) -> tuple[int, int, int]:
    """Red, green and blue, 0-255, of ``#rrggbb``."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
