"""Derive the tables of `synth/tables/` from the real hypnograms and band powers.

Run as ``python -m mc2sleepnet.synth.derive_tables DATA_DIR``. Only label sequences and statistics enter, no waveform.
"""

import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.files import write_text_atomically
from mc2sleepnet.core.stages import N2, N_STAGES, UNSCORED, R, W
from mc2sleepnet.synth.derive_memory import MEMORY_EPOCHS, memory_shares
from mc2sleepnet.synth.night_clock import N_CLOCK_BINS, N_PRESSURE_BINS, clock_bin, pressure_bin

Stages = NDArray[np.int8]
Array = NDArray[np.float64]

LICENCE = (
    "ODC-By 1.0; attribution: PhysioNet, Sleep-EDF Database Expanded 1.0.0 (Kemp et al. 2000, Goldberger et al. 2000)"
)
UCDDB_LICENCE = "and St. Vincent's University Hospital / UCD Sleep Apnea Database 1.0.0 (PhysioNet)"

# A wake bout of an hour or more is daytime: it ends the night rather than interrupting it.
DAYTIME_WAKE_EPOCHS = 120
DURATION_QUANTILES = (*np.linspace(0.0, 0.95, 20).round(3).tolist(), 0.97, 0.98, 0.99, 0.995, 1.0)
RESIDUAL_QUANTILES = (0.001, 0.01, 0.03, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97, 0.99, 0.999)
# First and last of the neighbours to whose stages an epoch leans, epochs apart: the nearest one by one; and with them
# the means of those further away, for sleep deepens towards N3 for a quarter of an hour.
NEAR_WINDOWS = ((-3, -3), (-2, -2), (-1, -1), (1, 1), (2, 2), (3, 3))
WIDE_WINDOWS = ((-32, -17), (-16, -9), (-8, -4), *NEAR_WINDOWS, (4, 8), (9, 16), (17, 32))
N_BANDS = 5
# Pseudo-counts of the smoothing: how many real bouts outweigh the coarser table half and half.
COARSE_WEIGHT = 20.0


def main(data: Path, tables: Path) -> None:
    """Write both tables."""
    archive = np.load(data / "sleep-edf" / "bandpower_fpzcz.npz", allow_pickle=False)
    stage, recording = archive["y"].astype(np.int8), archive["rec"]
    cassette = [stage[recording == index] for index in range(len(archive["names"]))]
    apnea = [read_ucddb(path) for path in sorted((data / "ucddb").glob("ucddb*_stage.txt"))]
    write_text_atomically(tables / "hypnogram.json", _dump(_hypnogram_table(cassette, apnea) | _other_scorer(data)))
    stats = json.loads((data / "sleep-edf" / "stage_stats.json").read_text(encoding="utf-8"))
    subject = np.array([int(name[:2]) for name in archive["names"]])
    powers = _band_power_table(archive["x"][:, :N_BANDS].astype(np.float64), stage, recording, subject, stats)
    write_text_atomically(tables / "band_powers.json", _dump(powers))


def read_ucddb(path: Path) -> Stages:
    """R&K codes of a UCDDB file (0 W, 1 REM, 2–5 S1–S4, 6 artefact, 7 unknown) as our stages."""
    to_stage = np.array([0, 4, 1, 2, 3, 3, UNSCORED, UNSCORED], dtype=np.int8)
    codes = np.loadtxt(path, dtype=np.int64)
    return np.where(codes <= 7, to_stage[np.clip(codes, 0, 7)], UNSCORED).astype(np.int8)


def _dump(table: dict[str, object]) -> str:
    return json.dumps(table, indent=None, separators=(",", ":")).replace('],"', '],\n"') + "\n"


# ── Hypnograms ──────────────────────────────────────────────────────────────────────────────────────────────────


