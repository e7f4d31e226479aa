import multiprocessing
from datetime import datetime, timedelta
from pathlib import Path

import edfio
import numpy as np
import pytest

from edf_files import noise_uv, signal
from mc2sleepnet.core.errors import InputError, SomeInputsError
from mc2sleepnet.core.stages import N2, N3, UNSCORED, R, W
from mc2sleepnet.corpora.prepare import PrepareOptions, prepare
from mc2sleepnet.corpora.summary import SomeNotPreparedError
from mc2sleepnet.formats import write_annotations
from mc2sleepnet.store import Store

START = datetime(1989, 4, 24, 16, 13)
# Wake, sleep with a movement, wake: 74 epochs with a stage, and an unscored tail as PhysioNet's files have.
NIGHT = [(65, "W"), (2, "2"), (1, "M"), (1, "3"), (2, "4"), (1, "R"), (2, "W"), (20, "?")]
STAGES = [W] * 60 + [N2, N2, UNSCORED, N3, N3, N3, R, W, W]
N_RECORDED = 76
ANY_NON_WAKE = PrepareOptions(trim_limits="any_non_wake")


def write_night(
    source: Path,
    key: str = "SC4001E",
    *,
    n_recorded: int = N_RECORDED,
    night: list[tuple[int, str]] = NIGHT,
    hypnogram_delay_s: float = 0,
    record_s: float = 30,
    text: str = "",
    seed: int = 0,
) -> np.ndarray:
    """A pair in Sleep-EDF's layout; the samples of Fpz-Cz."""
    source.mkdir(parents=True, exist_ok=True)
    data = noise_uv(30 * n_recorded, 100, seed)
    signals = [
        signal(data, 100, "EEG Fpz-Cz"),
        signal(-data, 100, "EEG Pz-Oz"),
        signal(noise_uv(30 * n_recorded, 1), 1, "Temp rectal", "DegC"),
    ]
    recording = edfio.Recording(startdate=START.date(), additional=text.split())
    psg = edfio.Edf(signals, recording=recording, starttime=START.time(), data_record_duration=record_s, annotations=[])
    psg.write(source / f"{key}0-PSG.edf")
    annotations, onset_s = [], 0
    for n_epochs, stage in night:
        stage_text = "Movement time" if stage == "M" else f"Sleep stage {stage}"
        annotations.append((onset_s, 30 * n_epochs, stage_text))
        onset_s += 30 * n_epochs
    start = START + timedelta(seconds=hypnogram_delay_s)
    write_annotations(source / f"{key}C-Hypnogram.edf", annotations, start=start, recording_text="")
    return data


def rewrite(path: Path, data: np.ndarray) -> None:
    """The same recording with other samples."""
    recording = edfio.Recording(startdate=START.date())
    edfio.Edf([signal(data, 100, "EEG Fpz-Cz")], recording=recording, starttime=START.time()).write(path)


@pytest.fixture
def source(tmp_path):
    return tmp_path / "sleep-cassette"


@pytest.fixture
def store_dir(tmp_path):
    return tmp_path / "store"


def files_of(store_dir):
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in store_dir.iterdir()}


def ids(summary, name="SC4001E0"):
    return [finding.id for finding in summary.findings.get(name, ())]


def test_a_night_is_trimmed_mapped_and_stored(source, store_dir):
    data = write_night(source)
    summary = prepare("sleep-edf-78", source, store_dir)
    store = Store.open(store_dir)
    (recording,) = store.recordings
    assert recording.stages.tolist() == STAGES
    assert (recording.name, recording.subject, recording.night) == ("SC4001E0", "0", 1)
    assert recording.channel == "EEG Fpz-Cz"
    assert recording.start_time == START + timedelta(seconds=5 * 30)
    assert store.is_readable.all()
    np.testing.assert_allclose(store.signal_uv(np.arange(69)).ravel(), data[15000 : 15000 + 69 * 3000], atol=0.02)
    assert ids(summary) == ["tail-cut"]
    assert summary.epochs_per_stage == {"W": 62, "N1": 0, "N2": 2, "N3": 3, "R": 1, "UNS": 1}
    assert (summary.n_epochs, summary.n_subjects, summary.missing) == (69, 1, ())
    assert "1 recordings of 1 subjects\n69 epochs: W 62  N1 0" in summary.to_text()


