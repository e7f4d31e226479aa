"""Several channels of a night: averaged, and where they stand apart."""

import json
from pathlib import Path

import numpy as np
import pytest

import mc2sleepnet as mc2
from edf_files import noise_uv, signal, write_edf
from mc2sleepnet.core.errors import InputError
from raw_edf import RawSignal, brain_like_uv, raw_edf, written


@pytest.fixture
def two_channels(tmp_path: Path) -> Path:
    """Fpz-Cz lively, Pz-Oz quiet and flat in its first two epochs."""
    first, second = noise_uv(900, 100, seed=1) * 2, noise_uv(900, 100, seed=2) / 4
    second[:6000] = 0
    first[-3000:] = second[-3000:] = 0
    return write_edf(tmp_path / "n.edf", [signal(first, 100, "EEG Fpz-Cz"), signal(second, 100, "EEG Pz-Oz")])


def test_probabilities_are_averaged_where_both_channels_can_be_scored(two_channels: Path, model_dir: Path) -> None:
    alone = [mc2.score(two_channels, model=model_dir, channel=label) for label in ("EEG Fpz-Cz", "EEG Pz-Oz")]
    night = mc2.score(two_channels, model=model_dir, channel=["EEG Fpz-Cz", "EEG Pz-Oz"])
    mean = (alone[0].hypnodensity + alone[1].hypnodensity) / 2
    np.testing.assert_allclose(night.hypnodensity[2:-1], mean[2:-1], atol=1e-12)
    np.testing.assert_allclose(night.hypnodensity[:2], alone[0].hypnodensity[:2], atol=1e-12)
    assert night.stages[-1] == "UNS"
    assert [str(source) for source in night.source] == ["model"] * 29 + ["flat"]
    np.testing.assert_allclose(night.confidence[:-1], night.hypnodensity[:-1].max(axis=1))


def test_dissent_is_in_provenance_and_report(two_channels: Path, model_dir: Path, tmp_path: Path) -> None:
    labels = ["EEG Fpz-Cz", "EEG Pz-Oz"]
    night = mc2.score(two_channels, model=model_dir, channel=labels)
    night.save(tmp_path / "out")
    facts = json.loads((tmp_path / "out" / "provenance.json").read_text())
    assert facts["channel"]["label"] == "EEG Fpz-Cz + EEG Pz-Oz"
    stage = night.hypnogram.stage
    own = np.stack([channel.stage for channel in night.channels])
    differs = (own != stage) & (own >= 0)
    assert facts["dissent"]["n_epochs"] == differs.any(axis=0).sum()
    assert [one["n_scored"] for one in facts["dissent"]["channels"]] == [29, 27]
    for row, one in enumerate(facts["dissent"]["channels"]):
        assert one["agreement_percent"] == pytest.approx(
            100 * (1 - differs[row].sum() / (own[row] >= 0).sum()), abs=0.01
        )
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Channels by themselves" in page
    assert "1 EEG Fpz-Cz · 2 EEG Pz-Oz" in page


def test_one_channel_named_twice_is_one_channel(two_channels: Path, model_dir: Path) -> None:
    night = mc2.score(two_channels, model=model_dir, channel=["EEG Fpz-Cz", "Fpz-Cz"])
    assert len(night.channels) == 1


def test_findings_of_every_channel_are_told_once(two_channels: Path, model_dir: Path) -> None:
    night = mc2.score(two_channels, model=model_dir, channel=["EEG Fpz-Cz", "EEG Pz-Oz"])
    told = [finding.id for finding in night.findings]
    assert len(told) == len(set(zip(told, [f.message for f in night.findings], strict=True)))
    assert told.count("flat") == 2


def test_a_second_channel_that_is_missing_is_named(two_channels: Path, model_dir: Path) -> None:
    with pytest.raises(InputError, match="no channel 'C9-M9'"):
        mc2.score(two_channels, model=model_dir, channel=["EEG Fpz-Cz", "C9-M9"])


def test_channels_of_two_rates_whose_ends_round_apart_have_the_same_rows(model_dir: Path, tmp_path: Path) -> None:
    # 9.5 ms late: a whole sample and more at 256 Hz, less than one at 100 Hz.
    onsets = [f"+{second + 0.0095 * (second >= 30):g}" for second in range(60)]
    signals = [
        RawSignal(brain_like_uv(60, rate, seed=rate), rate, label=label)
        for rate, label in ((100, "EEG C4-M1"), (256, "EEG C3-M2"))
    ]
    path = written(tmp_path / "n.edf", raw_edf(signals, onsets=onsets, continuous=False))
    night = mc2.score(path, model=model_dir, channel=["C4-M1", "C3-M2"])
    the_same = mc2.score(path, model=model_dir, channel=["C3-M2", "C4-M1"])
    assert night.stages.tolist() == the_same.stages.tolist()
    assert repr(night).startswith(f"<ScoredNight {path.name}: {len(night.stages)} epochs of ")
    assert [str(source) for source in night.source] == ["model", "model"]
