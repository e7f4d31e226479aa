import numpy as np
import torch

from mc2sleepnet.synth import waveforms


def vector(*values: float) -> torch.Tensor:
    return torch.tensor(values)


def dominant_hz(waveform: torch.Tensor) -> float:
    density = torch.fft.rfft(waveform, n=4096).abs()
    density[0] = 0
    return float(density.argmax()) * 100 / 4096


def test_a_spindle_beats_at_its_frequency_and_dies_at_both_ends() -> None:
    shape = waveforms.spindle(vector(13.3), vector(1.0), vector(0.0))[0]
    assert abs(dominant_hz(shape) - 13.3) < 0.3
    assert abs(float(shape[0])) < 0.02
    assert abs(float(shape[-1])) < 0.02
    assert 0.9 < float(shape.abs().max()) <= 1.0


def test_a_k_complex_is_sharply_negative_then_positive_for_half_a_second_at_least() -> None:
    shape = waveforms.k_complex(vector(0.9), vector(0.7))[0]
    negative, positive = int(shape.argmin()), int(shape.argmax())
    assert negative < positive
    assert -1.05 < float(shape.min()) < -0.9
    assert int((shape.abs() > 0.1).sum()) >= 50


def test_a_slow_wave_has_a_down_state_before_its_up_state_and_its_period() -> None:
    shape = waveforms.slow_wave(vector(1.0), vector(0.3))[0]
    assert int(shape.argmin()) < int(shape.argmax())
    assert 0.7 < dominant_hz(shape) < 1.4


def test_a_vertex_wave_is_negative_and_short() -> None:
    shape = waveforms.vertex_wave(vector(0.28))[0]
    assert float(shape.min()) < -0.9
    assert int((shape < -0.3).sum()) < 50


def test_a_sawtooth_train_falls_more_steeply_than_it_rises_or_the_reverse() -> None:
    slope = waveforms.sawtooth(vector(2.5), vector(6.0))[0].diff()
    steepest = sorted([float(slope.max()), -float(slope.min())])
    assert steepest[1] > 1.5 * steepest[0]


def test_a_blink_is_a_positive_hill_and_an_eye_movement_a_fading_step() -> None:
    blink = waveforms.blink(vector(0.3))[0]
    assert float(blink.max()) > 0.9
    assert float(blink.max()) > 4 * -float(blink.min())
    step = waveforms.rapid_eye_movement(vector(0.08), vector(0.3))[0]
    assert 0.6 < float(step.max()) <= 1.0
    assert abs(float(step[-1])) < 0.01


def test_rolling_eyes_move_below_half_a_hertz() -> None:
    assert dominant_hz(waveforms.slow_eye_movement(vector(0.3), vector(10.0), vector(0.0))[0]) < 0.5


def test_events_are_independent_rows() -> None:
    both = waveforms.oscillation(vector(9.0, 11.0), vector(1.5, 2.0), vector(0.0, 1.0))
    alone = waveforms.oscillation(vector(11.0), vector(2.0), vector(1.0))
    np.testing.assert_allclose(both[1].numpy(), alone[0].numpy(), atol=1e-6)
