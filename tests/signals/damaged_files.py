"""Kinds of damaged, odd and careless files, each made from sound bytes: what vendors and accidents do to EDF."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from raw_edf import RawSignal, brain_like_uv, raw_edf

HZ, SECONDS = 128, 180
EEG_UV, EOG_UV = brain_like_uv(SECONDS, HZ, seed=1), brain_like_uv(SECONDS, HZ, seed=2)
RECORD_BYTES = 4 * HZ
ONSETS = [f"+{second}" for second in range(SECONDS)]


def sound(*, eeg: dict[str, bytes] | None = None, **options) -> bytes:
    """Three minutes of two channels; `eeg` overrides fields of the EEG's header, options the fixed header."""
    signals = [RawSignal(EEG_UV, HZ, fields=eeg or {}), RawSignal(EOG_UV, HZ, label="EOG horizontal")]
    return raw_edf(signals, **options)


def edf_plus(onsets: list[str] | None = None, **options) -> bytes:
    return sound(onsets=onsets or ONSETS, **options)


def header_end(content: bytes) -> int:
    return 256 * (1 + int(content[252:256]))


def data_changed(change: Callable[[np.ndarray], np.ndarray], *, plus: bool = False) -> bytes:
    """The records' bytes, shape [records, bytes], changed."""
    content = edf_plus() if plus else sound()
    at = header_end(content)
    records = np.frombuffer(content[at:], np.uint8).reshape(SECONDS, -1)
    return content[:at] + change(records.copy()).tobytes()


def _eeg_changed(change: Callable[[np.ndarray], np.ndarray]) -> bytes:
    def on_records(records: np.ndarray) -> np.ndarray:
        samples = records.view("<i2")
        samples[:, :HZ] = change(samples[:, :HZ].copy())
        return records

    return data_changed(on_records)


def _within(samples: np.ndarray, seconds: int) -> np.ndarray:
    """Samples of the first seconds, and zeros."""
    return np.where(np.arange(SECONDS)[:, None] < seconds, samples, 0).astype("<i2")


@dataclass(frozen=True)
class Damage:
    """A kind of damage.

    Attributes
    ----------
    name
        What was done to the file, for people.
    content
        The file.
    outcome
        ``read`` with these findings; ``doubt`` of this name beside them; ``refused`` with these words in the error.
    told
        Ids of findings, or words.
    is_whole
        Whether the samples read must be those of the sound file.
    """

    name: str
    content: Callable[[], bytes]
    outcome: str
    told: tuple[str, ...]
    is_whole: bool = True


def _read(name, content, *told, whole=True):
    return Damage(name, content, "read", told, whole)


def _doubt(name, content, *told, whole=True):
    return Damage(name, content, "doubt", told, whole)


def _refused(name, content, words):
    return Damage(name, content, "refused", (words,))


def _unit(unit: bytes, *, limit: str = "500") -> Callable[[], bytes]:
    return lambda: sound(eeg={"unit": unit, "pmin": f"-{limit}".encode(), "pmax": limit.encode()})


def _truncated(n_bytes: int) -> Callable[[], bytes]:
    return lambda: sound()[:-n_bytes]


def _gap_onsets(gap_s: float) -> list[str]:
    return [f"+{second + (gap_s if second >= 90 else 0):.12g}" for second in range(SECONDS)]


UNITS = (
    _read("unit `µV` in Latin-1", _unit("µV".encode("latin-1")), "header-not-ascii"),
    _read("unit `µV` in UTF-8", _unit("µV".encode()), "header-not-ascii"),
    _read("unit `µV` with the Greek mu", _unit("μV".encode()), "header-not-ascii"),
    _read("unit blank, amplitude that of EEG in µV", _unit(b""), "unit-assumed"),
    _read("unit unknown, amplitude that of EEG in µV", _unit(b"a.u."), "unit-assumed"),
    _read("unit mV", _unit(b"mV", limit="0.5"), "unit-converted"),
    _read("unit V", _unit(b"V", limit="5e-4"), "unit-converted"),
    _read("unit nV", _unit(b"nV", limit="500000"), "unit-converted"),
    _doubt("unit blank, numbers in V", _unit(b"", limit="5e-4"), "unit-unknown"),
    _doubt("unit µV, numbers in V", _unit(b"uV", limit="5e-4"), "amplitude-implausible"),
    _doubt("unit mV, numbers in µV", _unit(b"mV"), "amplitude-implausible"),
    _refused("unit of something else", _unit(b"%"), "no EEG channel that can be used: 'EEG Fpz-Cz' is in %"),
)

