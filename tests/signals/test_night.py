import edfio
import numpy as np
import pytest

from edf_files import signal as edf_signal
from edf_files import write_edf
from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.recording import Source
from mc2sleepnet.signals import read_channels, read_epochs, read_recording
from mc2sleepnet.signals.data_records import digital_pieces
from mc2sleepnet.signals.doubts import DoubtError
from mc2sleepnet.signals.edf_header import read_header
from raw_edf import RawSignal, brain_like_uv, raw_edf, written

HZ, SECONDS = 128, 120


def parts(*, m1_hz=HZ, m1_limit_uv=500.0, m1_unit="uV", scale=1.0):
    c4, m1 = brain_like_uv(SECONDS, HZ, seed=1), brain_like_uv(SECONDS, m1_hz, seed=2)
    signals = [
        RawSignal(c4, HZ, label="C4"),
        RawSignal(m1 * scale, m1_hz, label="A1", unit=m1_unit, limit_uv=m1_limit_uv),
        RawSignal(brain_like_uv(SECONDS, HZ, seed=3), HZ, label="O2"),
    ]
    return signals, c4, m1


def test_several_channels_are_read_as_each_alone(tmp_path):
    labels = ["EEG Fpz-Cz", "EEG Pz-Oz", "EOG horizontal"]
    data = [brain_like_uv(95, hz, seed=hz) for hz in (100, 128, 200)]
    rates = [(100, "EEG Fpz-Cz"), (128, "EEG Pz-Oz"), (200, "EOG horizontal")]
    signals = [edf_signal(uv, hz, label) for uv, (hz, label) in zip(data, rates, strict=True)]
    path = write_edf(tmp_path / "n.edf", signals)
    together = read_channels(path, labels[::-1])
    assert [epochs.channel for epochs in together] == labels[::-1]
    for epochs in together:
        alone = read_epochs(path, epochs.channel)
        np.testing.assert_array_equal(epochs.signal_uv, alone.signal_uv)
        assert (epochs.source, epochs.source_sampling_hz) == (alone.source, alone.source_sampling_hz)
    (best,) = read_channels(path)
    assert best.channel == "EEG Fpz-Cz"
    assert len(read_channels(path, ["EEG Fpz-Cz", "EEG Fpz-Cz"])) == 1


def test_a_derivation_is_computed_of_its_parts(tmp_path):
    signals, c4, m1 = parts()
    path = written(tmp_path / "n.edf", raw_edf(signals))
    for wanted in (None, "C4-M1", "EEG C4-A1", "C4-A1"):
        recording = read_recording(path, wanted)
        assert (recording.channel, recording.sampling_hz) == ("C4-A1", HZ)
        assert "computed from its parts" in recording.channel_reason
        np.testing.assert_allclose(recording.signal_uv, c4 - m1, atol=0.02)
    with pytest.raises(InputError, match="no channel 'C3-M1'"):
        read_recording(path, "C3-M1")


@pytest.mark.parametrize(("unit", "scale", "limit_uv"), [("uV", 1, 250), ("mV", 1e-3, 0.5), ("V", 1e-6, 5e-4)])
def test_parts_may_have_other_ranges_and_units(tmp_path, unit, scale, limit_uv):
    signals, c4, m1 = parts(m1_unit=unit, m1_limit_uv=limit_uv, scale=scale)
    recording = read_recording(written(tmp_path / "n.edf", raw_edf(signals)))
    np.testing.assert_allclose(recording.signal_uv, c4 - m1, atol=0.02)


def test_parts_of_other_rates_meet_at_100_hz(tmp_path):
    tone = np.sin(2 * np.pi * 10 * np.arange(SECONDS * 256) / 256)
    c4 = RawSignal(80 * tone[::2], HZ, label="C4")
    m1 = RawSignal(30 * tone, 256, label="M1")
    recording = read_recording(written(tmp_path / "n.edf", raw_edf([c4, m1])))
    assert recording.sampling_hz == 100
    expected = 50 * np.sin(2 * np.pi * 10 * np.arange(SECONDS * 100) / 100)
    np.testing.assert_allclose(recording.signal_uv[200:-200], expected[200:-200], atol=0.2)


def test_unlike_units_are_never_subtracted(tmp_path):
    signals, *_ = parts(m1_unit="units")
    path = written(tmp_path / "n.edf", raw_edf(signals))
    assert read_recording(path).channel == "C4"
    with pytest.raises(InputError, match="would subtract 'units' from 'uV'"):
        read_recording(path, "C4-M1")


