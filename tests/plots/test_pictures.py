"""Pictures: each draws what it is given on the axes it is given, says who was counted, and changes
nothing else.
"""

from __future__ import annotations

import dataclasses
import re

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import outcomes as oc
from outcomes.core.errors import AnalysisError
from outcomes.core.estimate import Estimate
from outcomes.core.flow import Counts
from outcomes.core.outcome import Outcome
from outcomes.core.picture import ValueAxis
from outcomes.core.result import Result
from outcomes.plots import PICTURES, plot
from outcomes.plots import drawn as drawn_on
from outcomes.study.study import Study
from tests.builders import MOOD, PAIN, two_visits
from tests.plots.layout import faults
from tests.plots.made import CASES, MAKE

SAMPLE = oc.read_study("data/sample/study.toml").ready
BEFORE_AFTER = {"before": "baseline", "after": "week_4"}
LONG = dataclasses.replace(
    MOOD, title="PROMIS-29 v2.0 ability to participate in social roles and activities T-score"
)

#: What gives each picture: pictures without an entry are given hand-made frames below.
ASKED = {
    "slopes": oc.PairedT("pain_nrs_average", **BEFORE_AFTER),
    "ecdf": oc.Responders("pain_nrs_average", **BEFORE_AFTER),
    "course": oc.Course("pain_nrs_average", by="diagnosis"),
    "forest": oc.Robustness("pain_nrs_average", **BEFORE_AFTER),
    "dots": oc.SideEffectsByRoute(),
    "staircase": oc.MissingScores("pain_nrs_average"),
    "waterfall": oc.PairedT("pain_nrs_average", **BEFORE_AFTER),
    "raincloud": oc.KruskalWallis("pain_nrs_average", **BEFORE_AFTER, by="route"),
    "estimation": oc.TOST("pain_nrs_average", **BEFORE_AFTER, margin=1),
    "patients": oc.KruskalWallis("pain_nrs_average", **BEFORE_AFTER, by="route"),
    "observed": oc.CohortModel("pain_nrs_average"),
    "profile": oc.AnswersByVisit("pgic"),
    "severity": oc.EventTable(),
    "dropout": oc.Responders("pain_nrs_average", **BEFORE_AFTER),
    "agreement": oc.Agreement("pain_nrs_average", other="pain_nrs_worst"),
}
BUILT = ("diagnostics", "labbe")
MADE = {
    "survival": pd.DataFrame(
        {
            "group": "",
            "time": [5.0, 9.0],
            "survival": [0.7, 0.4],
            "low": [0.5, 0.2],
            "high": [0.9, 0.6],
        }
    ),
    "tipping": pd.DataFrame(
        {"delta": [0.0, 1.0], "value": [-1.5, 0.1], "low": [-2.0, -0.6], "high": [-1.0, 0.8]}
    ),
    "bands": pd.DataFrame(
        {
            "label": ["worse", "same", "better"],
            "patients": [4.0, np.nan, 20.0],
            "shown": ["4", "<5", "20"],
        }
    ),
    "answers": pd.DataFrame({"group": ["IV", "oral"], 1: [3, 1], 2: [4, 9]}),
    "correlations": pd.DataFrame(
        {"pain": [1.0, 0.4], "sleep": [0.4, 1.0]}, index=["pain", "sleep"]
    ),
    "grid": pd.DataFrame({"week_1": [0.4, 0.2], "week_4": [0.3, 0.1]}, index=["30%", "50%"]),
    "funnel": pd.DataFrame({"value": [-1.0, -2.0, -1.4], "se": [0.3, 0.6, 0.2]}),
    "cells": pd.DataFrame(
        {
            "order": ["KP", "KP", "PK", "PK"],
            "period": [1, 2, 1, 2],
            "arm": ["ketamine", "placebo", "placebo", "ketamine"],
            "n": 12,
            "mean": [4.0, 6.0, 6.5, 4.2],
        }
    ),
    "swimmer": pd.DataFrame(
        {"patient": [1, 1, 1, 2], "day": [0.0, 7, 30, 0], "route": ["IV", "IV", "oral", ""]}
    ),
    "run": pd.DataFrame(
        {
            "period": ["2026-01", "2026-02"],
            "value": [0.4, 0.5],
            "n": [20, 30],
            "large": [True, False],
            "signal": [False, True],
            "centre": 0.45,
            "low": 0.2,
            "high": 0.7,
        }
    ),
}


