"""Sleep statistics as tiles and tables."""

from collections.abc import Mapping

from mc2sleepnet.core.stages import STAGES, W
from mc2sleepnet.report.colours import STAGES_TOP_DOWN
from mc2sleepnet.report.page import tiles
from mc2sleepnet.report.svg import Markup, element, number

Statistics = Mapping[str, float | int | None]

ABSENT = "–"
NAMES = {
    "tib_min": "Time in bed",
    "tst_min": "Total sleep time",
    "se_percent": "Sleep efficiency",
    "sol_min": "Sleep onset latency",
    "spt_min": "Sleep period",
    "sme_percent": "Sleep maintenance efficiency",
    "waso_min": "Wake after sleep onset",
    "final_wake_min": "Wake after last sleep",
    "rem_latency_onset_min": "REM latency from onset",
    "rem_latency_n2_min": "REM latency from first N2",
    "unscored_min": "Not scored",
    "transitions": "Stage transitions",
}


def headline_tiles(statistics: Statistics, *, n_to_review: int, n_scored: int, has_lights: bool) -> Markup:
    """The six figures that people look for first, with the digits of the tables.

    All but the last are between lights off and on; where there are such (`has_lights`), the last says that it is not.
    """
    of_all = " of the whole recording" if has_lights else ""
    share = f"epochs{of_all}, {100 * n_to_review / n_scored:.0f} %" if n_scored else ""
    sleep_min, efficiency = statistics["tst_min"], statistics["se_percent"]
    minutes = {
        name: (ABSENT, "") if (value := statistics[key]) is None else (_short(value), "min")
        for name, key in (
            ("Sleep onset latency", "sol_min"),
            ("Wake after onset", "waso_min"),
            ("REM latency", "rem_latency_onset_min"),
        )
    }
    return tiles(
        [
            ("Total sleep", *((ABSENT, "") if sleep_min is None else (_hours(sleep_min), "min"))),
            ("Sleep efficiency", *((ABSENT, "") if efficiency is None else (f"{efficiency:.1f}", "%"))),
            *((name, *figure) for name, figure in minutes.items()),
            ("To review", f"{n_to_review:,}", share),
        ]
    )


def stage_table(statistics: Statistics) -> Markup:
    """Minutes and share of each stage, with a bar."""
    longest = max(statistics[f"{name.lower()}_min"] or 0 for name in STAGES) or 1
    rows = []
    for code in STAGES_TOP_DOWN:
        name = STAGES[code]
        minutes = statistics[f"{name.lower()}_min"]
        whole = "tib" if code == W else "tst"
        length = 100 * (minutes or 0) / longest
        bar = element("span", style=f"width:{number(length)}%;background:var(--{name})")
        rows.append(
            element(
                "tr",
                element("th", name, scope="row"),
                element("td", bar, class_="bar"),
                element("td", _value("_min", minutes), class_="figure"),
                element(
                    "td",
                    _value("_percent", statistics[f"{name.lower()}_percent_of_{whole}"]),
                    element("small", " of bed" if code == W else " of sleep"),
                    class_="figure",
                ),
            )
        )
    head = element(
        "tr",
        element("th", "Stage", scope="col"),
        element("td"),
        *(element("th", name, scope="col", class_="figure") for name in ("Time", "Share")),
    )
    return element("table", element("thead", head), element("tbody", *rows))


def duration_table(statistics: Statistics) -> Markup:
    """Every statistic that is not of one stage."""
    rows = (
        element("tr", element("th", NAMES[key], scope="row"), element("td", _value(key, value), class_="figure"))
        for key, value in statistics.items()
        if key in NAMES
    )
    return element("table", element("tbody", *rows))


def _value(key: str, value: float | int | None) -> str:
    """A statistic with its unit, which its key names."""
    if value is None:
        return ABSENT
    if key.endswith("_min"):
        return f"{value:,.1f} min"
    return f"{value:.1f} %" if key.endswith("_percent") else f"{value:,}"


def _hours(minutes: float) -> str:
    """``6 h 42.5`` for 402.5 minutes: the unit of what follows the hours stands beside it."""
    hours, rest = divmod(minutes, 60)
    return f"{hours:.0f} h {rest:04.1f}".removesuffix(".0")


def _short(minutes: float) -> str:
    """``33.5``, ``34``, ``1,280.5``."""
    return f"{minutes:,.1f}".removesuffix(".0")
