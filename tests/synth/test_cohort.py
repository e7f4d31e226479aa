import hashlib
from pathlib import Path

import edfio
import numpy as np
import pytest
import torch

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.stages import UNSCORED
from mc2sleepnet.formats import read_hypnogram
from mc2sleepnet.synth.cohort import write_cohort


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("cohort") / "sleep"
    write_cohort(out, subjects=2, nights=2, seed=42, hours=0.75)
    return out


def digests(out: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(out.iterdir())}


def test_files_are_named_as_in_sleep_edf(cohort: Path) -> None:
    assert [path.name for path in sorted(cohort.iterdir())] == [
        f"SC4{subject:02d}{night}{kind}"
        for subject in (0, 1)
        for night in (1, 2)
        for kind in ("E0-PSG.edf", "EC-Hypnogram.edf")
    ]


def test_the_psg_has_sleep_edfs_header_and_says_synthetic(cohort: Path) -> None:
    path = cohort / "SC4001E0-PSG.edf"
    header = path.read_bytes()[:256].decode("ascii")
    assert header[192:197] == "EDF+C"
    assert "Synthetic" in header[8:88]
    assert "synthetic mc2sleepnet" in header[88:168]
    assert "seed 42" in header[88:168]
    edf = edfio.read_edf(path)
    assert [signal.label for signal in edf.signals] == ["EEG Fpz-Cz", "EEG Pz-Oz"]
    assert edf.data_record_duration == 30
    assert edf.num_data_records == 90
    assert edf.startdate.year == 1989
    for signal in edf.signals:
        assert signal.sampling_frequency == 100
        assert signal.physical_dimension == "uV"
        assert 4 < signal.data.std() < 120
        assert np.abs(signal.data).max() <= signal.physical_range.max + 0.1


def test_hypnograms_cover_the_recording_and_end_in_an_unscored_tail(cohort: Path) -> None:
    for path in cohort.glob("*-Hypnogram.edf"):
        hypnogram = read_hypnogram(path)
        assert len(hypnogram) > 90
        assert np.all(hypnogram.stage[90:] == UNSCORED)
        assert np.mean(hypnogram.stage[:90] != UNSCORED) > 0.9
        psg = edfio.read_edf(path.with_name(path.name.replace("EC-Hypnogram", "E0-PSG")))
        assert hypnogram.start is not None
        assert hypnogram.start.time() == psg.starttime
        assert hypnogram.start.date() == psg.startdate


def test_texts_are_those_of_rechtschaffen_and_kales(cohort: Path) -> None:
    texts = {a.text for path in cohort.glob("*-Hypnogram.edf") for a in edfio.read_edf(path).annotations}
    assert texts <= {f"Sleep stage {s}" for s in "W1234R?"} | {"Movement time"}
    assert {"Sleep stage W", "Sleep stage 1", "Sleep stage 2"} <= texts


def test_a_killed_run_goes_on_to_the_same_bits_and_rewrites_nothing(cohort: Path, tmp_path: Path) -> None:
    write_cohort(tmp_path, subjects=1, nights=2, seed=42, hours=0.75)
    before = (tmp_path / "SC4001E0-PSG.edf").stat().st_mtime_ns
    (tmp_path / "SC4002E0-PSG.edf").unlink()
    calls: list[tuple[int, int, str]] = []
    paths = write_cohort(tmp_path, subjects=2, nights=2, seed=42, hours=0.75, progress=lambda *call: calls.append(call))
    assert digests(tmp_path) == digests(cohort)
    assert (tmp_path / "SC4001E0-PSG.edf").stat().st_mtime_ns == before
    assert calls == [(i + 1, 4, path.name) for i, path in enumerate(paths)]


def test_a_folder_with_nights_of_another_seed_or_length_is_refused(cohort: Path) -> None:
    before = digests(cohort)
    with pytest.raises(InputError, match=r"SC4001E0-PSG\.edf.*empty folder"):
        write_cohort(cohort, subjects=1, nights=1, seed=43, hours=0.75)
    with pytest.raises(InputError, match="empty folder"):
        write_cohort(cohort, subjects=1, nights=1, seed=42, hours=1.0)
    assert digests(cohort) == before


@pytest.mark.parametrize(
    ("fault", "wrong"),
    [
        ("subjects", {"subjects": 0}),
        ("subjects", {"subjects": 101}),
        ("nights", {"nights": 3}),
        ("seed", {"seed": -1}),
        ("hours", {"hours": 25.0}),
        ("hours", {"hours": float("nan")}),
    ],
)
def test_numbers_out_of_range_are_named(tmp_path: Path, fault: str, wrong: dict[str, float]) -> None:
    arguments = {"subjects": 1, "nights": 1, "seed": 0, "hours": 1.0} | wrong
    with pytest.raises(InputError, match=fault):
        write_cohort(tmp_path / "new", **arguments)  # type: ignore[arg-type]
    assert not (tmp_path / "new").exists()


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file"):
        write_cohort(tmp_path / "file", subjects=1, nights=1, seed=0)


def test_the_number_of_threads_changes_no_bit(cohort: Path, tmp_path: Path) -> None:
    torch.set_num_threads(2)
    write_cohort(tmp_path, subjects=1, nights=1, seed=42, hours=0.75)
    assert torch.get_num_threads() == 2
    assert digests(tmp_path).items() <= digests(cohort).items()
