import re
from datetime import datetime
from html.parser import HTMLParser
from importlib.resources import files

import numpy as np
import pytest

from mc2sleepnet.core.hypnogram import Hypnogram
from mc2sleepnet.core.recording import Finding
from mc2sleepnet.core.stages import UNSCORED, R
from mc2sleepnet.metrics.sleep_statistics import sleep_statistics
from mc2sleepnet.report.hypnodensity_figure import hypnodensity_figure
from mc2sleepnet.report.hypnogram_figure import hypnogram_figure
from mc2sleepnet.report.night import night_report
from mc2sleepnet.report.spectrogram import night_spectrogram
from mc2sleepnet.report.svg import VOID_ELEMENTS
from mc2sleepnet.report.time_axis import TimeAxis

EVIL = '<script>alert("x")</script>'


class Balance(HTMLParser):
    """Fails where elements are not closed in order, and collects what a page would load."""

    def __init__(self):
        super().__init__()
        self.open, self.names, self.addresses = [], set(), []

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)
        self.addresses += [value for key, value in attrs if key in {"src", "href"}]
        if tag not in VOID_ELEMENTS:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def parsed(html):
    page = Balance()
    page.feed(html)
    page.close()
    assert page.open == []
    return page


def report(stage, **changes):
    stage = np.array(stage, np.int8)
    n = len(stage)
    rng = np.random.default_rng(0)
    hypnodensity = rng.dirichlet(np.ones(5), n)
    hypnodensity[np.arange(n), stage] += 2
    hypnodensity /= hypnodensity.sum(axis=1, keepdims=True)
    hypnodensity[stage == UNSCORED] = np.nan
    confidence = np.where(stage == UNSCORED, np.nan, hypnodensity[np.arange(n), stage])
    hypnogram = Hypnogram(stage=stage, start=datetime(2024, 3, 1, 23, 0, 30))
    spectrogram_db, frame_s, bin_hz = night_spectrogram(rng.normal(0, 10, (n, 3000)).astype(np.float32))
    given = {
        "name": "night-1",
        "hypnogram": hypnogram,
        "hypnodensity": hypnodensity,
        "confidence": confidence,
        "review": (confidence < 0.8),
        "source": ["model" if code != UNSCORED else "flat" for code in stage],
        "spectrogram_db": spectrogram_db,
        "spectrogram_frame_s": frame_s,
        "spectrogram_bin_hz": bin_hz,
        "statistics": sleep_statistics(hypnogram),
        "findings": [Finding(id="unit-assumed", message="The unit is blank.")],
        "provenance": {"model": {"sha256": "ab" * 32}, "formats": ["csv", "edf"]},
        "is_synthetic": False,
        "risk": 0.05,
    }
    return night_report(**given | changes)


A_NIGHT = [*[0] * 40, *[1] * 6, *[2] * 60, *[3] * 50, -1, -1, *[2] * 20, *[4] * 30, 1, *[0] * 9]


@pytest.mark.parametrize("stage", [A_NIGHT, [0], [-1], [-1] * 5, [2] * 3, [0] * 200, A_NIGHT * 14])
def test_every_night_gives_a_well_formed_page_that_loads_nothing(stage):
    html = report(stage)
    page = parsed(html)
    assert "script" not in page.names
    assert "link" not in page.names
    assert all(address.startswith("data:") for address in page.addresses)
    assert "url(" not in html
    assert "@import" not in html
    assert not re.search(r"\bnan\b", re.sub(r'src="[^"]*"', "", html))


def test_a_night_weighs_less_than_a_megabyte():
    assert len(report(np.random.default_rng(0).integers(-1, 5, 960)).encode()) < 500_000


def test_a_report_says_that_it_is_for_research_and_no_medical_device():
    assert "Research use only. Not a medical device" in report(A_NIGHT)


def test_synthetic_nights_say_so_and_others_do_not():
    assert "Synthetic data" in report(A_NIGHT, is_synthetic=True)
    assert "Synthetic data" not in report(A_NIGHT)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": EVIL},
        {"findings": [Finding(id=EVIL, message=EVIL)]},
        {"provenance": {EVIL: {EVIL: EVIL}, "list": [EVIL]}},
        {"source": [EVIL] * len(A_NIGHT)},
    ],
    ids=["name", "findings", "provenance", "source"],
)
def test_whatever_the_user_names_is_text(changes):
    html = report(A_NIGHT, **changes)
    assert EVIL not in html
    assert "&lt;script&gt;" in html