NUMBERS = (
    _read(
        "decimal comma in the physical range", lambda: sound(eeg={"pmin": b"-500,0", "pmax": b"500,0"}), "header-mended"
    ),
    _read("decimal comma in the record's duration", lambda: sound(record_s="1,0"), "header-mended"),
    _read(
        "fields padded by NUL",
        lambda: sound(eeg={"label": b"EEG Fpz-Cz\0\0\0\0\0\0", "unit": b"uV\0\0\0\0\0\0"}),
        "header-mended",
    ),
    _read(
        "numbers aligned to the right",
        lambda: sound(eeg={"pmin": b"    -500", "samples": b"     128"}),
        "header-mended",
    ),
    _read("whole numbers with a fraction", lambda: sound(eeg={"dmin": b"-32767.0"}), "header-mended"),
    _refused("physical minimum and maximum equal", lambda: sound(eeg={"pmin": b"500"}), "has an empty range"),
    _refused("digital minimum and maximum equal", lambda: sound(eeg={"dmin": b"32767"}), "has an empty range"),
    _refused("physical range no number", lambda: sound(eeg={"pmin": b"low"}), "has no range"),
    _refused("physical range without end", lambda: sound(eeg={"pmax": b"1e999"}), "has no range"),
    _refused(
        "physical range beyond single precision",
        lambda: sound(eeg={"pmin": b"-1e308", "pmax": b"1e308"}),
        "has no range",
    ),
    _refused(
        "physical range beyond every recorder's",
        lambda: sound(eeg={"pmin": b"-1e30", "pmax": b"1e30"}),
        "by its header",
    ),
    _read(
        "physical range upside down",
        lambda: sound(eeg={"pmin": b"500", "pmax": b"-500"}),
        "range-inverted",
        whole=False,
    ),
    _read(
        "digital range upside down",
        lambda: sound(eeg={"dmin": b"32767", "dmax": b"-32767"}),
        "range-inverted",
        whole=False,
    ),
    _doubt(
        "samples beyond the digital range",
        lambda: sound(eeg={"dmin": b"-2047", "dmax": b"2047", "pmin": b"-31.236", "pmax": b"31.236"}),
        "beyond-range",
    ),
)

COUNTS = (
    _read("count of records −1", lambda: sound(records=b"-1"), "record-count-unknown"),
    _read("count of records 0", lambda: sound(records=b"0"), "record-count-unknown"),
    _read("count of records no number", lambda: sound(records=b"many"), "record-count-unknown"),
    _doubt("count of records far too large", lambda: sound(records=b"99999999"), "truncated"),
    _doubt("count of records far too small", lambda: sound(records=b"90"), "trailing-data", whole=False),
    _read("last record cut off", _truncated(100), "truncated", whole=False),
    _doubt("a third of the file missing", _truncated(60 * RECORD_BYTES + 77), "truncated", whole=False),
    _read("bytes after the last record", lambda: sound() + b"\x07" * 1001, "trailing-data"),
    _refused("header only", lambda: sound()[: 3 * 256], "holds no data"),
    _refused("cut off within the header", lambda: sound()[:500], "cut off within its header"),
    _refused("an empty file", lambda: b"", "is empty"),
    _refused("samples per record no number", lambda: sound(eeg={"samples": b"lots"}), "how many samples"),
    _refused("samples per record negative", lambda: sound(eeg={"samples": b"-128"}), "how many samples"),
    _refused("samples per record beyond the file", lambda: sound(eeg={"samples": b"99999999"}), "holds no data"),
    _refused("record's duration 0", lambda: sound(record_s="0"), "cannot be read"),
    _refused("record's duration negative", lambda: sound(record_s="-1"), "cannot be read"),
    _refused("record's duration no number", lambda: sound(record_s="nan"), "cannot be read"),
    _refused("record's duration of hours", lambda: sound(record_s="36000"), "samples a second"),
    _refused("count of signals no number", lambda: sound(n_signals=b"two"), "how many signals"),
    _refused("count of signals far too large", lambda: sound(n_signals=b"9999"), "cut off within its header"),
    _read("header size blank", lambda: sound(header_size=b""), "header-size"),
    _read("header size wrong", lambda: sound(header_size=b"1024"), "header-size"),
    _read(
        "a block of zeros after the header, header size true",
        lambda: (c := sound(header_size=b"1024"))[:768] + bytes(256) + c[768:],
        "header-size",
    ),
    _read(
        "records of 8 MB that hold the whole night",
        lambda: raw_edf(
            [RawSignal(EEG_UV, HZ * SECONDS), RawSignal(np.zeros(2**21), 2**21, label="EOG")], record_s="180"
        ),
    ),
    _read(
        "records of 1/3 s, written 0.333333",
        lambda: raw_edf(
            [RawSignal(brain_like_uv(180, 99), 33), RawSignal(np.zeros(33 * 540), 33, label="EOG")], record_s="0.333333"
        ),
        whole=False,
    ),
)