def _main_sleep(stage: Stages) -> Stages:
    """The longest stretch from first to last epoch of sleep that no daytime wake interrupts."""
    asleep = np.flatnonzero(stage > W)
    breaks = np.flatnonzero(np.diff(asleep) > DAYTIME_WAKE_EPOCHS)
    starts, ends = np.r_[0, breaks + 1], np.r_[breaks, len(asleep) - 1]
    longest = int(np.argmax(asleep[ends] - asleep[starts]))
    night = stage[asleep[starts[longest]] : asleep[ends[longest]] + 1].copy()
    for index in np.flatnonzero(night == UNSCORED):
        night[index] = night[index - 1]
    return night


def _bouts(stage: Stages) -> tuple[Stages, NDArray[np.int64], NDArray[np.int64]]:
    """Stage, onset and length in epochs of each unbroken run."""
    onset = np.r_[0, np.flatnonzero(np.diff(stage)) + 1].astype(np.int64)
    return stage[onset], onset, np.diff(np.r_[onset, len(stage)])


def _hypnogram_table(cassette: list[Stages], apnea: list[Stages]) -> dict[str, object]:
    nights = [_main_sleep(stage) for stage in (*cassette, *apnea)]
    counts = np.zeros((N_STAGES, N_STAGES, N_CLOCK_BINS, N_PRESSURE_BINS, N_STAGES))
    lengths: dict[tuple[int, int], list[int]] = {}
    clocked: dict[tuple[int, int], list[float]] = {}
    transitions = np.zeros((N_STAGES, N_STAGES))
    for night in nights:
        np.add.at(transitions, (night[:-1], night[1:]), 1)
        stage, onset, length = _bouts(night)
        last_rem_end = 0
        for i in range(len(stage) - 1):
            current, following = int(stage[i]), int(stage[i + 1])
            previous = int(stage[i - 1]) if i else W
            end = int(onset[i] + length[i])
            if current == R:
                last_rem_end = end
            clock = clock_bin(end / len(night))
            counts[previous, current, clock, pressure_bin(end - last_rem_end), following] += 1
            lengths.setdefault((previous, current), []).append(int(length[i]))
            clocked.setdefault((current, clock), []).append(float(np.log(length[i])))
    durations = {}
    for current in range(N_STAGES):
        pooled = [x for (_, c), values in lengths.items() if c == current for x in values]
        for previous in range(N_STAGES):
            if previous == current:
                continue
            own = lengths.get((previous, current), [])
            values = own if len(own) >= 60 else pooled
            durations[f"{previous}>{current}"] = np.quantile(values, DURATION_QUANTILES).round(2).tolist()
    overall = [float(np.mean([x for (c, _), xs in clocked.items() if c == s for x in xs])) for s in range(N_STAGES)]
    by_clock = [
        [round(float(np.mean(clocked[(s, c)])) - overall[s], 3) for c in range(N_CLOCK_BINS)] for s in range(N_STAGES)
    ]
    shares = np.array([np.bincount(night, minlength=N_STAGES) / len(night) for night in nights])
    return {
        "source": "153 Sleep-EDF cassette nights (78 subjects) and 23 UCDDB nights, main sleep period only; "
        "python -m mc2sleepnet.synth.derive_tables",
        "licence": f"{LICENCE} {UCDDB_LICENCE}",
        "legend": "stages W N1 N2 N3 R; next_stage[previous][current][clock][pressure][next] of bouts",
        "next_stage": _smoothed(counts).round(4).tolist(),
        "duration_quantile_at": DURATION_QUANTILES,
        "duration_epochs": durations,
        "log_duration_by_clock": by_clock,
        "sleep_period_epochs": np.quantile([len(n) for n in nights], DURATION_QUANTILES).round(0).tolist(),
        "epoch_transitions": (transitions / transitions.sum(1, keepdims=True)).round(4).tolist(),
        "stage_share_mean": shares.mean(0).round(4).tolist(),
        "stage_share_sd": shares.std(0).round(4).tolist(),
        "mean_bout_epochs": [
            round(float(np.mean([x for (_, c), xs in lengths.items() if c == s for x in xs])), 3)
            for s in range(N_STAGES)
        ],
    }