def test_movement_sets_the_limits_only_if_asked(source, store_dir):
    write_night(source, night=[(70, "W"), (1, "M"), (3, "W"), (1, "2")], n_recorded=75)
    assert prepare("sleep-edf-78", source, store_dir / "a").n_epochs == 61
    assert prepare("sleep-edf-78", source, store_dir / "b", options=ANY_NON_WAKE).n_epochs == 65


def test_data_records_of_a_minute_are_read_alike(source, store_dir):
    # As in one of the official files.
    data = write_night(source, record_s=60)
    prepare("sleep-edf-78", source, store_dir)
    epoch = Store.open(store_dir).signal_uv(np.array([0]))
    np.testing.assert_allclose(epoch[0], data[15000:18000], atol=0.02)


@pytest.mark.parametrize("delay_s", [17.25, 60, 86400 * 3 + 45, -86400])
def test_epochs_lie_on_the_hypnograms_grid_by_the_clock(source, store_dir, delay_s):
    data = write_night(source, hypnogram_delay_s=delay_s, n_recorded=80)
    summary = prepare("sleep-edf-78", source, store_dir)
    # Shifted dates are aligned by the time of day, and told.
    first = round(delay_s % 86400 * 100) + 5 * 3000
    store = Store.open(store_dir)
    assert store.stage.tolist() == STAGES
    np.testing.assert_allclose(store.signal_uv(np.arange(69)).ravel(), data[first : first + 69 * 3000], atol=0.02)
    assert ("date-mismatch" in ids(summary)) == (abs(delay_s) >= 86400)


def test_unscored_epochs_before_the_recording_are_cut(source, store_dir):
    data = write_night(source, night=[(2, "?"), *NIGHT], hypnogram_delay_s=-45)
    prepare("sleep-edf-78", source, store_dir)
    store = Store.open(store_dir)
    assert store.stage.tolist() == STAGES
    np.testing.assert_allclose(store.signal_uv(np.array([0]))[0], data[16500:19500], atol=0.02)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"n_recorded": 73}, "1 scored epochs lie beyond the end of SC4001E0-PSG.edf"),
        ({"n_recorded": 73, "hypnogram_delay_s": 30}, "2 scored epochs lie beyond the end"),
        ({"hypnogram_delay_s": -45}, "2 scored epochs lie before the start of SC4001E0-PSG.edf"),
        ({"night": [(50, "?")]}, "has no scored epoch"),
        ({"hypnogram_delay_s": 11 * 3600, "night": [(5, "?")]}, "no epoch in common"),
    ],
)
def test_a_hypnogram_that_does_not_fit_its_recording_is_an_error_that_names_it(source, store_dir, fault, words):
    write_night(source, **fault)
    with pytest.raises(InputError, match=words) as raised:
        prepare("sleep-edf-78", source, store_dir)
    assert str(raised.value).startswith(str(source / "SC4001EC-Hypnogram.edf"))
    assert "\n" not in str(raised.value)


def test_the_good_nights_are_prepared_before_all_bad_ones_are_named(source, store_dir):
    write_night(source)
    write_night(source, "SC4011E", n_recorded=70)
    write_night(source, "SC4021E")
    (source / "SC4021E0-PSG.edf").write_bytes(b"0       " * 100)
    with pytest.raises(InputError, match="2 of 3 recordings cannot be used") as raised:
        prepare("sleep-edf-78", source, store_dir)
    assert "SC4011EC-Hypnogram.edf: 4 scored" in str(raised.value)
    assert "SC4021E0-PSG.edf: is not EDF" in str(raised.value)
    assert [recording.name for recording in Store.open(store_dir).recordings] == ["SC4001E0"]
    write_night(source, "SC4011E")
    write_night(source, "SC4021E")
    assert prepare("sleep-edf-78", source, store_dir).n_already_there == 1
    assert len(Store.open(store_dir).recordings) == 3