def answer(kind: str) -> Result:
    """A result with this picture, of the invented sample."""
    if kind in ASKED:
        return ASKED[kind].run(SAMPLE)
    if kind in BUILT:
        return MAKE[kind][0](CASES["plain"])
    estimates = (Estimate("mean change", -1.5, -2.0, -1.0),)
    key = "cells" if kind == "sequences" else kind
    return Result(
        ASKED["slopes"],
        estimates,
        Counts(2, 2),
        PAIN,
        (),
        {key: MADE[key]},
        (kind,),
        sample=True,
        axis=ValueAxis("mean change"),
    )


def new_axes() -> mpl.axes.Axes:
    return Figure(figsize=(7, 4), layout="constrained").add_subplot()


def texts(ax: mpl.axes.Axes) -> str:
    """Every word of the picture, its inset panels included."""
    found = [t.get_text() for t in ax.figure.findobj(mpl.text.Text)]
    return re.sub(r"\s+", " ", " | ".join(t for t in found if t))


def drawn(ax: mpl.axes.Axes) -> str:
    """Its words after it was really drawn."""
    ax.figure.canvas.draw()
    return texts(ax)


def test_every_picture_is_tested_here() -> None:
    assert set(PICTURES) == set(ASKED) | set(BUILT) | set(MADE) - {"cells"} | {"sequences"}


