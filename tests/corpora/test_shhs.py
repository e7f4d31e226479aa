import numpy as np
import pytest

from corpus_files import SHHS_LETTERS, SHHS_STAGES, nsrr_xml, profusion_xml, samples_of, write_shhs
from mc2sleepnet.core.errors import InputError
from mc2sleepnet.corpora import folds_of
from mc2sleepnet.corpora.prepare import PrepareOptions, prepare
from mc2sleepnet.store import Store

WHOLE = [0] * 6 + [1, 2, 2, 3, 5]
SLEEPTRANSFORMER = PrepareOptions(rules="sleeptransformer")


@pytest.fixture
def source(tmp_path):
    return tmp_path / "shhs"


@pytest.fixture
def store_dir(tmp_path):
    return tmp_path / "store"


def edf_of(source, number):
    return source / "polysomnography" / "edfs" / "shhs1" / f"shhs1-{number}.edf"


def xml_of(source, number):
    return source / "polysomnography" / "annotations-events-nsrr" / "shhs1" / f"shhs1-{number}-nsrr.xml"


def ids(summary, number=200001):
    return [finding.id for finding in summary.findings.get(f"shhs1-{number}", ())]


def test_a_recording_is_converted_mapped_and_stored_whole(source, store_dir):
    write_shhs(source, 200001)
    summary = prepare("shhs", source, store_dir)
    (recording,) = Store.open(store_dir).recordings
    assert (recording.name, recording.subject, recording.night) == ("shhs1-200001", "200001", 1)
    assert recording.stage == SHHS_LETTERS
    assert recording.channel == "EEG"
    assert ids(summary) == []
    assert "expects 5,793 recordings of 5,793 subjects" in summary.to_text()
    assert "5,792 recordings are not here" in summary.to_text()


@pytest.mark.parametrize("rate", [125, 128])
def test_a_slow_wave_keeps_its_time_through_the_change_of_rate(source, store_dir, rate):
    write_shhs(source, 200001, rate=rate)
    prepare("shhs", source, store_dir)
    read = Store.open(store_dir).signal_uv(np.arange(11)).ravel()
    original = samples_of(edf_of(source, 200001), "EEG")
    # Both averaged over the same tenths of a second, away from the ends.
    tenths = read.reshape(-1, 10).mean(axis=1)
    at = np.linspace(0, len(original), len(tenths) + 1).astype(int)
    expected = np.add.reduceat(original, at[:-1]) / np.diff(at)
    assert np.corrcoef(tenths[10:-10], expected[10:-10])[0, 1] > 0.97


@pytest.mark.parametrize(
    "labels", [("EEG(sec)", "EEG"), ("EEG(SEC)", "EEG"), ("EEG2", "EEG"), ("EEG sec", "EEG"), ("EEG 2", "EEG")]
)
def test_c4_is_taken_whatever_c3_is_called(source, store_dir, labels):
    write_shhs(source, 200001, labels=labels)
    summary = prepare("shhs", source, store_dir)
    assert (summary.recordings[0].channel, ids(summary)) == ("EEG", [])


@pytest.mark.parametrize("label", ["EEG(sec)", "EEG(SEC)", "EEG2", "EEG sec", "EEG 2"])
def test_where_c4_is_absent_c3_is_taken_and_told(source, store_dir, label):
    write_shhs(source, 200001, labels=("SaO2", label))
    summary = prepare("shhs", source, store_dir)
    assert (summary.recordings[0].channel, ids(summary)) == (label, ["other-channel"])


def test_another_channel_can_be_asked_for_and_is_noticed(source, store_dir):
    write_shhs(source, 200001)
    prepare("shhs", source, store_dir)
    summary = prepare("shhs", source, store_dir, options=PrepareOptions(channels=("EEG(sec)",)))
    assert (summary.recordings[0].channel, summary.n_already_there) == ("EEG(sec)", 0)
    with pytest.raises(InputError, match=r"shhs1-200001\.edf: no channel 'EEG Fpz-Cz'.*'EEG\(sec\)', 'EEG'"):
        prepare("shhs", source, store_dir, options=PrepareOptions(channels=("EEG Fpz-Cz",)))


def test_lines_may_end_as_on_windows(source, store_dir):
    write_shhs(source, 200001, newline="\r\n")
    assert prepare("shhs", source, store_dir).recordings[0].stage == SHHS_LETTERS


@pytest.mark.parametrize(("n_epochs", "finding", "letters"), [(14, "recording-longer", 11), (9.4, "stages-cut", 8)])
def test_a_recording_may_be_longer_or_shorter_than_its_stages(source, store_dir, n_epochs, finding, letters):
    write_shhs(source, 200001, n_epochs=n_epochs)
    summary = prepare("shhs", source, store_dir)
    assert summary.recordings[0].stage == SHHS_LETTERS[:letters]
    assert ids(summary)[0] == finding


def test_a_scoring_that_lies_mostly_outside_its_recording_is_another_nights(source, store_dir):
    write_shhs(source, 200001, n_epochs=4)
    with pytest.raises(InputError, match=r"shhs1-200001-nsrr\.xml: 5 scored epochs lie beyond the end"):
        prepare("shhs", source, store_dir)