def _smoothed(counts: Array) -> Array:
    """Conditional probabilities, thin cells filled from two coarser tables (a product of experts)."""

    def normalised(x: Array) -> Array:
        total = x.sum(-1, keepdims=True)
        shares: Array = np.divide(x, total, out=np.zeros_like(x), where=total > 0)
        return shares

    diagonal = 1.0 - np.eye(N_STAGES)
    by_current = normalised(counts.sum((0, 2, 3)) + 0.5 * diagonal)
    by_time = normalised(counts.sum(0) + COARSE_WEIGHT * by_current[:, None, None, :])
    by_previous = normalised(counts.sum((2, 3)) + COARSE_WEIGHT * by_current[None])
    ratio = by_previous / np.maximum(by_current[None], 1e-9)
    expected = normalised(by_time[None] * ratio[:, :, None, None, :])
    return normalised(counts + COARSE_WEIGHT * expected)


def _other_scorer(data: Path) -> dict[str, object]:
    """What a second scorer says of an epoch, away from and next to a change of the first one's stage."""
    counts = np.zeros((2, N_STAGES, N_STAGES))
    archive = np.load(data / "dod" / "dod_5scorers.npz", allow_pickle=False)
    for night in archive.files:
        scorers = archive[night]
        for first in range(len(scorers)):
            differs = np.diff(scorers[first]) != 0
            is_change = np.r_[differs, False] | np.r_[False, differs]
            for second in range(len(scorers)):
                both = (scorers[first] >= 0) & (scorers[second] >= 0)
                if first != second:
                    cell = (is_change[both].astype(int), scorers[first][both], scorers[second][both])
                    np.add.at(counts, cell, 1)
    return {
        "other_scorer": (counts / counts.sum(-1, keepdims=True)).round(4).tolist(),
        "other_scorer_source": "80 nights of DOD-H and DOD-O, five scorers each (Guillot et al. 2020); MIT licence",
    }


# ── Band powers ─────────────────────────────────────────────────────────────────────────────────────────────────


def _band_power_table(
    power: Array, stage: Stages, recording: NDArray[np.int16], subject: NDArray[np.int64], stats: dict[str, object]
) -> dict[str, object]:
    """Copy of `stage_stats.json`, with what only the epochs themselves can tell: context, memory and tails."""
    channels = stats["channels"]
    assert isinstance(channels, dict)
    mean = np.array([channels["Fpz-Cz"][name]["mean"] for name in ("W", "N1", "N2", "N3", "REM")])
    nights = [np.flatnonzero(recording == night) for night in np.unique(recording)]
    near, near_scores = _dynamics(power, stage, nights, mean, NEAR_WINDOWS)
    wide, wide_scores = _dynamics(power, stage, nights, mean, WIDE_WINDOWS)
    share, shared = memory_shares(wide_scores, stage, recording)
    memory = {
        "memory_epochs": MEMORY_EPOCHS,
        "memory_share": share.round(3).tolist(),
        "shared_by_stages": round(shared, 3),
    }
    return {
        "source": f"{stats['source']}; python -m mc2sleepnet.synth.derive_tables",
        "licence": LICENCE,
        "legend": "ln band power of a recording of unit variance; rows W N1 N2 N3 R; bands " + str(stats["bands"]),
        "channels": {name: _channel(channels[name]) for name in ("Fpz-Cz", "Pz-Oz")},
        "quantile_at": RESIDUAL_QUANTILES,
        "minutes": near | {"lag1": _lag1(near_scores, stage, recording)},
        "half-hour": wide | memory,
        "subject_share_of_night_effect": _subject_share(power, stage, recording, subject),
        "ucddb_median_log_psd": stats["ucddb_C3A2_median_log_psd_uV2_per_Hz"],
    }