def test_a_store_of_some_nights_says_how_many_and_which_are_not_in_it(source, store_dir):
    write_night(source)
    write_night(source, "SC4011E", n_recorded=70)
    with pytest.raises(SomeNotPreparedError) as raised:
        prepare("sleep-edf-78", source, store_dir)
    summary = raised.value.summary
    assert [recording.name for recording in summary.recordings] == ["SC4001E0"]
    assert [error.where for error in summary.failures] == [str(source / "SC4011EC-Hypnogram.edf")]
    assert summary.to_json()["failures"] == [str(summary.failures[0])]
    assert "1 recording could not be prepared and is not in the store" in summary.to_text()


def test_a_night_that_was_prepared_and_is_broken_now_is_in_the_store_no_more_until_it_is_mended(source, store_dir):
    write_night(source)
    write_night(source, "SC4011E")
    whole = prepare("sleep-edf-78", source, store_dir).recordings
    path = source / "SC4011E0-PSG.edf"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(SomeNotPreparedError):
        prepare("sleep-edf-78", source, store_dir)
    assert [recording.name for recording in Store.open(store_dir).recordings] == ["SC4001E0"]
    path.write_bytes(content)
    mended = prepare("sleep-edf-78", source, store_dir)
    assert (mended.recordings, mended.n_already_there) == (whole, 2)
    assert Store.open(store_dir).recordings == whole


def test_where_none_can_be_prepared_there_is_no_store(source, store_dir):
    write_night(source, n_recorded=70)
    write_night(source, "SC4011E", n_recorded=70)
    with pytest.raises(InputError, match="2 of 2 recordings cannot be used") as raised:
        prepare("sleep-edf-78", source, store_dir)
    assert not isinstance(raised.value, SomeInputsError)
    with pytest.raises(InputError, match="no finished store"):
        Store.open(store_dir)


@pytest.mark.parametrize("is_finished", [True, False])
def test_a_store_of_one_corpus_takes_no_other(source, store_dir, is_finished):
    write_night(source)
    prepare("sleep-edf-20", source, store_dir)
    if not is_finished:
        (store_dir / "index.json").unlink()
    before = files_of(store_dir)
    with pytest.raises(InputError, match=r"is a store of sleep-edf-20, not of sleep-edf-78\. Use another --store"):
        prepare("sleep-edf-78", source, store_dir)
    assert files_of(store_dir) == before
    assert prepare("sleep-edf-20", source, store_dir).n_already_there == 1


def test_a_second_run_does_nothing_again(source, store_dir):
    write_night(source)
    write_night(source, "SC4002E")
    first = prepare("sleep-edf-78", source, store_dir)
    before = files_of(store_dir)
    second = prepare("sleep-edf-78", source, store_dir)
    after = files_of(store_dir)
    assert (first.n_already_there, second.n_already_there) == (0, 2)
    assert second.recordings == first.recordings
    assert before.keys() == after.keys()
    assert all(before[name] == after[name] for name in before if name != "index.json")
    assert before["index.json"][0] == after["index.json"][0]


def test_a_changed_file_or_protocol_is_prepared_again(source, store_dir):
    write_night(source)
    write_night(source, "SC4002E")
    prepare("sleep-edf-78", source, store_dir)
    first = Store.open(store_dir).content_hash
    write_night(source, seed=1)
    assert prepare("sleep-edf-78", source, store_dir).n_already_there == 1
    second = Store.open(store_dir).content_hash
    assert prepare("sleep-edf-78", source, store_dir, options=ANY_NON_WAKE).n_already_there == 0
    assert len({first, second, Store.open(store_dir).content_hash}) == 3


