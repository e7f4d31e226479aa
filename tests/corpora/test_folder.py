import csv

import edfio
import pytest

from corpus_files import SHHS_LETTERS, SHHS_STAGES, nsrr_xml, profusion_xml, write_recording
from edf_files import noise_uv, signal
from mc2sleepnet.core.errors import InputError
from mc2sleepnet.corpora import folds_of
from mc2sleepnet.corpora.folder import FolderLayout
from mc2sleepnet.corpora.prepare import PrepareOptions, prepare
from mc2sleepnet.corpora.subjects import sleeper_of_name
from mc2sleepnet.formats import write_annotations
from mc2sleepnet.store import Store

EEG = {"EEG C4-M1": 100}
LETTERS = "W12?"


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "cohort"
    folder.mkdir()
    return folder


@pytest.fixture
def store_dir(tmp_path):
    return tmp_path / "store"


def options(**layout):
    return PrepareOptions(layout=FolderLayout(**layout))


def prepared(source, store_dir, **layout):
    return prepare("folder", source, store_dir, options=options(**layout))


def write_edf_hypnogram(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    texts = ["Sleep stage W", "Sleep stage N1", "Sleep stage N2", "Sleep stage ?"]
    write_annotations(path, [(30 * i, 30, text) for i, text in enumerate(texts)], start=None, recording_text="")


def write_pair(folder, stem="night", n_epochs=4, labels=EEG, seed=0):
    write_recording(folder / f"{stem}.edf", labels, n_epochs, seed=seed)
    (folder / f"{stem}.txt").write_text("W\nN1\nN2\n?\n")


def sleepers(summary):
    return [(recording.name, recording.subject, recording.night) for recording in summary.recordings]


@pytest.mark.parametrize(
    ("recording", "hypnogram"),
    [
        ("night.edf", "night.txt"),
        ("night.EDF", "NIGHT.TXT"),
        ("night.edf", "night_hypnogram.txt"),
        ("night-PSG.edf", "night-Hypnogram.txt"),
        ("night-PSG.edf", "night-PSG.txt"),
        ("night_eeg.rec", "night_stage.txt"),
        ("edfs/night.edf", "scoring/night_stages.txt"),
    ],
)
def test_files_that_are_named_alike_are_a_pair(source, store_dir, recording, hypnogram):
    write_recording(source / "edf.edf", EEG, 4)
    (source / recording).parent.mkdir(exist_ok=True)
    (source / "edf.edf").rename(source / recording)
    (source / hypnogram).parent.mkdir(exist_ok=True)
    (source / hypnogram).write_text("W\nN1\nN2\n?\n")
    summary = prepared(source, store_dir)
    # The unscored end is cut.
    assert summary.recordings[0].stage == "W12"
    assert summary.recordings[0].channel == "EEG C4-M1"


def test_every_dialect_serves(source, store_dir):
    for name in ("a", "b", "c", "d"):
        write_recording(source / f"{name}.edf", EEG, 11)
    (source / "a-nsrr.xml").write_bytes(nsrr_xml(SHHS_STAGES))
    (source / "b.edf.XML").write_bytes(profusion_xml(SHHS_STAGES))
    write_edf_hypnogram(source / "c_hypnogram.edf")
    rows = "".join(f"{30 * i}\t30\t{'W' if letter == '?' else 'N2'}\n" for i, letter in enumerate(SHHS_LETTERS))
    (source / "d_events.tsv").write_text("onset\tduration\tstage\n" + rows)
    summary = prepared(source, store_dir)
    stages = {recording.name: recording.stage for recording in summary.recordings}
    assert stages == {"a": SHHS_LETTERS, "b": SHHS_LETTERS, "c": "W12", "d": "222222W2W22"}
    assert summary.missing == ()


def test_a_bids_dataset_is_read_by_its_own_tables(source, store_dir):
    for subject in ("01", "02"):
        for session in ("1", "2"):
            folder = source / f"sub-{subject}" / f"ses-{session}" / "eeg"
            prefix = f"sub-{subject}_ses-{session}_task-sleep"
            labels = {"C4": 128, "F4": 128, "EOG": 128}
            write_recording(folder / f"{prefix}_eeg.edf", labels, 4, seed=int(subject + session))
            (folder / f"{prefix}_events.tsv").write_text(
                "onset\tduration\tstage_hum\n0\t30\t0\n30\t30\t1\n60\t30\t2\n90\t30\t4\n"
            )
            (folder / f"{prefix}_channels.tsv").write_text(
                "name\ttype\tunits\tstatus\nC4\tEEG\tuV\tbad\nF4\tEEG\tuV\tgood\nEOG\tEOG\tuV\tgood\n"
            )
    summary = prepared(source, store_dir)
    assert sleepers(summary) == [
        (f"sub-{subject}_ses-{session}_task-sleep_eeg", subject, int(session))
        for subject in ("01", "02")
        for session in (1, 2)
    ]
    assert {recording.channel for recording in summary.recordings} == {"F4"}
    assert {recording.stage for recording in summary.recordings} == {"W12R"}


def test_patterns_say_where_everything_lies(source, store_dir):
    for subject in ("ann", "bob"):
        for night in ("1", "2"):
            write_recording(source / "raw" / subject / f"rec{night}.edf", EEG, 4)
            (source / "scored").mkdir(exist_ok=True)
            (source / "scored" / f"{subject}-{night}.stages").write_text("W\nN1\nN2\nN3\n")
    (source / "raw" / "ann" / "calibration.edf").write_bytes(b"no recording")
    summary = prepared(
        source, store_dir, recordings="raw/{subject}/rec{night}.edf", hypnograms="{subject}-{night}.stages"
    )
    assert sleepers(summary) == [
        ("ann_rec1", "ann", 1),
        ("ann_rec2", "ann", 2),
        ("bob_rec1", "bob", 1),
        ("bob_rec2", "bob", 2),
    ]


def test_a_pattern_that_leaves_two_hypnograms_is_refused(source, store_dir):
    write_pair(source, "a")
    (source / "a2.txt").write_text("W\nN1\nN2\n?\n")
    with pytest.raises(InputError, match=r"a\.edf: has 2 hypnograms"):
        prepared(source, store_dir, recordings="{who}.edf", hypnograms="{who}*.txt")


@pytest.mark.parametrize(
    ("pattern", "words"), [("{}.edf", "no word in braces"), ("{a.edf", "left open"), ("*.mat", "describes no file")]
)
def test_a_pattern_that_cannot_be_meant_is_refused(source, store_dir, pattern, words):
    write_pair(source)
    with pytest.raises(InputError, match=words):
        prepared(source, store_dir, recordings=pattern)


@pytest.mark.parametrize(
    ("name", "sleeper"),
    [
        ("sub-07_ses-02_task-sleep", ("07", 2)),
        ("sub-07_task-sleep", ("07", None)),
        ("SC4012E0", ("SC401", 2)),
        ("ST7132J0", ("ST713", 2)),
        ("p03_night2", ("p03", 2)),
        ("p03-n2", ("p03", 2)),
        ("Night1", ("Night1", None)),
        ("ann1", ("ann1", None)),
        ("200001", ("200001", None)),
    ],
)
def test_names_tell_who_slept(name, sleeper):
    assert sleeper_of_name(name) == sleeper


def test_both_nights_of_a_subject_stay_together_by_their_names(source, store_dir):
    for key in ("SC4001E", "SC4002E", "SC4011E", "SC4021E"):
        write_recording(source / f"{key}0-PSG.edf", EEG, 4, seed=int(key[3:6]))
        write_edf_hypnogram(source / f"{key}C-Hypnogram.edf")
    summary = prepared(source, store_dir)
    assert [subject for _, subject, _ in sleepers(summary)] == ["SC400", "SC400", "SC401", "SC402"]
    assert "3 subjects in 4 recordings by their names" in summary.to_text()
    assert [len(fold.test) for fold in folds_of(Store.open(store_dir))] == [1, 1, 1]


def test_a_table_names_subjects_and_a_change_of_it_is_noticed(source, store_dir, tmp_path):
    for place, name in enumerate(("x", "y", "z")):
        write_pair(source, name, seed=place)
    table = tmp_path / "subjects.csv"

    def write(*rows):
        with table.open("w", newline="") as file:
            csv.writer(file).writerows([("recording", "subject", "night"), *rows])

    write(("x.edf", "ann", "1"), ("y", "ann", "2"), ("Z.EDF", "bob", ""))
    assert sleepers(prepared(source, store_dir, subjects=table)) == [("x", "ann", 1), ("y", "ann", 2), ("z", "bob", 1)]
    write(("x.edf", "ann", "1"), ("y", "eve", "1"), ("z", "bob", ""))
    summary = prepared(source, store_dir, subjects=table)
    assert summary.n_already_there == 2
    assert summary.n_subjects == 3
    write(("x", "ann", "1"))
    with pytest.raises(InputError, match=r"subjects\.csv: does not name 'y\.edf'"):
        prepared(source, store_dir, subjects=table)
    write(("x", "ann", "1"), ("x.edf", "bob", "1"))
    with pytest.raises(InputError, match=r"line 3: 'x\.edf' is there twice"):
        prepared(source, store_dir, subjects=table)


def test_equal_names_in_several_folders_are_told_apart(source, store_dir):
    for subject in ("ann", "bob"):
        write_pair(source / subject, "night1")
    assert sleepers(prepared(source, store_dir)) == [("ann_night1", "ann", 1), ("bob_night1", "bob", 1)]


def test_names_that_a_store_keeps_for_itself_are_changed(source, store_dir):
    for name in ("index", "folds", "mine"):
        write_pair(source, name)
    assert [name for name, _, _ in sleepers(prepared(source, store_dir))] == ["folds_", "index_", "mine"]
    assert len(Store.open(store_dir).recordings) == 3


def test_odd_names_do_no_harm(source, store_dir):
    write_pair(source, "Nacht für Ännchen (2)")
    assert [name for name, _, _ in sleepers(prepared(source, store_dir))] == ["Nacht_für_Ännchen__2_"]
    assert Store.open(store_dir).signal_uv(Store.open(store_dir).epochs_of(0)).any()


def test_a_recording_without_hypnogram_is_named_and_one_twice_is_refused(source, store_dir):
    write_pair(source, "a")
    write_recording(source / "more" / "b.edf", EEG, 4)
    assert prepared(source, store_dir).missing == ("more/b.edf has no hypnogram",)
    write_pair(source, "a!")
    write_pair(source, "a?")
    with pytest.raises(InputError, match="is the same night as"):
        prepared(source, store_dir)


@pytest.mark.parametrize("stem", ["s15_nohyp", "s15nohyp", "s15_scored", "s15-events", "hypnogram"])
def test_a_file_with_signals_is_a_recording_whatever_its_name(source, store_dir, stem):
    write_pair(source, "a")
    write_recording(source / f"{stem}.edf", EEG, 4)
    assert prepared(source, store_dir).missing == (f"{stem}.edf has no hypnogram",)
    (source / f"{stem}.txt").write_text("W\nN1\nN2\n?\n")
    assert [name for name, _, _ in sleepers(prepared(source, store_dir))] == ["a", stem]


@pytest.mark.parametrize("stem", ["night", "night_scored"])
def test_a_bdf_file_is_a_recording_like_an_edf_file(source, store_dir, stem):
    data = noise_uv(120, 100)
    edfio.Bdf([edfio.BdfSignal(data, 100, label="EEG C4-M1", physical_dimension="uV")]).write(source / f"{stem}.bdf")
    (source / f"{stem}.txt").write_text("W\nN1\nN2\n?\n")
    (source / "subjects.csv").write_text(f"recording,subject\n{stem}.bdf,ann\n")
    summary = prepared(source, store_dir, subjects=source / "subjects.csv")
    assert sleepers(summary) == [(stem, "ann", 1)]
    assert summary.recordings[0].stage == "W12"


def write_recording_with_stages(path, texts):
    annotations = [edfio.EdfAnnotation(30 * i, 30, text) for i, text in enumerate(texts)]
    edfio.Edf([signal(noise_uv(120, 100), 100, "EEG C4-M1")], annotations=annotations).write(path)


def test_a_hypnogram_may_hold_signals_as_well_as_stages(source, store_dir):
    write_recording(source / "night.edf", EEG, 4)
    write_recording_with_stages(source / "night_hypnogram.edf", ["Sleep stage W", "Sleep stage N1", "Sleep stage N2"])
    summary = prepared(source, store_dir)
    assert [recording.stage for recording in summary.recordings] == ["W12"]
    assert summary.missing == ()


def test_signals_without_stages_are_never_the_hypnogram_of_another_recording(source, store_dir):
    write_pair(source, "night")
    write_recording_with_stages(source / "night_hyp.edf", ["Lights off"])
    summary = prepared(source, store_dir)
    assert [recording.stage for recording in summary.recordings] == ["W12"]
    assert summary.missing == ("night_hyp.edf has no hypnogram",)


STAGES_ALONE = {
    "b.csv": "Epoch,Stage\n0,W\n1,N1\n2,N2\n",
    "b.txt": "W\nN1\nN2\n?\n",
    "b_events.tsv": "onset\tduration\ttrial_type\n0\t30\tW\n30\t30\tN2\n",
    "b.json": '["W", "N1", "N2"]',
    "b-noxturnal.csv": "Début,Fin,Événement,Durée\n[],[],[],[s]\n22:30:00,22:30:30,Éveil,30\n22:30:30,22:31:00,N1,30\n",
    "b_hypnogram.csv": "a damaged one, told by its name",
    "b_hyp.edf": "0       a damaged one",
}


@pytest.mark.parametrize("name", STAGES_ALONE)
def test_a_hypnogram_without_a_recording_is_named(source, store_dir, name):
    write_pair(source, "a")
    (source / "more").mkdir()
    (source / "more" / name).write_text(STAGES_ALONE[name])
    summary = prepared(source, store_dir)
    assert summary.missing == (f"more/{name} has no recording",)
    assert summary.missing[0] in summary.to_text()
    assert summary.to_json()["missing"] == list(summary.missing)


def test_hypnograms_without_signals_and_without_a_recording_are_named(source, store_dir):
    write_pair(source, "a")
    write_edf_hypnogram(source / "b.edf")
    (source / "c-nsrr.xml").write_bytes(nsrr_xml(SHHS_STAGES))
    (source / "d.xml").write_bytes(profusion_xml(SHHS_STAGES))
    told = tuple(f"{name} has no recording" for name in ("b.edf", "c-nsrr.xml", "d.xml"))
    assert prepared(source, store_dir).missing == told


def test_looking_for_hypnograms_without_a_recording_tells_how_far_it_is(source, store_dir):
    write_pair(source, "a")
    for name in ("c.txt", "d.csv"):
        (source / name).write_text("no stages\n")
    told = []
    prepare("folder", source, store_dir, options=options(), progress=lambda *one: told.append(one))
    assert told == [(1, 2, "c.txt"), (2, 2, "d.csv"), (1, 1, "a")]


def test_a_hypnogram_that_patterns_describe_without_its_recording_is_named(source, store_dir):
    for name in ("a", "b"):
        write_pair(source, name)
    (source / "b.edf").unlink()
    summary = prepared(source, store_dir, recordings="{who}.edf", hypnograms="{who}.txt")
    assert summary.missing == ("b.txt has no recording",)


def test_a_second_hypnogram_of_a_night_has_a_recording(source, store_dir):
    write_pair(source, "a")
    (source / "a_stages.csv").write_text("Epoch,Stage\n0,W\n1,N1\n2,N2\n")
    assert prepared(source, store_dir).missing == ()


NO_HYPNOGRAMS = {
    "readme.txt": "Nights of four people.\nScored by two.\n",
    # Their subjects, sexes and hands would all read as stages.
    "subjects.csv": "recording,subject,night\na,s1,1\nb,s2,1\nc,s3,1\n",
    "names.csv": "name,age\ns1,33\ns2,44\ns3,55\n",
    "participants.tsv": "participant_id\tsex\thand\nsub-01\tw\tR\nsub-02\tm\tL\n",
    "summary.csv": "folder,status,start,n_scored\ns1,scored,2024-03-01T23:00:00,900\ns2,failed,,\n",
    "split.csv": "subject,side\ns1,train\ns2,validation\ns3,test\n",
    "split.json": '{"train": ["s1"], "validation": ["s2"], "test": ["s3"]}',
    "channels.tsv": "name\ttype\tunits\nC4\tEEG\tuV\nM1\tMISC\tuV\n",
    "task-rest_events.tsv": "onset\tduration\ttrial_type\n0\t1\ttone\n2\t1\tclick\n",
    "signals.csv": "".join(f"{i / 7:.3f},{i / 3:.3f},{i}\n" for i in range(50)),
    "empty.txt": "",
}


def test_tables_and_notes_that_are_no_hypnograms_are_not_named(source, store_dir):
    write_pair(source, "a")
    for name, text in NO_HYPNOGRAMS.items():
        (source / name).write_text(text)
    assert prepared(source, store_dir).missing == ()


def test_what_the_program_itself_wrote_into_the_folder_is_not_named(source):
    write_pair(source, "a")
    write_pair(source, "b")
    scored = source / "scored" / "a"
    scored.mkdir(parents=True)
    (scored / "hypnogram.csv").write_text("Epoch,Stage\n0,W\n1,N1\n2,N2\n")
    write_edf_hypnogram(scored / "hypnogram.edf")
    (scored / "provenance.json").write_text("{}")
    assert prepared(source, source / "store").missing == ()
    assert prepared(source, source / "store").missing == ()


def test_a_folder_without_pairs_is_refused(source, store_dir):
    with pytest.raises(InputError, match="holds no recording with its hypnogram"):
        prepared(source, store_dir)


def test_numbers_and_columns_are_read_as_told(source, store_dir):
    write_recording(source / "a.edf", EEG, 4)
    (source / "a.txt").write_text("0\n1\n2\n3\n")
    numbers = PrepareOptions(codes="ucddb")
    assert prepare("folder", source, store_dir, options=numbers).recordings[0].stage == "WR12"
    assert prepare("folder", source, store_dir, options=PrepareOptions(codes="aasm")).recordings[0].stage == "W123"


def test_a_numbering_that_does_not_exist_is_refused_before_anything_is_read(source, store_dir):
    write_pair(source)
    told = r"^--codes: no numbering 'foo'\. Choose --codes from aasm, nsrr, ucddb\.$"
    with pytest.raises(InputError, match=told):
        prepare("folder", source, store_dir, options=PrepareOptions(codes="foo"))
    assert not store_dir.exists()


def test_patterns_and_tables_belong_to_a_folder_alone(source, store_dir):
    with pytest.raises(InputError, match="are for `folder`"):
        prepare("shhs", source, store_dir, options=options(recordings="*.edf"))


def test_a_pattern_of_recordings_that_describes_the_hypnograms_too_does_no_harm(source, store_dir):
    for name in ("n1", "n2"):
        write_recording(source / f"{name}.edf", EEG, 4, seed=int(name[1]))
        write_edf_hypnogram(source / f"{name}-Hypnogram.edf")
    summary = prepared(source, store_dir, recordings="{subject}.edf", hypnograms="{subject}-Hypnogram.edf")
    assert sleepers(summary) == [("n1", "n1", 1), ("n2", "n2", 1)]
    assert summary.missing == ()


def test_a_subject_in_small_and_large_letters_is_one_person(source, store_dir):
    for stem in ("AB_night1", "ab_night2", "SC4011E0-PSG", "sc4012e0-psg"):
        write_pair(source, stem, seed=len(stem))
    assert len({recording.subject for recording in prepared(source, store_dir).recordings}) == 2
