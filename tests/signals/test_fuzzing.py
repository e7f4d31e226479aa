"""Random damage to sound files: whatever happens, it is epochs or one clear line, soon, in little memory, and true."""

import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.signals import read_recording
from mc2sleepnet.signals.doctor import examine
from mc2sleepnet.signals.doubts import ACCEPTABLE
from raw_edf import SIGNAL_WIDTHS, WIDTHS, RawSignal, brain_like_uv, raw_edf

HZ, SECONDS = 100, 40
SIGNALS = [
    RawSignal(brain_like_uv(SECONDS, HZ, seed=3), HZ),
    RawSignal(brain_like_uv(SECONDS, 50, seed=4), 50, label="EOG"),
]
STAMPS = [f"+{second + 7 * (second >= 35)}" for second in range(SECONDS)]
BASES = (
    raw_edf(SIGNALS),
    raw_edf(SIGNALS, onsets=[f"+{second}" for second in range(SECONDS)]),
    raw_edf(SIGNALS, onsets=STAMPS, continuous=False),
    raw_edf(SIGNALS, onsets=STAMPS, continuous=False, bdf=True),
)
NASTY = (
    *(b"-1", b"0", b"1", b"2", b"65535", b"99999999", b"-9999999", b"1e300", b"-1e300", b"1e-300", b"nan", b"inf"),
    *(b"", b"\0\0\0\0", b"0,5", b"1_000", b"0x10", b"\xff\xfe", b"++1", b"EDF+D", b"EDF+C", b"BDF+C", b"24BIT"),
    *(b"EDF Annotations", b"EEG C4-A1", b"%", b"V", b"mV", "µV".encode()),
)
# Another number in these fields is another file, not a damaged one: nothing in it contradicts it.
_FREE = {"pmin", "pmax", "dmin", "dmax", "samples", "record_s", "unit", "label"}

_HARMLESS = {"gap", "header-not-ascii", "start-doubtful", "header-mended", "header-size"}


def fields_of(content: bytes) -> list[tuple[str, int, int]]:
    """Name, place and width of every field of a header."""
    places, at, n_signals = [], 0, int(content[252:256])
    for name, width in WIDTHS.items():
        places.append((name, at, width))
        at += width
    for name, width in SIGNAL_WIDTHS.items():
        for _ in range(n_signals):
            places.append((name, at, width))
            at += width
    return places


def damaged(rng: np.random.Generator) -> tuple[bytes, bytes, bool]:
    """A sound file, what became of it, and whether its samples and their meaning were left alone."""
    sound = BASES[rng.integers(len(BASES))]
    content, is_alone = bytearray(sound), True
    fields = fields_of(sound)
    begin = 256 * (1 + int(sound[252:256]))
    for _ in range(rng.integers(1, 4)):
        kind = rng.integers(8)
        if kind <= 2:
            name, at, width = fields[rng.integers(len(fields))]
            content[at : at + width] = NASTY[rng.integers(len(NASTY))][:width].ljust(width)
            is_alone &= name not in _FREE
        elif kind == 3:
            name, at, width = fields[rng.integers(len(fields))]
            content[at + rng.integers(width)] = rng.integers(256)
            is_alone &= name not in _FREE
        elif kind == 4:
            del content[rng.integers(begin, len(content)) :]
        elif kind == 5:
            at, n_bytes = rng.integers(begin, len(content) + 1), rng.integers(1, 400)
            del content[at : at + n_bytes]
        elif kind == 6:
            at = rng.integers(begin, len(content) + 1)
            content[at:at] = rng.bytes(rng.integers(1, 400))
        else:
            at = rng.integers(len(content))
            content[at : at + 16] = rng.bytes(len(content[at : at + 16]))
            is_alone = False
        if len(content) <= begin:
            break
    return sound, bytes(content), is_alone and not is_unnoticeable(sound, bytes(content))


def is_unnoticeable(sound: bytes, content: bytes) -> bool:
    """Whether as many bytes were lost as gained, between time stamps if there are any: the samples, of which EDF keeps
    no sum, stand elsewhere, and neither size nor stamps tell."""
    begin = 256 * (1 + int(sound[252:256]))
    if len(content) != len(sound) or content[begin:] == sound[begin:]:
        return False
    records, before = (np.frombuffer(whole[begin:], np.uint8).reshape(SECONDS, -1) for whole in (content, sound))
    has_stamps = sound[192:196] in (b"EDF+", b"BDF+")
    keepers = before[:, -24:]  # of which zeros fill what the stamp leaves
    return not has_stamps or bool(np.all((records[:, -24:] == keepers) | (keepers == 0)))