TEXTS = (
    _read("letters beyond ASCII in a label", lambda: sound(eeg={"label": "EEG Fpz-Cz é".encode()}), "header-not-ascii"),
    _read(
        "letters beyond ASCII in the patient's name",
        lambda: sound(patient="X X X Müller".encode("latin-1")),
        "header-not-ascii",
    ),
    _read(
        "two channels of one label", lambda: raw_edf([RawSignal(EEG_UV, HZ), RawSignal(EOG_UV, HZ)]), "duplicate-label"
    ),
    _refused(
        "empty labels",
        lambda: raw_edf([RawSignal(EEG_UV, HZ, label=""), RawSignal(EOG_UV, HZ, label="")]),
        "no EEG channel",
    ),
    _refused("control characters in the only label", lambda: sound(eeg={"label": b"\x1b[31mEEE\n"}), "no EEG channel"),
    _read("start date no date", lambda: sound(date=b"99.99.99"), "start-doubtful"),
    _read("start time no time", lambda: sound(time=b"25:61:00"), "start-doubtful"),
    _read("start dates that disagree by years", lambda: sound(date=b"01.01.85"), "start-doubtful"),
    _refused("a text file", lambda: b"Once upon a time there was a file. " * 40, "is not EDF"),
    _refused("a zip archive", lambda: b"PK\x03\x04" + sound(), "zip archive"),
    _refused("version of the header damaged", lambda: b"1" + sound()[1:], "is not EDF"),
)

TIMES = (
    _read("EDF+D with a gap", lambda: edf_plus(_gap_onsets(60), continuous=False), "gap"),
    _read(
        "EDF+D with half an hour's gap over midnight",
        lambda: edf_plus(_gap_onsets(1800), continuous=False, time=b"23.58.00"),
        "gap",
    ),
    _read(
        "EDF+D whose first record is late", lambda: edf_plus([f"+{s + 10}" for s in range(SECONDS)], continuous=False)
    ),
    _read(
        "EDF+D that begins before its start time",
        lambda: edf_plus([f"{s - 10:+d}" for s in range(SECONDS)], continuous=False),
    ),
    _refused(
        "EDF+D whose records go back in time",
        lambda: edf_plus(ONSETS[90:] + ONSETS[:90], continuous=False),
        "overlap in time",
    ),
    _refused("EDF+D with a gap of weeks", lambda: edf_plus(_gap_onsets(2e6), continuous=False), "more than 168 h"),
    _refused(
        "EDF+D without time stamps",
        lambda: edf_plus(["" for _ in ONSETS], continuous=False),
        "does not say when it began",
    ),
    _refused("EDF+D without annotations", lambda: sound(reserved=b"EDF+D"), "no annotations"),
    _read("EDF+C without annotations", lambda: sound(reserved=b"EDF+C"), "time-stamps-missing"),
    _read("EDF+C without time stamps", lambda: edf_plus(["" for _ in ONSETS]), "time-stamps-missing"),
    _read("EDF+C with a gap in its time stamps", lambda: edf_plus(_gap_onsets(60)), "not-continuous", "gap"),
    _read("EDF+C whose time stamps stand still", lambda: edf_plus(["+0"] * SECONDS), "time-stamps-ignored"),
    _read("time stamps with a decimal comma", lambda: edf_plus([f"+{s},0" for s in range(SECONDS)], continuous=False)),
    _doubt(
        "EDF+C whose records are half as long as its time stamps say",
        lambda: edf_plus([f"+{2 * s}" for s in range(SECONDS)]),
        "records-out-of-step",
    ),
    _doubt(
        "EDF+C with bytes missing early in the data",
        lambda: (c := edf_plus())[:5000] + c[5100:],
        "records-out-of-step",
        "truncated",
        whole=False,
    ),
)

