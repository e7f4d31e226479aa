"""The Python interface beside the libraries it exchanges nights with."""

import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path

import edfio
import numpy as np
import pytest

import mc2sleepnet as mc2
from edf_files import noise_uv, signal, write_edf
from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.hypnogram import Hypnogram
from mc2sleepnet.core.stages import UNSCORED
from mc2sleepnet.formats import read_hypnogram
from mc2sleepnet.metrics.sleep_statistics import sleep_statistics
from raw_edf import RawSignal, brain_like_uv, raw_edf, written

mne = pytest.importorskip("mne")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    yasa = pytest.importorskip("yasa")

# YASA's key, ours. Its WASO and SPT are ours by definition; REM's latency counts from lights off there.
SAME = {
    **{
        "TIB": "tib_min",
        "SPT": "spt_min",
        "WASO": "waso_min",
        "TST": "tst_min",
        "SE": "se_percent",
        "SME": "sme_percent",
    },
    **{"SOL": "sol_min", "WAKE": "w_min", "N1": "n1_min", "N2": "n2_min", "N3": "n3_min", "REM": "r_min"},
    **{"%N1": "n1_percent_of_tst", "%N2": "n2_percent_of_tst", "%N3": "n3_percent_of_tst", "%REM": "r_percent_of_tst"},
}


def raw_of(path: Path):  # type: ignore[no-untyped-def]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return mne.io.read_raw_edf(path, preload=False, verbose="error")


@pytest.fixture
def night_path(tmp_path: Path) -> Path:
    eeg, emg = signal(noise_uv(1215, 128, seed=3), 128, "EEG Fpz-Cz"), signal(noise_uv(1215, 128, seed=4), 128, "EMG")
    lights = [edfio.EdfAnnotation(300.0, None, "Lights off")]
    return write_edf(tmp_path / "n.edf", [emg, eeg], annotations=lights)


def test_a_file_an_mne_raw_and_samples_give_the_same_stages(night_path: Path, model_dir: Path) -> None:
    samples_uv = edfio.read_edf(night_path).get_signal("EEG Fpz-Cz").data
    first, second, third = (
        mc2.score(one, model=model_dir) for one in (night_path, raw_of(night_path), (samples_uv, 128))
    )
    assert first.stages.tolist() == second.stages.tolist() == third.stages.tolist()
    assert len(first.stages) == 41
    for other in (second, third):
        np.testing.assert_allclose(first.hypnodensity, other.hypnodensity, atol=1e-4)
    assert first.hypnogram.start == second.hypnogram.start == datetime(2024, 2, 29, 22, 15, 30)
    assert first.lights == second.lights
    assert second.recording.channel == "EEG Fpz-Cz"


def test_the_real_night_is_the_same_from_a_file_and_from_mne(real_data: Path, model_dir: Path) -> None:
    path = real_data / "ucddb" / "ucddb022.edf"
    of_path, of_raw = (mc2.score(night, model=model_dir).stages for night in (path, raw_of(path)))
    assert of_path.tolist() == of_raw.tolist()


def test_a_raw_in_another_unit_than_volts_is_refused(model_dir: Path) -> None:
    raw = mne.io.RawArray(noise_uv(90, 100)[None], mne.create_info(["Fpz-Cz"], 100.0, "eeg"), verbose="error")
    with pytest.raises(InputError, match="which no EEG has"):
        mc2.score(raw, model=model_dir)


@pytest.mark.parametrize(
    ("volts", "fault"), [(1e308, "reaches inf µV"), (1e30, r"reaches 1e\+36 µV"), (np.nan, "no epoch with signal")]
)
def test_a_raw_of_absurd_numbers_is_refused_without_a_warning(volts: float, fault: str, model_dir: Path) -> None:
    info = mne.create_info(["C4", "M1"], 100.0, "eeg")
    raw = mne.io.RawArray(np.stack([np.resize([volts, -volts], 9000), np.zeros(9000)]), info, verbose="error")
    with pytest.raises(InputError, match=fault):
        mc2.score(raw, model=model_dir, channel="C4-M1")


