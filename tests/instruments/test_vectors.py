"""Every row of the shared test vectors, by a mapping of their instrument and output names onto
ours.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
import pytest

from outcomes import instrument
from tests.shared import INSTRUMENTS

PATH = INSTRUMENTS / "vectors.csv"
ROWS = list(csv.DictReader(PATH.read_text(encoding="utf-8").splitlines())) if PATH.exists() else []

#: Their instrument name (start of it) → our id.
IDS = {
    "PHQ-9": "phq9",
    "GAD-7": "gad7",
    "PHQ-4": "phq4",
    "PHQ-2": "phq2",
    "HADS": "hads",
    "ISI": "isi",
    "PCS": "pcs",
    "TSK": "tsk",
    "ODI": "odi",
    "NDI": "ndi",
    "DN4": "dn4",
    "PCL-5": "pcl5",
    "WHO-5": "who5",
    "PSQI": "psqi",
    "RAND-36": "rand36",
    "SF-12v1": "sf12v1",
    "PROMIS-GH": "promis_global",
    "SF-36v1": "sf36v1",
    "EQ-5D-5L": "eq5d5l",
    "EQ-5D-3L": "eq5d3l",
    "PROPr": "propr",
    "PROMIS-29": "promis29",
    "PROMIS Pain Interference": "promis_pi",
    "SF-MPQ-2": "sf_mpq2",
    "MME": "mme",
    "Pain NRS change": "immpact",
    "BPI-SF": "bpi_sf",
    "PEG": "peg",
    "QIDS": "qids_sr16",
    "MADRS": "madrs",
    "PSEQ": "pseq",
    "RMDQ": "rmdq",
    "FIQR": "fiqr",
    "S-LANSS": "s_lanss",
    "LANSS": "lanss",
    "painDETECT": "paindetect",
    "NPSI": "npsi",
    "WHODAS": "whodas12",
    "FSS": "fss",
    "CADSS": "cadss",
    "C-SSRS": "cssrs",
    "PGIC": "pgic",
    "CPAQ-8": "cpaq8",
    "EQ VAS": "eq_vas",
    "Pain VAS": "pain_vas",
    "Pain NRS": "pain_nrs",
}

#: Their output name → our score, where it is not the same in small letters.
OUTPUTS: Mapping[str, Mapping[str, str]] = {
    "phq9": {"major_depressive_syndrome_algorithm": "major_depressive_syndrome"},
    "odi": {"percent_rounded": "percent", "total": "percent"},
    "ndi": {"percent_rounded": "percent", "total": "points", "sum": "points"},
    "pcl5": {"provisional_dx": "provisional_diagnosis"},
    "psqi": dict(
        zip(
            ("c1", "c2", "c3", "c4", "c5", "c6", "c7"),
            (
                "quality",
                "latency",
                "duration",
                "efficiency",
                "disturbances",
                "medication",
                "daytime",
            ),
            strict=True,
        )
    ),
    "rand36": {
        "role_limitations_physical_health": "role_physical",
        "role_limitations_emotional_problems": "role_emotional",
    },
    "promis_global": {
        "gph_raw": "physical_raw",
        "gmh_raw": "mental_raw",
        "gph_t": "physical",
        "gmh_t": "mental",
    },
    "propr": {
        "propr": "index",
        **{
            f"{d}_u": f"{d}_utility"
            for d in ("cognition", "depression", "fatigue", "pain", "physical", "sleep", "social")
        },
    },
    "mme": {"mme_per_day": "total"},
    "whodas12": {"simple_sum": "simple", "complex_percent": "complex"},
    "immpact": {"immpact_level": "percent_reduction"},
    "peg": {"total": "mean"},
    "pgic": {"total": "rating"},
}

#: Their words for bands that ours say otherwise.
BANDS = {
    "phq9": {"None/minimal depression": "minimal"},
    "gad7": {"No anxiety": "minimal"},
}


def code_of(name: str) -> str:
    return next(ours for theirs, ours in IDS.items() if name.startswith(theirs))


def number(text: Any) -> float:
    return math.nan if text in (None, "NA", "") else float(text)


def listed(text: str) -> list[float]:
    return [number(t) for t in text.split()]


def answers(name: str, id: str, text: str) -> dict[str, float]:
    """The items of a vector under our codes."""
    codes = [i.code for i in instrument(id).items]
    if text.startswith("{"):
        given = json.loads(text)
        return NAMED.get(id, lambda d: {k: number(v) for k, v in d.items()})(given)
    if id == "rmdq":
        yes = int(text.split()[0])
        return {c: 1.0 if k < yes else math.nan for k, c in enumerate(codes)}
    if found := re.fullmatch(r"items ([\d,]+) = ([\d,]+)", text):
        return {c: float(v) for c, v in zip(found[1].split(","), found[2].split(","), strict=True)}
    if found := re.fullmatch(r"raw_sum=(\d+)", text):
        form = re.search(r"Interference (\w+)", name)[1]
        of = instrument(id).get(f"t_{form}").rule.of
        low, more = divmod(int(found[1]), len(of))
        return {c: float(low + (k < more)) for k, c in enumerate(of)}
    if re.fullmatch(r"\d{5}", text):
        return dict(zip(codes, map(float, text), strict=True))
    values = listed(text)
    if id == "promis29":
        domain = name.split()[-1]
        return dict(zip(instrument(id).get(domain).rule.of, values, strict=True))
    if id == "tsk" and len(values) == 11:
        return dict(zip(instrument(id).get("total_11").rule.of, values, strict=True))
    if id == "bpi_sf":
        codes = codes[4:] if len(values) == 7 else codes[:4]
    if id == "npsi":
        codes = codes[:10]
    return dict(zip(codes, values, strict=True))


def propr(given: Mapping[str, float]) -> dict[str, float]:
    aliases = {a: i.code for i in instrument("propr").items for a in i.aliases}
    return {aliases[k]: number(v) for k, v in given.items()}


def psqi(given: Mapping[str, Any]) -> dict[str, float]:
    return {k.lower().lstrip("q").lstrip("0"): number(v) for k, v in given.items()}


def mme(given: Mapping[str, Any]) -> dict[str, float]:
    known = {i.code for i in instrument("mme").items}
    drugs = {re.sub(r"_(mg_day|mcg_h\w*|mg)$", "", k): number(v) for k, v in given.items()}
    drugs = {"fentanyl_transdermal" if d.startswith("fentanyl") else d: v for d, v in drugs.items()}
    return {d if d in known else "other_opioid": v for d, v in drugs.items()}


def summary(given: Mapping[str, float]) -> dict[str, float]:
    names = {
        "pf": "physical_function",
        "sleep": "sleep_disturbance",
        "social": "ability_to_participate",
    }
    return {names.get(k, k): number(v) for k, v in given.items()}


def flat(given: Mapping[str, Any]) -> dict[str, float]:
    """Lists of answers in one run, then the single answers under their names."""
    runs = [number(v) for value in given.values() if isinstance(value, list) for v in value]
    single = {k: number(v) for k, v in given.items() if not isinstance(v, list)}
    return {str(k): v for k, v in enumerate(runs, 1)} | single


NAMED: Mapping[str, Callable[[Mapping[str, Any]], dict[str, float]]] = {
    "propr": propr,
    "psqi": psqi,
    "mme": mme,
    "promis29": summary,
    "fiqr": flat,
    "paindetect": flat,
    "cssrs": lambda d: {k.removeprefix("q"): number(v) for k, v in d.items()},
    "immpact": lambda d: {{"pre": "before", "post": "after"}[k]: number(v) for k, v in d.items()},
}


def options(name: str, id: str, output: str) -> dict[str, Any]:
    if id == "eq5d5l":
        return {"value_set": ("crosswalk " if "crosswalk" in name else "") + output.split(":")[1]}
    if id == "eq5d3l":
        return {"value_set": output.split(":")[1] + (" VAS" if output.startswith("vas") else "")}
    if "oblique" in name:
        return {"weights": "oblique"}
    if id == "promis_global":
        return {"reverse": ["8", "10"]}
    return {}


def score_of(name: str, id: str, output: str) -> str:
    if id in ("eq5d5l", "eq5d3l"):
        return "index"
    if id == "promis29" and output in ("t_score", "se"):
        return name.split()[-1] + ("_se" if output == "se" else "")
    if id == "promis_pi":
        return "t_" + re.search(r"Interference (\w+)", name)[1] + ("_se" if output == "se" else "")
    if id == "tsk":
        return "total_11" if "11" in name else "total_17"
    if id == "cadss":
        return "cadss6" if name.startswith("CADSS-6") else "total"
    if output == "band":
        return instrument(id).default_score
    return OUTPUTS.get(id, {}).get(output, output.lower())


@pytest.mark.parametrize(
    "row", ROWS, ids=[f"{k}-{r['instrument']}-{r['output']}" for k, r in enumerate(ROWS)]
)
def test_vector(row: dict[str, str]) -> None:
    name, output, expected = row["instrument"], row["output"], row["expected"]
    id = code_of(name)
    kind = instrument(id)
    items = answers(name, id, row["items"])
    chosen = options(name, id, output)
    if id == "propr" and "cognition" not in items:
        chosen = {"cognition": "predicted"}
    made = kind.score(pd.DataFrame({k: [v] for k, v in items.items()}), **chosen)
    score = score_of(name, id, output)
    value = float(made.values[score].iloc[0])
    label = str(kind.get(score).band(value)[0]) if not score.endswith("_se") else ""
    if expected in ("NA", "not assessed", "missing", "None", ""):
        assert math.isnan(value)
    elif expected in ("True", "False"):
        assert value == (expected == "True")
    elif not re.fullmatch(r"[-+\d.eE]+", expected):
        wanted = BANDS.get(id, {}).get(
            expected, expected.lower().removesuffix(" depression").removesuffix(" anxiety")
        )
        assert label == wanted
    else:
        assert value == pytest.approx(float(expected), abs=float(row["tolerance"]) + 1e-9)


def test_the_vectors_are_there() -> None:
    assert len(ROWS) > 300
