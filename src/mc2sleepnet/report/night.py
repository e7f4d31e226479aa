"""The report of one scored night."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mc2sleepnet.core.hypnogram import UNKNOWN_DATE, Hypnogram
from mc2sleepnet.core.recording import Finding
from mc2sleepnet.core.stages import EPOCH_S
from mc2sleepnet.report.channels_figure import channels_figure
from mc2sleepnet.report.doubtful import doubtful_section
from mc2sleepnet.report.hypnodensity_figure import hypnodensity_figure
from mc2sleepnet.report.hypnogram_figure import hypnogram_figure
from mc2sleepnet.report.page import columns, facts_list, page, section
from mc2sleepnet.report.spectrogram_figure import spectrogram_figure
from mc2sleepnet.report.statistics_tables import duration_table, headline_tiles, stage_table
from mc2sleepnet.report.svg import Markup, element
from mc2sleepnet.report.time_axis import TimeAxis

SHOWN_ELSEWHERE = ("findings", "dissent")


def night_report(
    *,
    name: str,
    hypnogram: Hypnogram,
    hypnodensity: NDArray[np.floating],
    confidence: NDArray[np.floating],
    review: NDArray[np.bool_],
    source: Sequence[str],
    spectrogram_db: NDArray[np.floating] | None,
    spectrogram_frame_s: float,
    spectrogram_bin_hz: float,
    statistics: Mapping[str, float | int | None],
    findings: Sequence[Finding],
    provenance: Mapping[str, object],
    is_synthetic: bool,
    risk: float,
    channel_stages: Mapping[str, NDArray[np.int8]] | None = None,
    lights_off: int | None = None,
    lights_on: int | None = None,
) -> str:
    """Return ``report.html``: one self-contained page for screen, phone and paper.

    Parameters
    ----------
    name
        What the recording is called; any string, as all others here, is escaped.
    hypnogram
        N epochs, at least one.
    hypnodensity
        Shape ``[N, 5]``, rows that sum to 1; NaN where unscored.
    confidence
        Shape ``[N]``: calibrated probability of the stage; NaN where unscored.
    review
        Shape ``[N]``: True where a person should look again.
    source
        N words saying where each stage comes from, such as ``model`` or ``flat``.
    spectrogram_db, spectrogram_frame_s, spectrogram_bin_hz
        As `mc2sleepnet.report.spectrogram.night_spectrogram` gives them; None leaves the picture out.
    statistics
        As `mc2sleepnet.metrics.sleep_statistics.sleep_statistics` gives them.
    findings
        Repairs and doubts met while reading.
    provenance
        What made this: names and values, nested or not.
    is_synthetic
        True where no person was recorded; said on top of the page.
    risk
        Expected share of wrong stages that was accepted among the epochs not marked for review.
    channel_stages
        Labels of the channels and the stages of each by itself, shape ``[N]``; drawn where there are several.
    lights_off, lights_on
        First epochs after lights off and lights on, where somebody says when that was.
    """
    axis = TimeAxis(n_epochs=len(hypnogram), start=hypnogram.start)
    several = channel_stages if channel_stages is not None and len(channel_stages) > 1 else {}
    panels = [hypnogram_figure(hypnogram, review, axis, lights_off=lights_off, lights_on=lights_on)]
    apart = _dissent_in_words(provenance.get("dissent"))
    if several:
        panels.append(channels_figure(several, hypnogram.stage, axis, reach=apart))
    if spectrogram_db is None:
        panels.append(hypnodensity_figure(hypnodensity, axis, x_ticks=axis.ticks(), x_name=axis.name))
    else:
        panels.append(hypnodensity_figure(hypnodensity, axis, x_ticks=[], x_name=""))
        panels.append(
            spectrogram_figure(
                spectrogram_db,
                axis,
                frame_s=spectrogram_frame_s,
                bin_hz=spectrogram_bin_hz,
                x_ticks=axis.ticks(),
                x_name=axis.name,
                channel=next(iter(several), ""),
            )
        )
    return page(
        kind="Sleep report · mc2sleepnet",
        heading=name,
        lead=_lead(hypnogram, source, axis),
        sections=[
            headline_tiles(
                statistics,
                n_to_review=int(review.sum()),
                n_scored=int(hypnogram.is_scored.sum()),
                has_lights=lights_off is not None or lights_on is not None,
            ),
            section("The night", *panels, *([element("p", apart, class_="note")] if apart else [])),
            columns(
                (
                    section("Stages", stage_table(statistics)),
                    section("Findings in the recording", _findings_list(findings)),
                ),
                (section("Sleep statistics", duration_table(statistics)),),
            ),
            doubtful_section(
                hypnogram,
                hypnodensity,
                confidence,
                review,
                axis,
                risk=risk,
                is_out_of_range=any(finding.id == "out-of-range" for finding in findings),
            ),
            section("How this was made", facts_list({k: v for k, v in provenance.items() if k not in SHOWN_ELSEWHERE})),
        ],
        is_synthetic=is_synthetic,
    )


def _lead(hypnogram: Hypnogram, source: Sequence[str], axis: TimeAxis) -> str:
    """When the night was, how long, and what was left unscored and why."""
    n_epochs = len(hypnogram)
    parts = []
    end = hypnogram.clock_time(n_epochs)
    if hypnogram.start is not None and end is not None:
        is_dated = hypnogram.start.date() != UNKNOWN_DATE
        since = f"{hypnogram.start:%-d %B %Y, %H:%M}" if is_dated else f"{hypnogram.start:%H:%M}"
        until = f"{end:%-d %B %Y, %H:%M}" if is_dated and axis.has_dates else f"{end:%H:%M}"
        parts.append(f"{since} to {until}{'' if is_dated else ', of an unknown date'}.")
    parts.append(f"{n_epochs:,} {'epoch' if n_epochs == 1 else 'epochs'} of {EPOCH_S} s.")
    unscored = Counter(str(why) for why, is_scored in zip(source, hypnogram.is_scored, strict=True) if not is_scored)
    if unscored:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in unscored.most_common())
        parts.append(f"Not scored: {reasons}.")
    return " ".join(parts)


def _dissent_in_words(dissent: object) -> str:
    """How far several channels stand apart; nothing for one."""
    if not isinstance(dissent, Mapping):
        return ""
    each = "; ".join(
        f"{one['label']} {one['agreement_percent']:.0f} %"
        for one in dissent["channels"]
        if one["agreement_percent"] is not None
    )
    share = "" if dissent["percent"] is None else f" ({dissent['percent']:.0f} % of those scored)"
    return (
        "Stages are those of the channels' averaged probabilities. By itself at least one channel says another "
        f"stage in {dissent['n_epochs']:,} epochs{share}. Agreement with the average: {each}."
    )


def _findings_list(findings: Sequence[Finding]) -> Markup:
    """Each finding with its id."""
    if not findings:
        return element("p", "None: the file was read as it is.", class_="note")
    items = (element("li", element("code", finding.id), finding.message) for finding in findings)
    return element("ul", *items, class_="findings")