def test_a_raw_that_was_made_in_memory_is_scored(model_dir: Path, tmp_path: Path) -> None:
    info = mne.create_info(["C3", "C4-M1"], 100.0, ["misc", "eeg"])
    raw = mne.io.RawArray(np.stack([np.zeros(9000), noise_uv(90, 100) * 1e-6]), info, verbose="error")
    night = mc2.score(raw, model=model_dir)
    assert (night.recording.channel, len(night.stages), night.hypnogram.start) == ("C4-M1", 3, None)
    night.save(tmp_path / "out", formats=["csv", "edf", "json"])
    assert {"hypnogram.csv", "hypnogram.edf", "hypnogram.json"} <= {path.name for path in (tmp_path / "out").iterdir()}
    with pytest.raises(InputError, match="no channel 'Fz'"):
        mc2.score(raw, model=model_dir, channel="Fz")


@pytest.mark.parametrize(
    ("night", "fault"),
    [
        ("nothing.edf", "no such file"),
        (12, "is no night"),
        ((np.zeros(9000),), "is no night"),
        ((np.zeros((2, 9000)), 100.0), "2 dimensions"),
        ((np.full(9000, np.nan), 100.0), "no samples"),
        ((np.zeros(0), 100.0), "no samples"),
        ((noise_uv(20, 100), 100.0), "lasts 20 s only"),
        ((noise_uv(90, 100) * 1e-6, 100.0), "no EEG has"),
        ((noise_uv(90, 100) * 1e306, 100.0), "reaches .* µV"),
        ((np.resize([1e308, -1e308, 0.0], 9000), 256.0), "reaches 1e\\+308 µV"),
        ((noise_uv(90, 100) * 1e-306, 100.0), "no epoch with signal"),
        ((noise_uv(90, 100), -1.0), "at -1 Hz"),
        ((noise_uv(90, 20), 20.0), "50 Hz"),
        ((["a"], 100.0), "no numbers"),
    ],
)
def test_what_cannot_be_scored_is_told(night: object, fault: str, model_dir: Path) -> None:
    with pytest.raises(InputError, match=fault):
        mc2.score(night, model=model_dir)  # type: ignore[arg-type]


def test_samples_may_have_holes(model_dir: Path) -> None:
    samples_uv = noise_uv(300, 100)
    samples_uv[3500:4000] = np.nan
    night = mc2.score((samples_uv, 100.0), model=model_dir)
    assert [str(source) for source in night.source] == ["model", "gap"] + ["model"] * 8


def test_yasa_takes_the_night_with_its_probabilities(night_path: Path, model_dir: Path) -> None:
    night = mc2.score(night_path, model=model_dir)
    hypnogram = night.to_yasa()
    names = {"W": "WAKE", "R": "REM"}
    assert list(hypnogram.hypno) == [names.get(stage, stage) for stage in night.stages]
    assert hypnogram.hypno.index[0].to_pydatetime() == night.hypnogram.start
    assert hypnogram.proba.shape == (41, 5)
    np.testing.assert_allclose(hypnogram.proba["REM"][:-1], night.hypnodensity[:-1, 4], atol=1e-6)


def test_mne_takes_the_night_as_annotations_that_it_reads_back(
    night_path: Path, model_dir: Path, tmp_path: Path
) -> None:
    night = mc2.score(night_path, model=model_dir)
    annotations = night.to_mne()
    assert annotations.orig_time == night.hypnogram.start.replace(tzinfo=UTC)  # type: ignore[union-attr]
    raw = raw_of(night_path)
    raw.set_annotations(annotations)
    names = {"Sleep stage W": 1, "Sleep stage 1": 2, "Sleep stage 2": 3, "Sleep stage 3": 4, "Sleep stage R": 5}
    present = {name: code for name, code in names.items() if name in annotations.description}
    events, _ = mne.events_from_annotations(raw, event_id=present, chunk_duration=30.0, verbose="error")
    codes = {"W": 1, "N1": 2, "N2": 3, "N3": 4, "R": 5}
    assert events[:, 2].tolist() == [codes[stage] for stage in night.stages if stage != "UNS"]
    night.save(tmp_path / "out")
    stored = mne.read_annotations(tmp_path / "out" / "hypnogram.edf")
    assert stored.description.tolist() == [*annotations.description.tolist(), "Sleep stage ?"]
    np.testing.assert_allclose(stored.onset[:-1], annotations.onset)