def test_the_page_tells_when_how_long_and_what_was_not_scored():
    html = report(A_NIGHT)
    assert "1 March 2024, 23:00 to 00:49." in html
    assert f"{len(A_NIGHT)} epochs of 30 s. Not scored: 2 flat." in html
    assert "unit-assumed" in html
    assert "ab" * 32 in html
    assert "csv, edf" in html


@pytest.mark.parametrize("epochs", [218, 3 * 2880])
def test_the_date_that_stands_for_an_unknown_one_is_told_as_unknown(epochs):
    stage = np.zeros(epochs, np.int8)
    html = report(stage, hypnogram=Hypnogram(stage=stage, start=datetime(1985, 1, 1, 23)))
    until = "00:49" if epochs == 218 else "23:00"
    assert f"23:00 to {until}, of an unknown date." in html
    assert "1985" not in html
    assert " Jan" not in html
    assert ("day 2" in html) == (epochs > 2880)


def test_a_recording_of_a_day_and_more_has_dates_in_its_lead_its_axis_and_its_stretches():
    html = report([0, 2] * 3 * 1440)
    assert "1 March 2024, 23:00 to 4 March 2024, 23:00." in html
    assert ">2 Mar</span>" in html
    assert re.search(r"<t[dh][^>]*>\d Mar \d\d:\d\d:\d\d – ", html)


def test_without_a_spectrogram_the_probabilities_carry_the_time_axis():
    html = report(A_NIGHT, spectrogram_db=None)
    assert "<img" not in html
    assert "23:10" in html


def test_doubtful_stretches_are_listed_with_their_time_and_the_other_stage():
    stage = [2] * 20
    hypnodensity = np.tile([0, 0, 1.0, 0, 0], (20, 1))
    hypnodensity[10:13] = [0, 0.1, 0.6, 0.3, 0]
    confidence = hypnodensity.max(axis=1)
    html = report(stage, hypnodensity=hypnodensity, confidence=confidence, review=confidence < 1)
    assert "23:05:30 – 23:07:00" in html
    row = html[html.index("23:05:30 – 23:07:00") :]
    cells = re.findall(r"<td[^>]*>(.*?)</td>", row)
    assert [re.sub("<[^>]*>", "", cell).strip() for cell in cells[:4]] == ["10 – 12", "N2", "N3", "0.60"]


def looked_at_again(html):
    return html[html.index("<h2>Worth a second look</h2>") :]


def test_of_a_recording_out_of_range_no_word_is_about_its_confidence_but_that_it_means_nothing():
    finding = Finding(id="out-of-range", message="unlike any training recording")
    marked = np.array(A_NIGHT) >= 0
    html = looked_at_again(report(A_NIGHT, findings=[finding], review=marked, risk=0.5))
    assert "its confidence means nothing here, and every scored epoch is marked" in html
    assert "expected" not in html[: html.index("</p>")]


def test_where_all_that_is_sure_is_noise_nobody_says_that_no_epoch_is_sure():
    sure = np.array([0.99, 0.98, 0.6])
    html = looked_at_again(report([2, 2, 1], confidence=sure, review=np.ones(3, bool)))
    assert "No epoch is left: 2 of which the model is sure lie in noise or are mostly dead" in html
    html = looked_at_again(report([2, 2, 1], confidence=sure, review=np.array([True, False, True])))
    assert "2.0 % of the other epochs are expected to be wrong" in html
    assert "Of the marked ones 1 of which the model is sure lies in noise or is mostly dead." in html
    html = looked_at_again(report([2, 2, 1], confidence=sure * 0.9, review=np.ones(3, bool)))
    assert "No epoch is sure enough for an expected error of 5 %." in html


def test_one_epoch_is_one():
    assert "1 epoch of 30 s." in report([2])
    assert "1 epoch is marked." in report([2, 2], review=np.array([False, True]))
    assert "2 epochs in a row are marked." in report([2, 2], review=np.ones(2, bool))


