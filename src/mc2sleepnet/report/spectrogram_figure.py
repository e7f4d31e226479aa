"""Power over time and frequency, as an image."""

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.stages import EPOCH_S
from mc2sleepnet.report.colours import power_palette
from mc2sleepnet.report.panel import mark_key, panel
from mc2sleepnet.report.png import data_uri, indexed_png
from mc2sleepnet.report.svg import Markup, element, number
from mc2sleepnet.report.time_axis import Tick, TimeAxis

HEIGHT_PX = 130
N_COLOURS = 255  # one of 256 is left for "nothing recorded"
DARKEST_PERCENTILE, LIGHTEST_PERCENTILE = 5.0, 99.5
LABELLED_HZ = (0, 10, 20, 30)


def spectrogram_figure(
    spectrogram_db: NDArray[np.floating],
    axis: TimeAxis,
    *,
    frame_s: float,
    bin_hz: float,
    x_ticks: list[Tick],
    x_name: str,
    channel: str = "",
) -> Markup:
    """Draw dB as colours between the night's own percentiles; transparent where NaN.

    Parameters
    ----------
    spectrogram_db
        Shape ``[frames, bins]``; the first bin lies at 0 Hz.
    axis
        The time axis it shares with the other figures.
    frame_s, bin_hz
        What a frame and a bin stand for.
    x_ticks, x_name
        Labels below the plot, where it is the lowest.
    channel
        Whose it is, where there are several.
    """
    n_frames, n_bins = spectrogram_db.shape
    top_hz = n_bins * bin_hz
    palette = np.concatenate([np.zeros((1, 3), np.uint8), power_palette(N_COLOURS)])
    low_db, high_db = _limits_db(spectrogram_db)
    png = indexed_png(np.flipud(_colour_index(spectrogram_db, low_db, high_db).T), palette, transparent=0)
    share_of_width = n_frames * frame_s / (axis.n_epochs * EPOCH_S)
    title = f"Spectrogram of {channel}" if channel else "Spectrogram"
    image = element(
        "img",
        src=data_uri(png),
        alt=f"{title} from 0 to {number(top_hz)} Hz",
        style=f"width:{100 * share_of_width:.4f}%",
    )
    return panel(
        title=title,
        key=mark_key("power", f"{low_db:.0f} to {high_db:.0f} dB re 1 µV²/Hz"),
        plot=image,
        height_px=HEIGHT_PX,
        y_ticks=[
            Tick(place=1 - hz / top_hz, label=f"{hz} Hz" if hz == LABELLED_HZ[-1] else str(hz))
            for hz in LABELLED_HZ
            if hz <= top_hz
        ],
        x_ticks=x_ticks,
        x_name=x_name,
    )


def _limits_db(spectrogram_db: NDArray[np.floating]) -> tuple[float, float]:
    """The night's own percentiles between which its colours lie; 0 to 1 where nothing was recorded."""
    known = spectrogram_db[~np.isnan(spectrogram_db)]
    if not len(known):
        return 0.0, 1.0
    low, high = np.percentile(known, [DARKEST_PERCENTILE, LIGHTEST_PERCENTILE])
    return float(low), float(high)


def _colour_index(spectrogram_db: NDArray[np.floating], low_db: float, high_db: float) -> NDArray[np.uint8]:
    """Colours 1 to 255 by dB, 0 where NaN."""
    is_known = ~np.isnan(spectrogram_db)
    index = np.zeros(spectrogram_db.shape, dtype=np.uint8)
    share = np.clip((spectrogram_db[is_known] - low_db) / max(high_db - low_db, 1e-9), 0, 1)
    index[is_known] = 1 + np.round(share * (N_COLOURS - 1)).astype(np.uint8)
    return index