def test_a_channel_may_be_named_by_its_place(tmp_path):
    path = written(tmp_path / "n.edf", raw_edf([RawSignal(brain_like_uv(60, HZ), HZ, label="")]))
    assert read_recording(path, "#1").channel == "#1"
    with pytest.raises(InputError, match="no channel '#2'"):
        read_recording(path, "#2")


@pytest.mark.parametrize("bdf", [False, True])
@pytest.mark.parametrize("record_s", [1, 0.5, 60])
def test_samples_are_those_that_edfio_reads(tmp_path, bdf, record_s):
    rng = np.random.default_rng(0)
    signals = [
        RawSignal(rng.normal(0, 100, 120 * hz), round(hz * record_s), label=f"EEG {hz}") for hz in (50, 128, 256)
    ]
    path = written(tmp_path / "n.edf", raw_edf(signals, bdf=bdf, record_s=f"{record_s:g}"))
    oracle = edfio.read_bdf(path) if bdf else edfio.read_edf(path)
    for theirs in oracle.signals:
        ours = read_recording(path, theirs.label, accept=("mostly-clipped",))
        np.testing.assert_allclose(ours.signal_uv, theirs.data, atol=1e-4)
        assert ours.sampling_hz == theirs.sampling_frequency


def test_no_block_is_larger_than_four_megabytes(tmp_path):
    whole_night = RawSignal(brain_like_uv(36000, HZ), HZ * 36000)
    path = written(
        tmp_path / "n.edf", raw_edf([whole_night, RawSignal(np.zeros(36000), 36000, label="x")], record_s="36000")
    )
    header = read_header(path)
    sizes = [len(piece) for _, piece in digital_pieces(path, header, header.ordinary[:1])]
    assert max(sizes) <= 1 << 21
    assert sum(sizes) == HZ * 36000
    np.testing.assert_allclose(read_recording(path).signal_uv, whole_night.data_uv, atol=0.02)


def test_gaps_lie_at_the_same_clock_time_in_channels_of_any_rate(tmp_path):
    signals = [RawSignal(brain_like_uv(120, hz, seed=hz), hz, label=label) for hz, label in ((256, "C4"), (100, "C3"))]
    onsets = [f"+{second + 100.5 * (second >= 60):g}" for second in range(120)]
    path = written(tmp_path / "n.edf", raw_edf(signals, onsets=onsets, continuous=False, time=b"23.59.00"))
    first, second = read_channels(path, ["C4", "C3"])
    assert first.source == second.source
    kinds = [Source.MODEL] * 2 + [Source.GAP] * 4 + [Source.MODEL] + [Source.PARTIAL]
    assert list(first.source) == kinds
    assert [finding.id for finding in first.findings] == ["gap"]


@pytest.mark.parametrize("wrong", ["unit_unknown", "flat", "mostlyflat"])
def test_only_a_doubts_own_name_is_accepted(tmp_path, wrong):
    path = written(tmp_path / "n.edf", raw_edf([RawSignal(brain_like_uv(60, HZ), HZ)]))
    with pytest.raises(
        InputError, match=f"--accept {wrong}: no doubt has this name. Choose from amplitude-implausible"
    ):
        read_epochs(path, accept=(wrong,))


def test_one_doubtful_channel_of_several_refuses_the_call_by_name(tmp_path):
    flat = np.concatenate([brain_like_uv(30, HZ), np.zeros(90 * HZ)])
    signals = [RawSignal(brain_like_uv(120, HZ), HZ, label="C4"), RawSignal(flat, HZ, label="C3")]
    path = written(tmp_path / "n.edf", raw_edf(signals))
    with pytest.raises(DoubtError, match="channel 'C3' is flat in 3 of its 4 epochs"):
        read_channels(path, ["C4", "C3"])
    _, accepted = read_channels(path, ["C4", "C3"], accept=("mostly-flat",))
    assert accepted.source.count(Source.FLAT) == 3


def test_an_error_crosses_to_another_process_whole(tmp_path):
    import pickle

    error = pickle.loads(pickle.dumps(DoubtError("n.edf", "fault", "Remedy", "mostly-flat")))
    assert (str(error), error.finding) == ("n.edf: fault. Remedy.", "mostly-flat")