def _dynamics(
    power: Array,
    stage: Stages,
    nights: list[NDArray[np.int64]],
    mean: Array,
    windows: tuple[tuple[int, int], ...],
) -> tuple[dict[str, object], Array]:
    """How epochs lie about their night's stage: their lean to neighbours, what is left over, and its normal scores."""
    residual = np.full_like(power, np.nan)
    context = np.full((len(power), len(windows), N_BANDS), np.nan)
    for index in nights:
        labels = np.where(stage[index] == UNSCORED, W, stage[index])
        for place, (first, last) in enumerate(windows):
            neighbours = np.clip(np.arange(len(index))[:, None] + np.arange(first, last + 1), 0, len(index) - 1)
            context[index, place] = mean[labels[neighbours]].mean(1) - mean[labels]
        for s in range(N_STAGES):
            of_stage = index[stage[index] == s]
            if len(of_stage) >= 10:
                residual[of_stage] = power[of_stage] - np.median(power[of_stage], 0)
                context[of_stage] -= context[of_stage].mean(0)
    known = np.isfinite(residual).all(1) & (np.abs(residual) < 4).all(1)
    weights = np.zeros((N_STAGES, len(windows), N_BANDS))
    for s in range(N_STAGES):
        rows = known & (stage == s)
        for b in range(N_BANDS):
            weights[s, :, b] = np.linalg.lstsq(context[rows][:, :, b], residual[rows, b], rcond=None)[0]
    left_over = residual - np.einsum("nlb,nlb->nb", context, weights[np.maximum(stage, 0)])
    quantiles, normal_correlation, scores = [], [], np.full_like(left_over, np.nan)
    for s in range(N_STAGES):
        rows = known & (stage == s)
        own = left_over[rows] - left_over[rows].mean(0)
        scores[rows] = _normal_scores(own)
        quantiles.append((np.quantile(own, RESIDUAL_QUANTILES, axis=0)).T.round(3).tolist())
        normal_correlation.append(np.corrcoef(scores[rows].T).round(3).tolist())
    dynamics: dict[str, object] = {
        "context_windows": windows,
        "context_weight": weights.round(3).tolist(),
        "quantiles": quantiles,
        "normal_correlation": normal_correlation,
    }
    return dynamics, scores


def _lag1(scores: Array, stage: Stages, recording: NDArray[np.int16]) -> list[list[float]]:
    """Correlation of neighbouring epochs of each stage, by band."""
    lag1 = []
    for s in range(N_STAGES):
        is_own = np.isfinite(scores).all(1) & (stage == s)
        pair = is_own[:-1] & is_own[1:] & (recording[:-1] == recording[1:])
        before, after = scores[:-1][pair], scores[1:][pair]
        lag1.append([round(float(np.corrcoef(before[:, b], after[:, b])[0, 1]), 3) for b in range(N_BANDS)])
    return lag1


def _channel(channel: dict[str, object]) -> dict[str, object]:
    """Night effects and stage statistics of one channel as arrays over stages."""
    names = ("W", "N1", "N2", "N3", "REM")
    of = [channel[name] for name in names]
    table: dict[str, object] = {"night_effect_cov": channel["night_effect_cov"]}
    for key in ("mean", "night_by_stage_cov", "within_cov"):
        table[key] = [stage[key] for stage in of if isinstance(stage, dict)]
    return table


def _normal_scores(values: Array) -> Array:
    """Each column mapped to standard normal by its ranks."""
    from scipy.stats import norm, rankdata

    return np.asarray(norm.ppf((rankdata(values, axis=0) - 0.5) / len(values)), dtype=np.float64)


def _subject_share(power: Array, stage: Stages, recording: NDArray[np.int16], subject: NDArray[np.int64]) -> float:
    """Intraclass correlation of the N2 medians of two nights of one subject, mean over bands."""
    medians = np.array([np.median(power[(recording == r) & (stage == N2)], 0) for r in range(len(subject))])
    pairs = [np.flatnonzero(subject == s) for s in np.unique(subject) if (subject == s).sum() == 2]
    first, second = medians[[p[0] for p in pairs]], medians[[p[1] for p in pairs]]
    return round(float(np.mean([np.corrcoef(first[:, b], second[:, b])[0, 1] for b in range(N_BANDS)])), 3)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(__file__).with_name("tables"))
