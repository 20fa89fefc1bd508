"""Every number that ready-made plans and example questions give: written once, compared after every
change.

`python -m tests.golden.numbers` writes `numbers.csv.gz` anew; do so only for a change that the
CHANGELOG names under "Numbers that changed".
"""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pandas as pd

import outcomes as oc
from outcomes import plans
from tests.contract.small import example, small
from tests.shared import PUBLISHED

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TABLE = HERE / "numbers.csv.gz"
#: The designs of the small invented studies.
DESIGNS = ("parallel", "crossover", "n-of-1", "before-after")
#: What says which number it is, and the numbers.
NAMES = ["source", "question", "row", "method", "outcome", "term"]
VALUES = [
    "value",
    "low",
    "high",
    "p",
    "p_adjusted",
    "statistic",
    "df",
    "se",
    "enrolled",
    "analysed",
]


def studies() -> Iterator[tuple[str, oc.Study]]:
    """Samples, published studies, and small invented ones."""
    for name in ("", "crossover", "parallel"):
        yield (
            f"sample {name or 'cohort'}",
            oc.read_study(ROOT / "data/sample" / name / "study.toml"),
        )
    pain = lambda name, title: {name: oc.Outcome(name, title, "lower")}  # noqa: E731
    data = pd.read_csv(PUBLISHED / "vickers2004_acupuncture/acupuncture.csv", encoding="utf-8-sig")
    data["arm"] = data["group"].map({0: "control", 1: "acupuncture"})
    wide = data.rename(
        columns={"id": "patient", "pk1": "baseline", "pk2": "month_3", "pk5": "month_12"}
    )
    visits = ("baseline", "month_3", "month_12")
    long = wide.melt(["patient", "arm"], value_vars=visits, var_name="visit", value_name="headache")
    yield (
        "vickers",
        oc.Study(
            long, visits=visits, design="parallel", measures=pain("headache", "headache score")
        ),
    )
    wide_names = {"suffix": {"Baseline": "_Baseline", "Post": "_Post"}}
    outcomes = {
        "madrs": {"column": "MADRS", "better": "lower", "low": 0, "high": 60, "resolution": 1}
    }
    yield (
        "faria",
        oc.read_table(
            PUBLISHED / "faria2022_esketamine/Dataset_latin1.csv",
            patient="Id",
            wide=wide_names,
            outcomes=outcomes,
        ),
    )
    data = pd.read_csv(PUBLISHED / "goldstein2004_antidepressant/antidepressant_data.csv")
    data["visit"] = "visit_" + data["VISIT"].astype(str)
    later = data.rename(columns={"PATIENT": "patient", "HAMDTL17": "hamd", "THERAPY": "arm"})
    first = later.drop_duplicates("patient").assign(visit="baseline", hamd=lambda d: d["BASVAL"])
    scores = pd.concat([first, later])[["patient", "visit", "arm", "hamd"]]
    visits = ("baseline", "visit_4", "visit_5", "visit_6", "visit_7")
    yield (
        "goldstein",
        oc.Study(scores, visits=visits, design="parallel", measures=pain("hamd", "HAMD17")),
    )
    data = pd.read_csv(PUBLISHED / "dinat2015_amitriptyline_xover/xoverPP.csv")
    wide = data.rename(
        columns={"ID": "patient", "Order": "sequence", "Period": "period", "Treatment": "arm"}
    )
    wide["patient"] = wide["patient"].astype(str)
    keys = ["patient", "sequence", "period", "arm"]
    names = {"Time1": "week_0", "Time2": "week_3", "Time3": "week_6"}
    long = wide.rename(columns=names).melt(
        keys, value_vars=list(names.values()), var_name="visit", value_name="pain"
    )
    yield (
        "dinat",
        oc.Study(
            long,
            visits=tuple(names.values()),
            design="crossover",
            measures=pain("pain", "worst pain"),
        ),
    )


def asked(source: str, study: oc.Study) -> Iterator[tuple[str, oc.Plan]]:
    """Every ready-made plan that the study can have."""
    for kind in (
        plans.before_after,
        plans.follow_up,
        plans.parallel,
        plans.crossover,
        plans.routes,
    ):
        try:
            yield kind.__name__, kind(study)
        except oc.OutcomesError:
            continue
    if study.questions:
        yield "own", oc.Plan.of(study)


def kinds() -> dict[str, type]:
    from outcomes.plans.plan import kinds as every

    return {name: kind for name, kind in every().items() if kind.__module__.startswith("outcomes.")}


@cache
def of_plans() -> pd.DataFrame:
    """The numbers of the ready-made plans."""
    frames = [
        of_plan(f"{source}: {name}", plan, study)
        for source, study in studies()
        for name, plan in asked(source, study)
    ]
    return pd.concat(frames, ignore_index=True)


def of_example(design: str, method: str) -> pd.DataFrame:
    """The numbers of one kind of question about a small invented study."""
    return of_plan(f"small {design}: example", oc.Plan(example(kinds()[method])), _small(design))


@cache
def _small(design: str) -> oc.Study:
    return small(40, design)


def of_plan(source: str, plan: oc.Plan, study: oc.Study) -> pd.DataFrame:
    """One row an estimate; `question` counts the questions of one method, so that a new method
    moves no other row.
    """
    frames, asked_of = [], Counter[str]()
    for result in plan.run(study):
        method = type(result.analysis).__name__
        asked_of[method] += 1
        frame = result.to_frame()
        frame.insert(0, "row", range(1, len(frame) + 1))
        frame.insert(0, "question", asked_of[method])
        frame.insert(0, "source", source)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)[[*NAMES, *VALUES]]


def numbers() -> pd.DataFrame:
    """All of them, in the order of studies, plans and questions."""
    examples = [of_example(design, method) for design in DESIGNS for method in kinds()]
    return pd.concat([of_plans(), *examples], ignore_index=True)


@cache
def read() -> pd.DataFrame:
    """The golden table as it was written."""
    return pd.read_csv(TABLE, keep_default_na=False, na_values={c: ["nan", ""] for c in VALUES})


if __name__ == "__main__":
    with gzip.GzipFile(TABLE, "wb", mtime=0) as handle:
        handle.write(numbers().to_csv(index=False, float_format="%.17g").encode())
