from itertools import combinations

import numpy as np
import pytest

from mc2sleepnet.report.colours import STAGE_COLOURS, STAGE_COLOURS_DARK, power_palette, rgb

# Severity 1.0 in linear RGB: Machado, Oliveira and Fernandes, IEEE TVCG 15(6), 2009.
VISION = {
    "normal": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(colour):
    share = np.asarray(colour) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def lab(linear_rgb):
    x, y, z = np.cbrt(np.maximum(TO_XYZ @ linear_rgb / (TO_XYZ @ np.ones(3)), 0.008856))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("colours", [STAGE_COLOURS, STAGE_COLOURS_DARK], ids=["light", "dark"])
@pytest.mark.parametrize("vision", VISION)
def test_stages_stay_apart_for_colour_blind_readers(colours, vision):
    seen = {stage: lab(np.clip(VISION[vision] @ linear(rgb(colour)), 0, 1)) for stage, colour in colours.items()}
    for a, b in combinations(seen, 2):
        assert np.linalg.norm(seen[a] - seen[b]) > 20, (a, b)


def test_more_power_is_always_lighter():
    lightness = [lab(linear(colour))[0] for colour in power_palette(64)]
    assert (np.diff(lightness) > 0).all()