@pytest.mark.parametrize("kind", sorted(PICTURES))
def test_it_draws_on_the_given_axes_and_changes_nothing_global(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import matplotlib.pyplot as plt

    monkeypatch.setattr(plt, "show", lambda *a, **k: pytest.fail("a picture called show()"))
    result, style, open_figures = answer(kind), dict(mpl.rcParams), plt.get_fignums()
    before = {name: frame.copy() for name, frame in result.data.items()}
    ax = new_axes()
    assert plot(result, kind, ax=ax) is ax
    words = drawn(ax)
    assert ax.get_title(loc="left")
    assert "Invented data: no real patient" in words
    assert dict(mpl.rcParams) == style
    assert plt.get_fignums() == open_figures, "no figure is opened where axes are given"
    for name, frame in before.items():
        pd.testing.assert_frame_equal(frame, result.data[name])


@pytest.mark.parametrize("kind", sorted(PICTURES))
def test_real_data_are_not_called_invented(kind: str) -> None:
    result = answer(kind)
    result = dataclasses.replace(result, sample=False)
    assert "Invented" not in drawn(plot(result, kind, ax=new_axes()))


@pytest.mark.parametrize("kind", sorted(PICTURES))
def test_titles_and_axis_names_stay_inside_the_picture(kind: str) -> None:
    result = answer(kind)
    result = dataclasses.replace(
        result,
        outcome=LONG,
        analysis=dataclasses.replace(result.analysis, label=f"{LONG.title}: asked"),
    )
    ax = plot(result, kind, ax=new_axes())
    assert faults(ax.figure) == []


def test_without_axes_a_new_figure_is_made_and_closed_by_its_owner() -> None:
    import matplotlib.pyplot as plt

    open_figures = plt.get_fignums()
    ax = oc.plot(answer("course"))
    assert len(plt.get_fignums()) == len(open_figures) + 1
    plt.close(ax.figure)


def test_the_counts_are_written() -> None:
    assert "146 of 240 patients" in drawn(plot(answer("slopes"), ax=new_axes()))
    assert "146 patients with both scores" in drawn(plot(answer("ecdf"), ax=new_axes()))
    frame, words = answer("course").data["course"], drawn(plot(answer("course"), ax=new_axes()))
    for n in frame["n"]:
        assert str(int(n)) in words
    assert "n=20" in drawn(plot(answer("run"), ax=new_axes()))
    patterns = answer("staircase").data["staircase"]["n"]
    assert f"{int(patterns.max())} patients" in drawn(plot(answer("staircase"), ax=new_axes()))


def test_numbers_in_words_are_those_of_the_result() -> None:
    result = ASKED["slopes"].run(SAMPLE)
    words = drawn(plot(result, ax=new_axes()))
    e = result.estimates[0]
    assert f"mean change, 95% interval: {oc.wording.number(e.value)}" in words
    assert oc.wording.interval(e.low, e.high) in words
    robust = answer("forest")
    for value in robust.data["forest"]["value"]:
        assert oc.wording.number(value, 2) in drawn(plot(robust, ax=new_axes()))


TWO = {
    "one patient": two_visits([7], [4]),
    "ties": two_visits([7, 7, 7], [4, 4, 4]),
    "no change": two_visits([7, 5, 6], [7, 5, 6]),
    "all missing": two_visits([None] * 3, [None] * 3),
    "nobody seen again": two_visits([5, 6, 7], [None] * 3),
    "baseline of zero": two_visits([0, 0, 5], [1, 0, 2]),
    "two thousand": two_visits(list(np.arange(2000) % 7 + 4), list(np.arange(2000) % 11)),
    "higher is better": two_visits([40.1, 42.5, 39.9], [45.5, 47.2, 38.1], outcome=LONG),
}


@pytest.mark.parametrize("name", TWO)
@pytest.mark.parametrize("ask", [oc.PairedT, oc.Responders, oc.Course], ids=lambda a: a.__name__)
def test_pictures_of_awkward_data_draw_without_a_warning(ask: type, name: str) -> None:
    study = TWO[name]
    outcome = study.outcome_names[0]
    question = ask(outcome) if ask is oc.Course else ask(outcome, **BEFORE_AFTER)
    result = oc.Plan(question).run(study)[0]
    for kind in result.pictures:
        assert drawn(plot(result, kind, ax=new_axes()))


def test_where_nobody_was_seen_the_picture_says_so_instead_of_showing_an_empty_scale() -> None:
    study = TWO["all missing"]
    for question in (oc.PairedT("pain", **BEFORE_AFTER), oc.Course("pain")):
        ax = plot(question.run(study), ax=new_axes())
        assert "no patient has both scores" in drawn(ax) or "no score at any visit" in drawn(ax)
        assert list(ax.get_yticks()) == []


def test_bars_of_change_never_mix_better_and_worse() -> None:
    before = [40 + 0.37 * k for k in range(60)]
    after = [b + 0.61 * (k % 23) - 5.03 for k, b in enumerate(before)]
    study = two_visits(before, after, outcome=dataclasses.replace(MOOD, resolution=0.01))
    ax = plot(oc.PairedT("mood", **BEFORE_AFTER).run(study), ax=new_axes())
    bars = drawn_on(ax).panels[1].patches
    assert sum(b.get_width() for b in bars) == 60
    assert not [b for b in bars if b.get_y() < -1e-9 and b.get_y() + b.get_height() > 1e-9]


def test_colours_follow_the_direction_of_the_instrument() -> None:
    def colours(outcome: Outcome) -> set[str]:
        study = two_visits([5, 6], [2, 3], outcome=outcome)
        ax = plot(oc.PairedT(outcome.name, **BEFORE_AFTER).run(study), ax=new_axes())
        return {
            mpl.colors.to_hex(b.get_facecolor())
            for b in drawn_on(ax).panels[1].patches
            if b.get_width()
        }

    from outcomes.plots import BLUE, ORANGE

    assert colours(PAIN) == {BLUE.lower()}
    assert colours(MOOD) == {ORANGE.lower()}


def test_a_group_has_one_colour_in_all_pictures_whichever_stands_first() -> None:
    study = oc.read_study("data/sample/parallel/study.toml").ready
    asked = [oc.MMRM("pain_nrs_average", reference=arm) for arm in ("ketamine", "placebo")]
    asked += [
        oc.Course("pain_nrs_average", by="arm"),
        oc.SideEffectsByRoute(by="arm", reference="placebo"),
    ]
    colours = []
    for question in asked:
        handles, names = plot(question.run(study), ax=new_axes()).get_legend_handles_labels()
        lines = [getattr(h, "lines", (h,))[0] for h in handles]
        colours.append(
            {n: (h.get_color(), h.get_marker()) for n, h in zip(names, lines, strict=True)}
        )
    assert colours[0].keys() == {"ketamine", "placebo"}
    assert all(c == colours[0] for c in colours)


def test_many_groups_are_told_apart() -> None:
    n = 12
    scores = pd.DataFrame(
        {
            "patient": [f"p{i}" for i in range(n * 4)] * 2,
            "visit": ["baseline"] * (n * 4) + ["week_4"] * (n * 4),
            "pain": [float(i % 10) for i in range(n * 8)],
            "site": [f"clinic {i % n:02d}" for i in range(n * 4)] * 2,
        }
    )
    result = oc.Course("pain", by="site").run(
        Study(scores, visits=("baseline", "week_4"), measures={"pain": PAIN})
    )
    ax = plot(result, ax=new_axes())
    assert [t.get_text() for t in ax.get_legend().get_texts()] == [
        f"clinic {i:02d}" for i in range(n)
    ]
    looks = {
        (line.get_color(), line.get_marker())
        for line in ax.get_lines()
        if line.get_marker() not in ("", "None", "_", None)
    }
    assert len(looks) == n


def test_a_picture_that_is_not_there_is_answered_with_what_there_is() -> None:
    with pytest.raises(AnalysisError, match="No picture 'pie'.*There is: slopes"):
        plot(answer("slopes"), "pie")
    bare = dataclasses.replace(answer("slopes"), pictures=(), data={})
    with pytest.raises(AnalysisError, match=r"has no picture. oc.table\(result\) shows"):
        plot(bare)


def test_a_question_that_was_not_run_or_not_answered_says_what_to_do() -> None:
    with pytest.raises(
        AnalysisError, match=r"PairedT was not run yet.*oc.plot\(question.run\(study\)\)"
    ):
        plot(ASKED["slopes"])
    failed = oc.Plan(oc.PairedT("pain_nrs_average", before="baseline", after="week_99")).run(
        SAMPLE
    )[0]
    with pytest.raises(AnalysisError, match="was not answered: .*week_99.* run it again"):
        plot(failed)
    with pytest.raises(AnalysisError, match="draws the answer to a question, not Study"):
        plot(SAMPLE)
    with pytest.raises(AnalysisError, match="No width 'triple'. There is: single, double"):
        plot(answer("slopes"), width="triple")


def test_several_results_are_a_forest_or_panels() -> None:
    import matplotlib.pyplot as plt

    asked = [
        oc.PairedT(name, **BEFORE_AFTER, family="main scores")
        for name in ("pain_nrs_average", "pain_nrs_worst")
    ]
    results = oc.Plan(*asked).run(SAMPLE)
    (ax,) = plot(results)
    expected = [-r.main.value for r in results if r.main]
    effects = [
        -next(e for e in r.estimates if e.measure.value == "standardised change").value
        for r in results
    ]
    points = [float(p.get_xdata()[0]) for p in drawn_on(ax).marks["estimates"]]
    assert points == effects and all(v > 0 for v in expected), "right of the line is better"
    panels = plot(results, "panels")
    assert [p.get_title(loc="left").split(":")[0] for p in panels] == [
        r.outcome.title for r in results
    ]
    with pytest.raises(AnalysisError, match="No picture 'pie'"):
        plot(results, "pie")
    with pytest.raises(AnalysisError, match="no result to draw"):
        plot([])
    plt.close("all")


def test_right_is_better_on_comparisons_and_the_numbers_stay() -> None:
    trial = oc.read_study("data/sample/parallel/study.toml").ready
    result = oc.ANCOVA("pain_nrs_average", **BEFORE_AFTER, reference="placebo").run(trial)
    ax = plot(result, ax=new_axes())
    low, high = ax.get_xlim()
    assert low > high, "lower pain is better, so the axis runs to the left"
    assert [t.get_text().replace("\n", " ") for t in drawn_on(ax).marks["direction"]] == [
        "← favours placebo",
        "favours ketamine →",
    ]
    assert oc.wording.number(result.estimates[0].value, 2) in drawn(ax)


@pytest.mark.parametrize("kind", sorted(PICTURES))
def test_every_row_of_the_data_has_its_mark(kind: str) -> None:
    """Counts of marks instead of pixels: a missing dot, bar or line is noticed under every version
    of matplotlib.
    """
    result = answer(kind)
    marks = drawn_on(plot(result, kind, ax=new_axes())).marks
    rows = {
        "bands": ("counts", int(MADE["bands"]["patients"].notna().sum())),
        "run": ("values", 2),
        "funnel": ("studies", 1),
        "sequences": ("means", 2),
        "swimmer": ("followed", 2),
        "answers": ("shares", 4),
        "correlations": ("shares", 1),
        "grid": ("shares", 1),
        "survival": ("curves", 1),
        "tipping": ("estimates", 1),
    }
    if kind in rows:
        key, n = rows[kind]
        assert len(marks[key]) == n
        return
    data = result.data
    counted = {
        "forest": lambda: len(marks["estimates"]) == len(data["forest"]),
        "course": lambda: len(marks["n"]) == len(data["course"]),
        "dots": lambda: sum(len(p.get_xdata()) for p in marks["shares"]) == len(data["dots"]),
        "ecdf": lambda: len(marks["cuts"]) == 2,
        "staircase": lambda: (
            len(marks["seen"]) + len(marks["missing"]) == data["staircase"].drop(columns="n").size
        ),
        "slopes": lambda: (
            len(marks["patients"][0].get_segments())
            == len(data["pairs"][["before", "after"]].drop_duplicates())
        ),
        "waterfall": lambda: len(marks["patients"]) == len(data["pairs"]),
        "raincloud": lambda: (
            sum(len(c.get_offsets()) for c in marks["patients"]) == len(data["groups"])
        ),
        "estimation": lambda: (
            sum(len(c.get_offsets()) for c in marks["patients"]) == 2 * len(data["pairs"])
            and len(marks["margins"]) == 2
        ),
        "patients": lambda: (
            sum(len(c.get_segments()) for c in marks["patients"]) == len(data["groups"])
        ),
        "severity": lambda: len(marks["shares"]) == len(data["severity"]),
        "profile": lambda: len(marks["n"]) == data["profile"]["visit"].nunique(),
        "dropout": lambda: len(marks["curves"]) == 3 and len(marks["cuts"]) == 6,
        "agreement": lambda: (
            len(marks["patients"][0].get_offsets()) == len(data["agreement"])
            and len(marks["limits"]) == 2
        ),
        "labbe": lambda: len(marks["strata"][0].get_offsets()) == len(data["labbe"]),
        "diagnostics": lambda: len(marks["residuals"][0].get_offsets()) == 60,
        "observed": lambda: marks["shares"][0].get_array().size == len(data["observed"]),
    }
    assert counted[kind]()