@pytest.mark.parametrize(
    ("first_s", "is_continuous"), [(0, True), (0.25, True), (0.5, True), (90, True), (90, False), (-20, False)]
)
def test_annotations_lie_on_the_samples_they_were_scored_by_whenever_these_began(
    first_s: float, is_continuous: bool, model_dir: Path, tmp_path: Path
) -> None:
    onsets = [f"{second + first_s:+g}" for second in range(300)]
    content = raw_edf([RawSignal(brain_like_uv(300, 128), 128)], onsets=onsets, continuous=is_continuous)
    path = written(tmp_path / "n.edf", content)
    night = mc2.score(path, model=model_dir)
    assert night.hypnogram.start == datetime(2024, 2, 29, 22, 15, 30) + timedelta(seconds=first_s)
    whole = raw_of(path)
    cropped = whole.copy().crop(tmin=60.0, tmax=181.3)
    odd = whole.copy().crop(tmin=7 / 128)
    for raw, scored, first_epoch, n_epochs in (
        (whole, night, 0, 10),
        (cropped, night, 2, 4),
        (whole, mc2.score(cropped, model=model_dir), 2, 4),
        (cropped, mc2.score(cropped, model=model_dir), 2, 4),
        (odd, mc2.score(odd, model=model_dir), 0, 9),
    ):
        events, ids = epochs_of(raw.copy().set_annotations(scored.to_mne(), emit_warning=False))
        assert (events[:, 0] - (7 if raw is odd else 0)).tolist() == [
            (first_epoch + epoch) * 30 * 128 for epoch in range(n_epochs)
        ]
        names = {code: name.removeprefix("Sleep stage ") for name, code in ids.items()}
        stages = scored.stages[first_epoch:] if scored is night else scored.stages
        assert [names[code] for code in events[:, 2]] == [stage.removeprefix("N") for stage in stages[:n_epochs]]


def epochs_of(raw):  # type: ignore[no-untyped-def]
    return mne.events_from_annotations(raw, chunk_duration=30.0, verbose="error")


def assert_equal_to_yasa(stage: np.ndarray) -> None:
    ours = sleep_statistics(Hypnogram(stage=stage))
    names = np.array(["WAKE", "N1", "N2", "N3", "REM", "UNS"])
    theirs = yasa.Hypnogram(names[stage].tolist()).sleep_statistics()
    for key, own in SAME.items():
        if np.isnan(theirs[key]):
            assert ours[own] is None, key
        else:
            assert ours[own] == pytest.approx(theirs[key], abs=6e-5), key  # YASA rounds to four decimals
    if np.isnan(theirs["Lat_REM"]):
        assert ours["rem_latency_onset_min"] is None
    else:
        assert ours["rem_latency_onset_min"] == pytest.approx(theirs["Lat_REM"] - theirs["SOL"])