def test_what_a_killed_run_left_is_finished_and_cleared(source, store_dir):
    write_night(source)
    write_night(source, "SC4002E")
    prepare("sleep-edf-78", source, store_dir)
    whole = {name: content for name, (content, _) in files_of(store_dir).items()}
    # Killed while writing the second night's epochs, and, before that, between its epochs and its sidecar.
    (store_dir / "index.json").unlink()
    (store_dir / "SC4002E0.json").unlink()
    (store_dir / ".SC4002E0.i16.4711.part").write_bytes(b"half")
    assert prepare("sleep-edf-78", source, store_dir).n_already_there == 1
    assert {name: content for name, (content, _) in files_of(store_dir).items()} == whole


def test_two_workers_write_the_same_store_as_one(source, store_dir):
    for key in ("SC4001E", "SC4011E", "SC4012E"):
        write_night(source, key, seed=int(key[3:6]))
    calls = []
    one = prepare("sleep-edf-78", source, store_dir / "one", progress=lambda *call: calls.append(call))
    two = prepare("sleep-edf-78", source, store_dir / "two", workers=2)
    assert [call[:2] for call in calls] == [(1, 3), (2, 3), (3, 3)]
    assert [call[2] for call in calls] == ["SC4001E0", "SC4011E0", "SC4012E0"]
    assert one.recordings == two.recordings
    for path in (store_dir / "one").iterdir():
        assert (store_dir / "two" / path.name).read_bytes() == path.read_bytes()


def test_errors_come_back_whole_from_workers(source, store_dir):
    write_night(source, n_recorded=70)
    write_night(source, "SC4011E")
    with pytest.raises(InputError, match="4 scored epochs lie beyond the end") as raised:
        prepare("sleep-edf-78", source, store_dir, workers=2)
    assert raised.value.where == str(source / "SC4001EC-Hypnogram.edf")


@pytest.mark.parametrize("n_good", [0, 1])
def test_the_only_bad_night_is_named_with_what_became_of_the_others(source, store_dir, n_good):
    write_night(source, n_recorded=70)
    if n_good:
        write_night(source, "SC4011E")
    with pytest.raises(InputError) as raised:
        prepare("sleep-edf-78", source, store_dir)
    assert raised.value.where == str(source / "SC4001EC-Hypnogram.edf")
    assert ("the other 1 of 2 recordings are prepared" in str(raised.value)) == bool(n_good)


def test_what_killed_workers_were_at_is_done_by_others(source, store_dir):
    for subject in range(12):
        write_night(source, f"SC4{subject:02d}1E")

    def kill(done, *_):
        if done == 1:
            for worker in multiprocessing.active_children():
                worker.kill()

    assert len(prepare("sleep-edf-78", source, store_dir, workers=2, progress=kill).recordings) == 12
    assert len(Store.open(store_dir).recordings) == 12
    assert list(store_dir.glob(".*.part")) == []


def test_nights_without_a_partner_are_named(source, store_dir):
    for key in ("SC4001E", "SC4002E", "SC4011E"):
        write_night(source / "nested" / key, key)
    (source / "nested" / "SC4002E" / "SC4002EC-Hypnogram.edf").unlink()
    (source / "nested" / "SC4011E" / "SC4011E0-PSG.edf").unlink()
    summary = prepare("sleep-edf-78", source, store_dir)
    assert summary.missing == ("SC4002E0-PSG.edf has no hypnogram", "SC4011EC-Hypnogram.edf has no recording")
    assert [recording.name for recording in summary.recordings] == ["SC4001E0"]


def test_sleep_edf_20_is_the_first_twenty_subjects(source, store_dir):
    for key in ("SC4191E", "SC4201E"):
        write_night(source, key)
    summary = prepare("sleep-edf-20", source, store_dir)
    assert [recording.subject for recording in summary.recordings] == ["19"]
    assert Store.open(store_dir).corpus == "sleep-edf-20"


