"""From bipolar derivations along the midline to C3-A2: how a referential central channel tells stages apart.

Blinks and the frontal muscle, which fill Sleep-EDF's wake with δ and β, are far away there, and slow waves are larger.
What is known of such channels here is W against N3 in the 23 UCDDB subjects; the other stages follow in part.
"""

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.stages import N_STAGES
from mc2sleepnet.synth.reference_tables import band_power_table
from mc2sleepnet.synth.traits import CHANNELS

Array = NDArray[np.float64]

# Mean over 22 UCDDB subjects of ln power in W less that in N3, δ θ α σ β (stage_stats.json; DATA.md).
W_MINUS_N3 = (-2.16, -0.73, -0.01, 0.26, 0.76)
# How much of the change of contrast each stage takes: wake most; assumed, in want of other stages' epochs.
SHARE = (0.75, 0.2, 0.0, -0.25, 0.15)
# How much flatter spectra are on C3-A2 than on the midline derivations, in all stages, ln power of δ θ α σ β: medians
# over nights of W and N3 of the 23 UCDDB subjects beside synthetic nights (docs/log.md, 2026-11-26).
FLATTER = (0.0, 0.35, 0.4, 0.5, 0.8)


def central_offset(centrality: float, flatness: float = 0.0) -> Array:
    """Shift of ln power by channel, stage and band that brings W against N3 from Sleep-EDF's to UCDDB's.

    Parameters
    ----------
    centrality
        0 leaves Sleep-EDF's contrast, 1 gives UCDDB's; a little beyond both is for the spread of montages.
    flatness
        0 leaves the slope of a midline derivation's spectrum, 1 gives that of UCDDB's at centrality 1.

    Returns
    -------
    NDArray
        Shape ``[2 channels, 5 stages, 5 bands]``, to be added to a night's `power_offset`.
    """
    offset = np.empty((len(CHANNELS), N_STAGES, len(W_MINUS_N3)))
    for index, name in enumerate(CHANNELS):
        mean = band_power_table().channels[name].mean
        missing = np.array(W_MINUS_N3) - (mean[0] - mean[3])
        offset[index] = centrality * (np.outer(SHARE, missing) + flatness * np.array(FLATTER))
    return offset
