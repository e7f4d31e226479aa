import torch

from mc2sleepnet.core.stages import N2, W
from mc2sleepnet.synth.frames import BIN_HZ, analyse, overlap_add, welch_median
from mc2sleepnet.synth.reference_tables import band_power_table
from mc2sleepnet.synth.spectra import (
    BANDS_HZ,
    band_log_power,
    band_shapes,
    measured_log_power,
    recorder_log_gain,
    stage_log_spectra,
)
from mc2sleepnet.synth.traits import sample_subject

CPU = torch.device("cpu")
MEANS = torch.as_tensor(band_power_table().channels["Fpz-Cz"].mean, dtype=torch.float32) + 6.0


def test_bands_of_the_stage_spectra_hold_the_wanted_powers_to_a_percent() -> None:
    subject = sample_subject(torch.Generator().manual_seed(0))
    for channel in (0, 1):
        spectra = stage_log_spectra(subject, channel, MEANS)
        torch.testing.assert_close(band_log_power(spectra.exp()), MEANS, atol=0.01, rtol=0)


def test_band_shapes_add_up_to_one_at_every_frequency() -> None:
    shapes = band_shapes(CPU)
    assert torch.all(shapes >= 0)
    torch.testing.assert_close(shapes.sum(0), torch.ones(shapes.shape[1]))


def test_band_power_of_a_sine_lies_in_its_band_and_is_half_its_amplitude_squared() -> None:
    t = torch.arange(3000) / 100
    for band, hz in enumerate((2.0, 6.0, 10.0, 14.0, 22.0)):
        powers = measured_log_power(8.0 * torch.sin(2 * torch.pi * hz * t))[0]
        assert int(powers.argmax()) == band
        # The median over windows is divided by the bias that it has for noise; a sine has none.
        assert 0.9 < float(powers[band].exp()) / 32.0 < 1.6


def test_nothing_passes_the_recorder_at_zero_and_half_the_power_at_half_a_hertz() -> None:
    gain = recorder_log_gain(torch.tensor([0.0, 0.5, 10.0])).exp()
    assert gain[0] < 1e-6
    torch.testing.assert_close(gain[1:], torch.tensor([0.5, 1.0]), atol=0.01, rtol=0)


def test_wake_peaks_at_the_subjects_alpha_and_n2_at_their_sigma() -> None:
    subject = sample_subject(torch.Generator().manual_seed(4))
    spectra = stage_log_spectra(subject, 1, MEANS)
    for stage, hz, (low, high) in ((W, subject.alpha_hz, BANDS_HZ[2]), (N2, subject.spindle_hz, (11.0, 16.0))):
        bins = slice(round(low / BIN_HZ), round(high / BIN_HZ) + 1)
        curvature = spectra[stage, bins].diff().diff()
        peak = low + BIN_HZ * (int(curvature.argmin()) + 1)
        assert abs(peak - hz) <= 0.75


def test_filtered_noise_has_the_density_asked_for() -> None:
    generator = torch.Generator().manual_seed(1)
    subject = sample_subject(generator)
    density = stage_log_spectra(subject, 0, MEANS)[N2].exp()
    white = torch.randn(60 * 3000, generator=generator)
    signal = overlap_add(analyse(white) * (density * 50).sqrt())
    found = welch_median(signal).mean(0)
    ratio = (found / density)[4:160]
    assert torch.all((ratio - 1).abs() < 0.25)