def random_hypnogram(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    n_runs = int(rng.integers(2, 90))
    stages = rng.choice([0, 1, 2, 3, 4, UNSCORED], n_runs, p=[0.3, 0.15, 0.25, 0.1, 0.15, 0.05])
    return np.repeat(stages, rng.integers(1, 40, n_runs)).astype(np.int8)


@pytest.mark.parametrize("seed", range(20))
def test_statistics_of_random_hypnograms_are_yasas_to_the_decimal(seed: int) -> None:
    assert_equal_to_yasa(random_hypnogram(seed))


def test_statistics_of_twenty_real_hypnograms_are_yasas_to_the_decimal(real_data: Path) -> None:
    paths = sorted((real_data / "sleep-edf" / "hypnograms").glob("SC*.edf"))
    assert len(paths) == 20
    for path in paths:
        assert_equal_to_yasa(read_hypnogram(path).stage)


def test_statistics_between_lights_are_yasas_of_the_cropped_hypnogram() -> None:
    stage = random_hypnogram(7)
    off, on = 11, len(stage) - 17
    cropped = sleep_statistics(Hypnogram(stage=stage[off:on]))
    assert sleep_statistics(Hypnogram(stage=stage), lights_off_epoch=off, lights_on_epoch=on) == cropped
    assert_equal_to_yasa(stage[off:on])


def test_a_cropped_raw_begins_where_its_first_sample_was(night_path: Path, model_dir: Path) -> None:
    night = mc2.score(raw_of(night_path).crop(tmin=120), model=model_dir)
    assert night.hypnogram.start == datetime(2024, 2, 29, 22, 17, 30)
    assert (night.lights.off_epoch, night.lights.off_from) == (6, "annotation")  # 300 s after the start of the file


def test_samples_that_are_mostly_flat_are_refused_as_a_file_is() -> None:
    samples_uv = np.zeros(10 * 3000)
    samples_uv[:6000] = np.random.default_rng(0).normal(0, 30, 6000)
    with pytest.raises(InputError, match=r"flat in 8 of its 10 epochs.*accept=\"mostly-flat\""):
        mc2.score((samples_uv, 100.0))
    assert mc2.score((samples_uv, 100.0), accept="mostly-flat").stages.tolist().count("UNS") == 8


def test_samples_that_stay_at_their_limits_are_told_or_refused_as_a_file_is(model_dir: Path) -> None:
    samples_uv = 3 * noise_uv(300, 100)
    # Slow enough to stay beyond a limit for three samples.
    samples_uv = np.convolve(samples_uv, np.ones(25) / 5, mode="same")
    samples_uv[9000:9005] = np.nan
    rarely_uv = samples_uv.copy()
    rarely_uv[:6000] = rarely_uv[:6000].clip(-30, 30)
    night = mc2.score((rarely_uv, 100), model=model_dir)
    told = {finding.id: finding.message for finding in night.findings}
    assert told["clipping"].startswith("channel 'array' is clipped in 2 of 10 epochs")
    with pytest.raises(InputError, match=r"array: channel 'array' is clipped in .* of 10 epochs"):
        mc2.score((samples_uv.clip(-30, 30), 100), model=model_dir)
    accepted = mc2.score((samples_uv.clip(-30, 30), 100), model=model_dir, accept=["mostly-clipped"])
    assert "mostly-clipped" in {finding.id for finding in accepted.findings}
    assert "clipping" not in {finding.id for finding in mc2.score((samples_uv, 100), model=model_dir).findings}


def test_masked_and_infinite_samples_are_gaps_as_nan_is(model_dir: Path) -> None:
    samples_uv = noise_uv(150, 100).astype(np.float64)
    nowhere = np.zeros(len(samples_uv), bool)
    nowhere[[3500, 9500]] = True
    infinite = np.where(nowhere, np.where(np.arange(len(nowhere)) < 5000, np.inf, -np.inf), samples_uv)
    nights = [np.where(nowhere, np.nan, samples_uv), infinite, np.ma.masked_array(samples_uv, nowhere)]
    tables = []
    for night in nights:
        scored = mc2.score((night, 100.0), model=model_dir)
        assert [source.value for source in scored.source] == ["model", "gap", "model", "gap", "model"]
        tables.append(scored.stages.tolist())
    assert tables[0] == tables[1] == tables[2]


def test_a_channel_of_samples_is_refused_instead_of_passed_over(model_dir: Path) -> None:
    with pytest.raises(InputError, match="channel: samples are one channel's"):
        mc2.score((noise_uv(60, 100), 100.0), model=model_dir, channel="C3")
