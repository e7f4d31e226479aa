from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edf_files import noise_uv, signal, write_discontinuous, write_edf, write_night
from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.recording import Finding, Recording, Source
from mc2sleepnet.signals import cut_epochs, read_epochs


def recording(signal_uv):
    return Recording(
        name="night",
        signal_uv=np.asarray(signal_uv, dtype=np.float32),
        sampling_hz=100.0,
        channel="EEG Fpz-Cz",
        channel_reason="",
        start=None,
    )


@settings(max_examples=50, deadline=None)
@given(n_samples=st.integers(1, 12001))
def test_every_30_s_get_a_row_and_no_sample_is_lost(n_samples):
    signal_uv = np.arange(n_samples) % 7919
    epochs = cut_epochs(recording(signal_uv))
    assert len(epochs) == int(np.ceil(n_samples / 3000))
    assert np.array_equal(epochs.signal_uv.ravel()[:n_samples], signal_uv)
    assert not epochs.signal_uv.ravel()[n_samples:].any()
    is_partial = [source is Source.PARTIAL for source in epochs.source]
    assert is_partial == [False] * (n_samples // 3000) + [True] * bool(n_samples % 3000)


def test_an_epoch_is_flat_below_half_a_microvolt_whatever_its_offset():
    noise = noise_uv(30, 100)
    quiet = 55 + 0.2 * np.sign(noise)
    blip = quiet.copy()
    blip[1500] += 1
    lively = 55 + 0.3 * np.sign(noise)
    epochs = cut_epochs(recording(np.concatenate([noise, quiet, blip, lively, np.zeros(3000)])))
    assert epochs.source == (Source.MODEL, Source.FLAT, Source.FLAT, Source.MODEL, Source.FLAT)
    assert epochs.is_scorable.tolist() == [True, False, False, True, False]


@pytest.mark.parametrize(
    ("dead_s", "source"), [(0.4, Source.MODEL), (0.5, Source.MODEL), (15, Source.MODEL), (16, Source.FLAT)]
)
def test_an_epoch_is_scored_by_the_rest_where_half_of_it_is_dead_at_most(dead_s, source):
    signal_uv = noise_uv(60, 100)
    n = round(dead_s * 100)
    # Steps at both ends: what is beside a dead stretch must not belong to it by chance.
    signal_uv[4000 : 4000 + n] = 300
    epochs = cut_epochs(recording(signal_uv))
    assert epochs.source == (Source.MODEL, source)
    told = {0.5: "0.5 s", 15: "15 s"}.get(dead_s)
    expected = (
        [("dead-stretches", f"1 epoch holds dead stretches, {told} in all, and is scored by the rest of its")]
        if told
        else []
    )
    if source is Source.FLAT:
        expected = [("flat", "1 epoch is flat")]
    found = [(finding.id, finding.message) for finding in epochs.findings]
    assert [one for one, _ in found] == [one for one, _ in expected]
    assert all(message.startswith(begins) for (_, message), (_, begins) in zip(found, expected, strict=True))


def test_an_epoch_that_a_dead_one_merely_touches_holds_no_dead_stretch():
    signal_uv = noise_uv(90, 100)
    # 0.1 s of what is dead lie in the first epoch and 0.4 s in the third: more than half of what a stretch needs.
    signal_uv[2990:6040] = 7.0
    epochs = cut_epochs(recording(signal_uv))
    assert epochs.source == (Source.MODEL, Source.FLAT, Source.MODEL)
    (dead,) = [finding.message for finding in epochs.findings if finding.id == "dead-stretches"]
    assert dead.startswith("1 epoch holds dead stretches, 0.4 s in all")


def test_stillness_of_less_than_two_seconds_makes_no_epoch_flat():
    """A converter of coarse steps: hardly a sample differs from the one before, and yet it is a signal."""
    stairs_uv = np.repeat(noise_uv(30, 1), 100)
    epochs = cut_epochs(recording(stairs_uv))
    assert epochs.source == (Source.MODEL,)
    assert [finding.id for finding in epochs.findings] == ["dead-stretches"]
    assert "hardly anything else" in epochs.findings[0].message


def test_flat_epochs_are_told_after_what_was_found_before():
    noise = noise_uv(30, 100)
    before = Finding(id="gap", message="")
    two = cut_epochs(replace(recording(np.concatenate([noise, noise, np.zeros(6000)])), findings=(before,)))
    assert two.findings == (before, Finding(id="flat", message="2 epochs are flat"))
    assert cut_epochs(recording(np.zeros(3000))).findings[0].message == "1 epoch is flat"
    assert cut_epochs(recording(noise)).findings == ()


def test_ringing_at_the_border_of_a_flat_stretch_does_not_hide_it(tmp_path):
    data = noise_uv(120, 128)
    data[30 * 128 : 90 * 128] = 0
    epochs = read_epochs(write_edf(tmp_path / "n.edf", [signal(data, 128, "EEG")]))
    assert np.ptp(epochs.signal_uv[1]) > 0.5
    assert epochs.source == (Source.MODEL, Source.FLAT, Source.FLAT, Source.MODEL)


def test_an_epoch_with_a_gap_says_so_and_holds_zeros_there(tmp_path):
    epochs = read_epochs(write_discontinuous(tmp_path / "n.edf", [*range(45), *range(80, 150)]))
    # 0–45 s and 80–150 s were recorded; the steps of this file are a second long, each of its own height.
    assert epochs.source == (Source.MODEL, Source.GAP, Source.GAP, Source.MODEL, Source.MODEL)
    assert epochs.signal_uv[1, :1500].all()
    assert not epochs.signal_uv[1, 1500:].any()
    assert not epochs.signal_uv[2, :2000].any()


def test_the_last_partial_epoch_of_a_file_gets_a_row(tmp_path):
    epochs = read_epochs(write_night(tmp_path / "n.edf", seconds=75, sampling_hz=256))
    assert epochs.source == (Source.MODEL, Source.MODEL, Source.PARTIAL)
    assert epochs.source_sampling_hz == 256
    assert epochs.signal_uv[2, :1500].std() > 5
    assert not epochs.signal_uv[2, 1500:].any()


def test_a_slow_channel_is_refused_by_the_files_name(tmp_path):
    path = write_night(tmp_path / "slow.edf", sampling_hz=20)
    with pytest.raises(
        InputError, match=r"slow\.edf: no EEG channel that can be used: 'EEG Fpz-Cz' has 20 samples a second"
    ):
        read_epochs(path)


def test_the_real_night_has_787_epochs_of_which_the_65_unscored_are_flat(real_data):
    epochs = read_epochs(real_data / "ucddb" / "ucddb022.edf")
    assert len(epochs) == 787
    assert epochs.source.count(Source.FLAT) == 65
    assert epochs.source.count(Source.MODEL) == 722