def tiles_of(html):
    text = html[html.index('<dl class="tiles') :]
    found = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", text[: text.index("</dl>")])
    return {name: re.sub(r"</?(span|small)>", "", figure.replace("<small>", " ")) for name, figure in found}


def test_tiles_have_the_digits_of_the_tables():
    statistics = sleep_statistics(Hypnogram(stage=np.array([0] * 67 + [2] * 805 + [0] * 65, np.int8)))
    tiles = tiles_of(report(A_NIGHT, statistics=statistics | {"se_percent": 98.5}))
    assert tiles["Sleep onset latency"] == "33.5 min"
    assert tiles["Total sleep"] == "6 h 42.5 min"
    assert tiles["Sleep efficiency"] == "98.5 %"


def test_no_tile_cuts_off_what_stands_behind_its_figure():
    sheet = files("mc2sleepnet.report").joinpath("report.css").read_text()
    assert "nowrap" not in re.search(r"\.tiles dd \{[^}]*\}", sheet).group()
    assert "<dd><span>1,440</span><small>epochs, 100 %</small></dd>" in report([2] * 1440, review=np.ones(1440, bool))


def test_the_tile_of_epochs_to_review_says_that_they_are_of_the_whole_recording_where_lights_bound_the_others():
    assert "whole recording" not in tiles_of(report(A_NIGHT))["To review"]
    assert "epochs of the whole recording, " in tiles_of(report(A_NIGHT, lights_off=20))["To review"]


def test_of_several_channels_the_spectrogram_says_whose_it_is():
    stage = np.array(A_NIGHT, np.int8)
    html = report(A_NIGHT, channel_stages={"EEG C3-A2": stage, "EEG C4-A1": stage})
    assert "<b>Spectrogram of EEG C3-A2</b>" in html
    assert "<b>Spectrogram</b>" in report(A_NIGHT, channel_stages={"EEG C3-A2": stage})


def test_tables_say_what_their_rows_and_columns_are_and_scroll_by_keys():
    html = report(A_NIGHT)
    for stage in ("W", "R", "N1", "N2", "N3"):
        assert f'<th scope="row">{stage}</th>' in html
    assert '<th scope="col">Stage</th>' in html
    assert '<th scope="row">Sleep efficiency</th>' in html
    heads = re.findall(r"<th(?: [^>]*)?>", html)
    assert all("scope=" in head for head in heads)
    scrolled = re.findall(r'<div class="scrolls"[^>]*>', html)
    assert scrolled == ['<div class="scrolls" tabindex="0" role="region" aria-label="Stretches worth a second look">']


def test_no_doubt_is_said():
    assert "No epoch is marked." in report(A_NIGHT, review=np.zeros(len(A_NIGHT), bool))


def test_the_figure_shows_each_stage_where_it_is_and_rem_thicker():
    hypnogram = Hypnogram(stage=np.array([0, 0, 4, 4, 4, -1, 2], np.int8))
    figure = hypnogram_figure(hypnogram, np.zeros(7, bool), TimeAxis(n_epochs=7, start=None))
    assert 'd="M0 10h2v8h-2z" style="fill:var(--W)"' in figure
    assert 'd="M2 35h3v14h-3z" style="fill:var(--R)"' in figure
    assert 'd="M5 0h1v152h-1z" class="unscored"' in figure
    assert 'd="M2 14V42" class="riser"' in figure
    assert f"{np.count_nonzero(hypnogram.stage == R)} R, 1 not scored" in figure


def test_stacked_probabilities_fill_the_plot_and_leave_gaps_open():
    hypnodensity = np.array([[0.2, 0.2, 0.2, 0.2, 0.2], [np.nan] * 5, [0, 0, 1, 0, 0]])
    figure = hypnodensity_figure(hypnodensity, TimeAxis(n_epochs=3, start=None), x_ticks=[], x_name="")
    assert 'd="M0 500V0h1V500zM2 500V0h1V500z" style="fill:var(--W)"' in figure
    assert 'd="M0 500V100h1V500zM2 500V0h1V500z" style="fill:var(--R)"' in figure
    assert 'd="M0 500V400h1V500zM2 500V500h1V500z" style="fill:var(--N3)"' in figure
    assert 'd="M1 0h1v500h-1z" class="unscored"' in figure