def assert_true(path: Path, sound: bytes, content: bytes, *, is_alone: bool) -> str:
    """Read a damaged file as a user would; what came of it."""
    path.write_bytes(content)
    begun = time.process_time()
    try:
        found = read_recording(path)
    except InputError as error:
        found, message = None, str(error)
    if found is None:
        assert message.startswith(str(path))
        assert "\n" not in message
        outcome = "refused"
    else:
        outcome = "repaired" if found.findings else "silent"
        # Text fields, and a count or size that lies and was seen through, leave every sample as it was.
        if is_alone and not {finding.id for finding in found.findings} - _HARMLESS:
            path.write_bytes(sound)
            np.testing.assert_array_equal(found.signal_uv, read_recording(path).signal_uv)
            path.write_bytes(content)
    examine(path, accept=tuple(ACCEPTABLE))
    assert time.process_time() - begun < 5
    return outcome


def fuzz(path: Path, seed: int) -> str:
    sound, content, is_alone = damaged(np.random.default_rng(seed))
    try:
        return assert_true(path, sound, content, is_alone=is_alone)
    except Exception as error:
        raise AssertionError(f"seed {seed}: {error!r}") from error


@pytest.mark.parametrize("n_bytes", [4, 5, 16])
@pytest.mark.parametrize("base", [0, 1, 2, 3])
def test_as_many_bytes_lost_as_gained_are_noticed_by_time_stamps_and_else_read_where_they_stand(
    base, n_bytes, tmp_path
):
    """What seed 1,109,822 of the long test came upon, with 5 bytes: it asked for samples that the file cannot give."""
    sound, path = BASES[base], tmp_path / "n.edf"
    begin = 256 * (1 + int(sound[252:256]))
    gained, lost = begin + 6242, begin + 11687
    content = sound[:gained] + b"\7" * n_bytes + sound[gained:lost] + sound[lost + n_bytes :]
    path.write_bytes(content)
    assert len(content) == len(sound)
    assert is_unnoticeable(sound, content) == (base == 0)
    if base:
        with pytest.raises(InputError, match=r"hold no time stamp|does not say when it began"):
            read_recording(path)
        return
    step_uv, expected = 1000 / (2 * 32767), []
    for second in range(SECONDS):
        for sample in range(HZ):
            at = begin + second * 2 * (HZ + 50) + 2 * sample
            expected.append(int.from_bytes(content[at : at + 2], "little", signed=True) * step_uv)
    read = read_recording(path, accept=tuple(ACCEPTABLE)).signal_uv
    np.testing.assert_allclose(read, expected, rtol=1e-4, atol=1e-3)
    path.write_bytes(sound)
    assert np.any(read != read_recording(path).signal_uv)


def test_random_damage_ends_in_truth_or_one_clear_line(tmp_path):
    outcomes = [fuzz(tmp_path / "n.edf", seed) for seed in range(4000)]
    # The fuzzer reaches all three ends, or it tests nothing.
    assert min(outcomes.count(end) for end in ("refused", "repaired", "silent")) > 20


@pytest.mark.parametrize("field", ["records", "record_s", "n signals", "samples", "header size", "pmax", "dmax"])
def test_no_number_in_a_header_makes_the_reader_allocate(tmp_path, field):
    sound = BASES[2]
    path = tmp_path / "n.edf"
    for name, at, width in fields_of(sound):
        if name != field:
            continue
        for text in NASTY[:12]:
            path.write_bytes(sound[:at] + text[:width].ljust(width) + sound[at + width :])
            tracemalloc.start()
            try:
                read_recording(path, accept=tuple(ACCEPTABLE))
            except InputError:
                pass
            finally:
                peak = tracemalloc.get_traced_memory()[1]
                tracemalloc.stop()
            assert peak < 32e6, text


@pytest.mark.soak
def test_ten_minutes_of_random_damage(tmp_path):
    begun, seed = time.monotonic(), 1_000_000
    while time.monotonic() - begun < 600:
        fuzz(tmp_path / "n.edf", seed)
        seed += 1
    assert seed > 1_001_000