SAMPLES = (
    _doubt(
        "bytes of the samples swapped",
        lambda: _eeg_changed(lambda samples: samples.byteswap()),
        "samples-scrambled",
        whole=False,
    ),
    _doubt(
        "bytes of a tenth of the samples swapped",
        lambda: _eeg_changed(lambda s: np.where(np.arange(SECONDS)[:, None] % 60 < 6, s.byteswap(), s).astype("<i2")),
        "samples-scrambled",
        whole=False,
    ),
    _doubt(
        "one byte missing after the header",
        lambda: (c := sound())[:768] + c[769:],
        "samples-scrambled",
        "truncated",
        whole=False,
    ),
    _doubt(
        "one byte missing towards the end",
        lambda: (c := sound())[:65001] + c[65002:],
        "samples-scrambled",
        "truncated",
        "beyond-range",
        whole=False,
    ),
    _read("electrode off for a while", lambda: _eeg_changed(lambda s: _within(s, 120)), "flat", whole=False),
    _read(
        "electrode off for up to half of some epochs",
        lambda: _eeg_changed(lambda s: np.where(np.arange(SECONDS)[:, None] % 60 // 14 == 1, 0, s).astype("<i2")),
        "dead-stretches",
        whole=False,
    ),
    _doubt(
        "electrode off for most of the time", lambda: _eeg_changed(lambda s: _within(s, 60)), "mostly-flat", whole=False
    ),
    _read("flat from end to end", lambda: _eeg_changed(np.zeros_like), "flat", whole=False),
    _doubt("clipped throughout", lambda: _eeg_changed(lambda s: np.clip(s, -400, 400)), "mostly-clipped", whole=False),
    _read(
        "clipped for a while",
        lambda: _eeg_changed(
            lambda s: np.where(np.arange(SECONDS)[:, None] < 60, np.clip(s, -400, 400), s).astype("<i2")
        ),
        "clipping",
        whole=False,
    ),
)

FORMATS = (
    _read(
        "BDF of a direct-current amplifier, 20 mV off zero",
        lambda: raw_edf([RawSignal(EEG_UV + 20000 + 10 * np.arange(len(EEG_UV)) / HZ, HZ, limit_uv=262144)], bdf=True),
        "offset-removed",
        whole=False,
    ),
    _read("BDF", lambda: sound(bdf=True)),
    _read("BDF+D with a gap", lambda: edf_plus(_gap_onsets(60), continuous=False, bdf=True), "gap"),
    _read("BDF cut off in its last record", lambda: sound(bdf=True)[:-5], "truncated", whole=False),
    _refused(
        "a hypnogram in place of a recording", lambda: raw_edf([], onsets=["+0"], record_s="0"), "annotations only"
    ),
    _refused("an EEG at 25 Hz", lambda: raw_edf([RawSignal(brain_like_uv(180, 25), 25)]), "has 25 samples a second"),
    _refused("a recording of 20 s", lambda: raw_edf([RawSignal(brain_like_uv(20, 128), 128)]), "lasts 20 s only"),
)

DAMAGES: tuple[Damage, ...] = (*UNITS, *NUMBERS, *COUNTS, *TEXTS, *TIMES, *SAMPLES, *FORMATS)


def table() -> str:
    """The damages and what becomes of each, as docs/reading.md prints them."""
    how = {"read": "read", "doubt": "refused unless accepted", "refused": "refused"}
    rows = ["| the file | becomes | told |", "|---|---|---|"]
    for damage in DAMAGES:
        told = ", ".join(f"`{word}`" if damage.outcome != "refused" else f"“{word}”" for word in damage.told)
        rows.append(f"| {damage.name} | {how[damage.outcome]} | {told} |")
    return "\n".join(rows)


def write_damages(folder: Path) -> dict[str, Path]:
    paths = {}
    for number, damage in enumerate(DAMAGES):
        suffix = ".bdf" if damage.name.startswith("BDF") else ".edf"
        paths[damage.name] = folder / f"damage_{number:02d}{suffix}"
        paths[damage.name].write_bytes(damage.content())
    return paths