def test_recorders_and_scorers_letters_vary(source, store_dir):
    write_night(source, "SC4362F")
    (source / "SC4362FC-Hypnogram.edf").rename(source / "SC4362FJ-Hypnogram.edf")
    (recording,) = prepare("sleep-edf-78", source, store_dir).recordings
    assert (recording.name, recording.subject, recording.night) == ("SC4362F0", "36", 2)


def test_a_store_holds_what_its_source_holds_and_nothing_else(source, store_dir):
    write_night(source)
    write_night(source, "SC4201E")
    prepare("sleep-edf-78", source, store_dir)
    for path in source.glob("SC4201E*"):
        path.unlink()
    with pytest.raises(InputError, match=r"holds 1 recordings that .* lacks, such as 'SC4201E0'"):
        prepare("sleep-edf-78", source, store_dir)
    assert len(Store.open(store_dir).recordings) == 2


def test_a_source_without_recordings_or_with_one_twice_is_refused(source, store_dir):
    with pytest.raises(InputError, match="is no folder"):
        prepare("sleep-edf-78", source, store_dir)
    source.mkdir()
    with pytest.raises(InputError, match="holds no pair"):
        prepare("sleep-edf-78", source, store_dir)
    write_night(source)
    write_night(source / "copy")
    with pytest.raises(InputError, match="is the same night as"):
        prepare("sleep-edf-78", source, store_dir)


def test_an_unknown_corpus_or_limit_is_refused(source, store_dir):
    with pytest.raises(InputError, match="Choose from sleep-edf-20, sleep-edf-78"):
        prepare("sleep-edf-79", source, store_dir)
    with pytest.raises(InputError, match="Choose from scored_sleep, any_non_wake"):
        prepare("sleep-edf-78", source, store_dir, options=PrepareOptions(trim_limits="half"))


def test_what_was_synthetic_says_so_in_the_store(source, store_dir):
    write_night(source, text="synthetic")
    assert "synthetic data" in prepare("sleep-edf-78", source, store_dir).to_text()
    assert Store.open(store_dir).is_synthetic


def test_flat_epochs_are_told_and_stay_readable(source, store_dir):
    write_night(source)
    path = source / "SC4001E0-PSG.edf"
    data = bytearray(path.read_bytes())
    n_record = (len(data) - 5 * 256) // N_RECORDED
    for epoch in (10, 11):
        at = 5 * 256 + epoch * n_record
        data[at : at + 6000] = bytes(6000)
    path.write_bytes(data)
    summary = prepare("sleep-edf-78", source, store_dir)
    assert summary.to_text().count("SC4001E0: 2 epochs are flat") == 1
    assert ids(summary).count("flat") == 1
    assert Store.open(store_dir).is_readable.all()


def test_flat_epochs_that_are_trimmed_away_are_not_told(source, store_dir):
    data = write_night(source)
    data[: 4 * 3000] = 0
    rewrite(source / "SC4001E0-PSG.edf", data)
    assert ids(prepare("sleep-edf-78", source, store_dir)) == ["tail-cut"]


def test_clipped_samples_are_told(source, store_dir):
    data = write_night(source)
    data[30000:30003] = 9000
    rewrite(source / "SC4001E0-PSG.edf", data)
    assert "SC4001E0: 3 samples beyond ±5000 µV were clipped" in prepare("sleep-edf-78", source, store_dir).to_text()


def test_samples_in_the_store_that_are_not_those_written_are_written_again(source, store_dir):
    write_night(source)
    prepare("sleep-edf-78", source, store_dir)
    (samples,) = store_dir.glob("*.i16")
    written = samples.read_bytes()
    samples.write_bytes(written[:-1] + bytes([written[-1] ^ 1]))
    assert prepare("sleep-edf-78", source, store_dir).n_already_there == 0
    assert samples.read_bytes() == written
