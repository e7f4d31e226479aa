"""When statistics begin and end, however a user or a file says it."""

from datetime import UTC, datetime, time
from pathlib import Path

import edfio
import numpy as np
import pytest

import mc2sleepnet as mc2
from edf_files import noise_uv, signal, write_edf
from mc2sleepnet.core.errors import InputError
from mc2sleepnet.core.recording import EpochedRecording, Source
from mc2sleepnet.scoring.lights import Lights, find_lights, parse_when
from mc2sleepnet.signals.lights import annotated_lights, lights_of
from raw_edf import RawSignal, brain_like_uv, raw_edf, written


def recording(n_epochs: int = 960, start: datetime | None = datetime(2024, 3, 1, 22, 15, 30)) -> EpochedRecording:
    return EpochedRecording(
        signal_uv=np.zeros((n_epochs, 3000), np.float32),
        source=(Source.MODEL,) * n_epochs,
        name="night",
        channel="EEG",
        channel_reason="",
        source_sampling_hz=100,
        start=start,
    )


@pytest.mark.parametrize(
    ("off", "on", "epochs"),
    [
        (3600, 7200.0, (120, 240)),
        ("3600", "7200", (120, 240)),
        ("23:15:30", "00:15:30", (120, 240)),
        (time(23, 15, 30), datetime(2024, 3, 2, 0, 15, 30), (120, 240)),
        ("2024-03-01T23:15:30", "2024-03-02 00:15:30", (120, 240)),
        ("9:15:30", None, None),
        ("23:15", "6:00", (119, 929)),
        (45, 50, None),
        (44.9, 75, (1, 3)),
        (None, None, (0, 960)),
        ("22:15:30", "06:15:30", (0, 960)),
        (0, 28800, (0, 960)),
    ],
)
def test_every_way_to_tell_a_time_finds_its_epoch(off: object, on: object, epochs: tuple[int, int] | None) -> None:
    if epochs is None:
        with pytest.raises(InputError, match=r"lies outside the recording|is not after"):
            find_lights(recording(), off=off, on=on)  # type: ignore[arg-type]
        return
    lights = find_lights(recording(), off=off, on=on)  # type: ignore[arg-type]
    assert (lights.off_epoch, lights.on_epoch) == epochs
    assert (lights.off_from, lights.on_from) == tuple("recording" if x is None else "option" for x in (off, on))


@pytest.mark.parametrize(
    "given",
    ["", "midnight", "25:00", "-5", "nan", "inf", "12:60", "2024-13-01T00:00", datetime(2024, 3, 1, tzinfo=UTC)],
)
def test_what_is_no_time_is_told_with_the_forms_there_are(given: str) -> None:
    with pytest.raises(InputError, match="Give a clock time"):
        parse_when("--lights-off", given)


def test_a_clock_time_needs_a_recording_that_has_one() -> None:
    with pytest.raises(InputError, match="does not say when it began"):
        find_lights(recording(start=None), off="23:00")
    assert find_lights(recording(start=None), off=60).off_epoch == 2


def test_lights_on_before_lights_off_is_refused_and_contradicting_annotations_are_left_aside() -> None:
    with pytest.raises(InputError, match="is not after lights off"):
        find_lights(recording(), off=600, on=300)
    assert find_lights(recording(), annotated_s={"off": 600.0, "on": 300.0}) == Lights(off_epoch=0, on_epoch=960)


def test_options_stand_above_annotations_and_those_beyond_the_recording_count_as_its_edge() -> None:
    lights = find_lights(recording(), off=600, annotated_s={"off": 300.0, "on": 1e6})
    assert (lights.off_epoch, lights.off_from) == (20, "option")
    assert (lights.on_epoch, lights.on_from) == (960, "annotation")


@pytest.mark.parametrize("text", ["Lights off", "LIGHTS OUT", "lights-off", "Light off", "Lights Off @ 22:45"])
def test_the_spellings_of_lights_off(text: str) -> None:
    assert lights_of([(5.0, text), (3.0, text), (1.0, "Lights on the wall of a room far away, off")]) == {"off": 3.0}


def test_annotations_of_an_edf_file_bound_the_statistics(tmp_path: Path, model_dir: Path) -> None:
    eeg = signal(noise_uv(1800, 100), 100, "EEG Fpz-Cz")
    told = [(300.0, "Lights off"), (301.0, "Flashlight"), (900.0, "Lights on"), (1500.0, "Lights on")]
    notes = [edfio.EdfAnnotation(onset, None, text) for onset, text in told]
    path = write_edf(tmp_path / "n.edf", [eeg], annotations=notes)
    assert annotated_lights(path) == {"off": 300.0, "on": 1500.0}
    night = mc2.score(path, model=model_dir)
    assert (night.lights.off_epoch, night.lights.on_epoch, night.lights.off_from) == (10, 50, "annotation")
    assert night.statistics()["tib_min"] == 20
    assert len(night.stages) == 60
    assert mc2.score(path, model=model_dir, lights_on=600).statistics()["tib_min"] == 5


def test_a_file_without_annotations_has_no_lights(tmp_path: Path) -> None:
    path = write_edf(tmp_path / "n.edf", [signal(noise_uv(60, 100), 100, "EEG Fpz-Cz")])
    assert annotated_lights(path) == {}


def test_onsets_with_a_decimal_comma_are_read(tmp_path: Path) -> None:
    onsets = [f"+{second},5" for second in range(90)]
    onsets[0] += "\x14\x14\x00+45,5\x14Lights off"
    eeg = RawSignal(brain_like_uv(90, 100), 100)
    path = written(tmp_path / "n.edf", raw_edf([eeg], onsets=onsets, stamp_bytes=48))
    assert annotated_lights(path) == {"off": 45.0}


@pytest.mark.parametrize("text", ["23.02", "6.30", " 0.05 "])
def test_a_clock_time_with_a_point_is_not_taken_for_seconds(text: str) -> None:
    with pytest.raises(InputError, match="may be a clock time or seconds"):
        parse_when("lights_off", text)


@pytest.mark.parametrize(("given", "seconds"), [("23.020", 23.02), (23.02, 23.02), ("24.02", 24.02), ("23.60", 23.6)])
def test_what_can_be_no_clock_time_is_seconds(given: float | str, seconds: float) -> None:
    assert parse_when("lights_off", given) == seconds