def test_stretches_that_are_missing_or_overlap_are_unscored(source, store_dir):
    write_shhs(source, 200001, stages=[0] * 4 + [2] * 60)
    text = xml_of(source, 200001).read_bytes().replace(b"<Duration>120.0<", b"<Duration>90.0<")
    double = nsrr_xml([9] * 20 + [5]).split(b"</ScoredEvent>")[-2] + b"</ScoredEvent></ScoredEvents>"
    xml_of(source, 200001).write_bytes(text.replace(b"</ScoredEvents>", double))
    recording = prepare("shhs", source, store_dir).recordings[0]
    assert recording.stage == "WWW?" + "2" * 16 + "?" + "2" * 43


def test_profusions_dialect_serves_where_nsrrs_is_absent(source, store_dir):
    write_shhs(source, 200001)
    xml_of(source, 200001).unlink()
    folder = source / "polysomnography" / "annotations-events-profusion" / "shhs1"
    folder.mkdir(parents=True)
    (folder / "shhs1-200001-profusion.xml").write_bytes(profusion_xml(SHHS_STAGES))
    assert prepare("shhs", source, store_dir).recordings[0].stage == SHHS_LETTERS


def test_what_has_no_partner_and_the_second_visit_are_told(source, store_dir):
    for number in (200001, 200002, 200003):
        write_shhs(source, number)
    xml_of(source, 200002).unlink()
    edf_of(source, 200003).unlink()
    write_shhs(source, 200077)
    edf_of(source, 200077).rename(edf_of(source, 200077).with_name("shhs2-200077.EDF"))
    xml_of(source, 200077).unlink()
    summary = prepare("shhs", source, store_dir)
    assert summary.missing == ("shhs1-200002.edf has no hypnogram", "shhs1-200003-nsrr.xml has no recording")
    assert "1 recordings of the second visit are left out" in summary.to_text()


def test_sleeptransformers_rules_leave_out_what_lacks_a_stage_and_balance_wake(source, store_dir):
    write_shhs(source, 200001, stages=WHOLE)
    write_shhs(source, 200002, stages=[0, 0, 1, 2, 2, 3])
    summary = prepare("shhs", source, store_dir, options=SLEEPTRANSFORMER)
    assert [recording.stage for recording in summary.recordings] == ["WW1223R"]
    assert summary.left_out == {"shhs1-200002": "it lacks R"}
    assert "shhs1-200002 is left out: it lacks R" in summary.to_text()
    assert "expects 5,463 recordings" in summary.to_text()
    assert len(Store.open(store_dir).recordings) == 1


def test_a_recording_that_lost_its_last_stage_to_the_end_lacks_it(source, store_dir):
    write_shhs(source, 200001, stages=WHOLE)
    write_shhs(source, 200002, stages=WHOLE, n_epochs=10)
    summary = prepare("shhs", source, store_dir, options=SLEEPTRANSFORMER)
    assert summary.left_out == {"shhs1-200002": "it lacks R within the recording"}


def test_other_rules_take_out_of_a_store_what_they_leave_out(source, store_dir):
    write_shhs(source, 200001, stages=WHOLE)
    write_shhs(source, 200002, stages=[0, 0, 1, 2, 2, 3])
    assert len(prepare("shhs", source, store_dir).recordings) == 2
    assert len(prepare("shhs", source, store_dir, options=SLEEPTRANSFORMER).recordings) == 1
    assert sorted(path.name for path in store_dir.iterdir() if not path.name.startswith(".")) == [
        "index.json",
        "shhs1-200001.i16",
        "shhs1-200001.json",
    ]


def test_rules_that_leave_out_everything_are_an_error(source, store_dir):
    write_shhs(source, 200001, stages=[0, 0, 1, 2, 2, 3])
    with pytest.raises(InputError, match="leave out every recording, shhs1-200001 because it lacks R"):
        prepare("shhs", source, store_dir, options=SLEEPTRANSFORMER)


def test_the_store_carries_a_split_of_its_own_that_says_so(source, store_dir):
    for number in range(200001, 200011):
        write_shhs(source, number, stages=[*WHOLE[:-5], 2])
    summary = prepare("shhs", source, store_dir)
    (fold,) = folds_of(Store.open(store_dir))
    assert [len(fold.sides[side]) for side in ("train", "validation", "test")] == [6, 1, 3]
    assert summary.folds == (fold,)
    assert "not the published members" in summary.to_text()
    assert fold.manifest_hash[:12] in summary.to_text()
    assert '"members_are_published": false' in (store_dir / "folds.json").read_text()


def test_a_folder_without_pairs_is_refused_with_what_it_has(source, store_dir):
    source.mkdir()
    with pytest.raises(InputError, match="holds no pair of shhs1"):
        prepare("shhs", source, store_dir)
    write_shhs(source, 200001)
    xml_of(source, 200001).unlink()
    with pytest.raises(InputError, match=r"shhs1-200001\.edf has no hypnogram"):
        prepare("shhs", source, store_dir)


def test_rules_are_of_shhs_alone_and_known(source, store_dir):
    write_shhs(source, 200001)
    with pytest.raises(InputError, match="Choose from sleepyco, sleeptransformer"):
        prepare("shhs", source, store_dir, options=PrepareOptions(rules="mine"))
    with pytest.raises(InputError, match="are rules of shhs, not of sleep-edf-78"):
        prepare("sleep-edf-78", source, store_dir, options=SLEEPTRANSFORMER)
    assert not store_dir.exists()
