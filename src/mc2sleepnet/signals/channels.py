"""Which EEG channel to score, how it comes about, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

from mc2sleepnet.core.errors import InputError
from mc2sleepnet.signals.conditioning import MIN_SAMPLING_HZ
from mc2sleepnet.signals.edf_header import SignalHeader
from mc2sleepnet.signals.labels import EegLabel, understand
from mc2sleepnet.signals.units import is_another_quantity, is_voltage

# Best first: the training corpora's own derivations and AASM's recommended ones, then what is near to them.
# Each is a site, and the references that will do.
_RANKED: Final = (
    ("Fpz-Cz", "FPZ", ("CZ",)),
    ("C4-M1", "C4", ("M1",)),
    ("C3-M2", "C3", ("M2",)),
    ("F4-M1", "F4", ("M1",)),
    ("F3-M2", "F3", ("M2",)),
    ("O2-M1", "O2", ("M1",)),
    ("O1-M2", "O1", ("M2",)),
    ("Pz-Oz", "PZ", ("OZ",)),
    ("C4 against the other mastoid or both", "C4", ("both", "M2")),
    ("C3 against the other mastoid or both", "C3", ("both", "M1")),
    ("F4 against the other mastoid or both", "F4", ("both", "M2")),
    ("F3 against the other mastoid or both", "F3", ("both", "M1")),
    ("Cz against a mastoid or both", "CZ", ("M1", "M2", "both")),
)
# EEG alone is what SHHS calls C4-A1, and EEG(sec), in later files EEG2, its C3-A2.
_NAMED: Final = (("SHHS's C4-A1", ("",)), ("SHHS's C3-A2", ("SEC", "2")))
_SINGLE_SITES: Final = ("C4", "C3", "F4", "F3", "CZ", "FZ", "FPZ", "FP2", "FP1", "O2", "O1", "PZ", "OZ")
# An occipital electrode, or oxygen: where nothing but the unit can tell. T1, T2, P1, P2 are as often temperature or
# pressure, and so are not taken at all without the word EEG or a reference.
_MAYBE_OXYGEN: Final = frozenset({"O2", "PO2"})
_MAYBE_SENSOR: Final = frozenset({"T1", "T2", "P1", "P2", "F1", "F2", "C1", "C2"})


@dataclass(frozen=True, kw_only=True)
class Channel:
    """An EEG channel to read.

    Attributes
    ----------
    label
        As the file spells it; of a computed derivation both labels, joined by a minus.
    plus, minus
        Places of its signal, and of the one subtracted, among the file's ordinary signals; None for no subtraction.
    reason
        Why it was chosen, for people.
    """

    label: str
    plus: int
    minus: int | None
    reason: str


def eeg_channels(signals: Sequence[SignalHeader]) -> list[Channel]:
    """Every EEG channel that a file has or has the parts of, best first.

    A signal whose header rules it out is never one: a unit that is no voltage, empty ranges, under 50 Hz, or a label
    of something else. A bare electrode comes last; a bare O2, which is oxygen as often, must be in volts.

    Parameters
    ----------
    signals
        The file's ordinary signals, in order.
    """
    labels = {i: understood for i, signal in enumerate(signals) if (understood := _eeg_label(signal))}
    ranked = [channel for place, row in enumerate(_RANKED) for channel in _of_rank(signals, labels, place, row)]
    for name, spellings in _NAMED:
        reason = f"{name} comes next to the usual derivations and is the best this file has"
        ranked += [
            _direct(signals, i, reason) for i, label in labels.items() if not label.site and label.name in spellings
        ]
    reason = "the file has none of the usual derivations; this one has a reference"
    ranked += [_direct(signals, i, reason) for i, label in labels.items() if label.reference and not label.is_ear]
    reason = "the file has none of the usual derivations; its reference is not named"
    single = [i for i, label in labels.items() if not label.reference and not label.is_ear]
    order = {site: place for place, site in enumerate(_SINGLE_SITES)}
    single.sort(key=lambda i: (not labels[i].site, not labels[i].says_eeg, order.get(labels[i].site, len(order))))
    ranked += [_direct(signals, i, reason) for i in single]
    best: dict[tuple[int, int | None], Channel] = {}
    for channel in ranked:
        best.setdefault((channel.plus, channel.minus), channel)
    return list(best.values())


def choose_channel(where: Path, signals: Sequence[SignalHeader]) -> Channel:
    """Choose the channel to score: the best of `eeg_channels`.

    Raises
    ------
    InputError
        If the file has none.
    """
    channels = eeg_channels(signals)
    if channels:
        return channels[0]
    unfit = [f"'{signal.label}' {why}" for signal in signals if understand(signal.label) and (why := _unfit(signal))]
    fault = f"no EEG channel that can be used: {', '.join(unfit)}" if unfit else "no EEG channel"
    raise InputError(where, fault, f"Name one with --channel. It has {_listed(signals)}")


def best_label(where: Path, labels: Sequence[str], units: Sequence[str]) -> str:
    """The best of channels of which a table tells labels and units, and no more.

    Raises
    ------
    InputError
        If none is EEG.
    """
    signals = [
        SignalHeader(
            label=label,
            unit=unit,
            samples_per_record=1,
            first_sample=0,
            sampling_hz=Fraction(MIN_SAMPLING_HZ),
            physical_range=(0.0, 1.0),
            digital_range=(0, 1),
        )
        for label, unit in zip(labels, units, strict=True)
    ]
    for channel in eeg_channels(signals):
        if channel.minus is None:
            return channel.label
    raise InputError(where, "no EEG channel", f"Name one with --channel. It has {_listed(signals)}")


def find_channel(where: Path, signals: Sequence[SignalHeader], wanted: str) -> Channel:
    """Find the channel somebody asked for.

    That is one spelled exactly so; else the only one that means the same; else a derivation whose parts are there,
    as ``C4-M1`` of ``C4`` and ``A1``; or by its place in the file, ``#1`` for the first.

    Raises
    ------
    InputError
        If nothing matches, several do, or its header rules the signal out.
    """
    reason = "it was asked for"
    places = _places_of(signals, wanted)
    if len(places) == 1 or (places and signals[places[0]].label == wanted):
        return _checked(where, signals, _direct(signals, places[0], reason))
    if not places:
        for plus, minus in _parts_of(wanted):
            first, second = _places_of(signals, plus), _places_of(signals, minus)
            if first and second:
                reason = "it was asked for and computed from its parts"
                return _checked(where, signals, _difference(signals, first[0], second[0], reason))
    fault = f"{len(places)} channels mean '{wanted}'" if places else f"no channel '{wanted}'"
    choice = [signals[i] for i in places] or signals
    raise InputError(where, fault, f"Choose from {_listed(choice)}")


def _parts_of(wanted: str) -> list[tuple[str, str]]:
    """What may be subtracted from what: the text before and after a minus, and the electrodes it names."""
    parts = [(wanted[:at], wanted[at + 1 :]) for at, letter in enumerate(wanted) if letter == "-"]
    understood = understand(wanted)
    if understood and understood.reference not in {"", "both", "common"}:
        parts.append((understood.site, understood.reference))
    return [(plus, minus) for plus, minus in parts if plus and minus]


def _places_of(signals: Sequence[SignalHeader], wanted: str) -> list[int]:
    """Signals that somebody may mean: exact spellings if there are any."""
    exact = [i for i, signal in enumerate(signals) if signal.label == wanted]
    if exact:
        return exact[:1]
    if wanted.startswith("#") and wanted[1:].isdecimal() and 1 <= int(wanted[1:]) <= len(signals):
        return [int(wanted[1:]) - 1]
    understood = understand(wanted)
    if understood is None:
        return [i for i, signal in enumerate(signals) if wanted and signal.label.lower() == wanted.lower()]
    return [i for i, signal in enumerate(signals) if _means(understand(signal.label), understood)]


def _means(label: EegLabel | None, wanted: EegLabel) -> bool:
    return label is not None and (label.site, label.reference, label.name) == (
        wanted.site,
        wanted.reference,
        wanted.name,
    )


def _of_rank(
    signals: Sequence[SignalHeader], labels: dict[int, EegLabel], place: int, row: tuple[str, str, tuple[str, ...]]
) -> list[Channel]:
    """Channels of one rank: those that the file has, then those that it has the parts of."""
    name, site, references = row
    best = f"{name} is choice {place + 1} of {len(_RANKED)} and the best this file has"
    found = [
        _direct(signals, i, best) for i, label in labels.items() if label.site == site and label.reference in references
    ]
    for reference in references:
        for plus, label in labels.items():
            if label.site != site or not label.is_single:
                continue
            for minus, other in labels.items():
                if (
                    other.site == reference
                    and other.reference == label.reference
                    and _go_together(signals, plus, minus)
                ):
                    found.append(_difference(signals, plus, minus, f"{best}, computed from its parts"))
    return found


def _go_together(signals: Sequence[SignalHeader], plus: int, minus: int) -> bool:
    """Whether a difference means something: both are in volts, or in the same unit."""
    first, second = signals[plus].unit, signals[minus].unit
    return plus != minus and ((is_voltage(first) and is_voltage(second)) or first == second)


def _direct(signals: Sequence[SignalHeader], place: int, reason: str) -> Channel:
    return Channel(label=signals[place].label or f"#{place + 1}", plus=place, minus=None, reason=reason)


def _difference(signals: Sequence[SignalHeader], plus: int, minus: int, reason: str) -> Channel:
    return Channel(label=f"{signals[plus].label}-{signals[minus].label}", plus=plus, minus=minus, reason=reason)


def _checked(where: Path, signals: Sequence[SignalHeader], channel: Channel) -> Channel:
    """Refuse what its header rules out, and a difference of unlike units."""
    for place in (channel.plus, channel.minus):
        if place is not None and (why := _unfit(signals[place])):
            fault = f"channel '{signals[place].label}' {why}"
            raise InputError(where, fault, "Correct its header, or choose another with --channel")
    if channel.minus is not None and not _go_together(signals, channel.plus, channel.minus):
        fault = f"'{channel.label}' would subtract '{signals[channel.minus].unit}' from '{signals[channel.plus].unit}'"
        raise InputError(where, fault, "Choose another with --channel")
    return channel


def _eeg_label(signal: SignalHeader) -> EegLabel | None:
    """A signal's label understood; None where label or header say that it is no EEG."""
    label = understand(signal.label)
    if label is None or _unfit(signal):
        return None
    is_bare = not label.says_eeg and not label.reference
    if is_bare and label.site in _MAYBE_OXYGEN and not is_voltage(signal.unit):
        return None
    return None if is_bare and label.site in _MAYBE_SENSOR else label


def _unfit(signal: SignalHeader) -> str:
    """What in a signal's header rules it out, as a clause; "" where nothing does."""
    if is_another_quantity(signal.unit):
        return f"is in {signal.unit}, which is no voltage"
    if signal.samples_per_record == 0:
        return "has no samples"
    if signal.physical_range is None or signal.digital_range is None:
        return "has no range: its header does not tell it in numbers that a recorder may have"
    if signal.gain == 0:
        return "has an empty range: minimum and maximum are equal"
    if signal.sampling_hz < MIN_SAMPLING_HZ:
        return f"has {float(signal.sampling_hz):g} samples a second, of the {MIN_SAMPLING_HZ} that staging needs"
    return ""


def _listed(signals: Sequence[SignalHeader]) -> str:
    """Labels for an error text: quoted, in the file's order, the first forty."""
    shown = [f"'{signal.label}'" for signal in signals[:40]]
    if len(signals) > len(shown):
        shown.append(f"and {len(signals) - len(shown)} more")
    return ", ".join(shown) or "no channels at all"
