"""Rules that a table cannot say: one named function each, from whole columns to a whole column.

Every function takes its parts by name (arrays, nan = missing) and the options chosen, and gives nan
wherever a needed part is missing. `FUNCTIONS` is how a TOML names them.
"""

from __future__ import annotations

import csv
import functools
import itertools
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from outcomes.core.errors import InstrumentError, unknown

Array = np.ndarray
Parts = Mapping[str, Array]
LIBRARY = Path(__file__).parent / "library"


@functools.cache
def rows(name: str) -> tuple[Mapping[str, str], ...]:
    """A CSV of the library as rows of text."""
    with (LIBRARY / name).open(encoding="utf-8", newline="") as handle:
        header, *cells = csv.reader(handle)
    return tuple(MappingProxyType(dict(zip(header, row, strict=True))) for row in cells)


# --- EQ-5D ----------------------------------------------------------------------------------------

DIMENSIONS = ("MO", "SC", "UA", "PD", "AD")


def states(levels: int) -> Array:
    """All health states in the order of their digits: 11111, 11112, … (one row a state, one column
    a dimension).
    """
    return np.array(list(itertools.product(range(1, levels + 1), repeat=5)))


def _term(name: str, s: Array) -> Array:
    """How often a term of a value set counts in each state.

    `MO3`: mobility at level 3; `MO45`: at level 4 or 5; `MO3SC3`: both; `MOAD`: product of the
    steps below full health; five digits: the published value of this one state differs by so much
    from its terms (made monotone by its authors).
    """
    count = lambda level: (s == level).sum(axis=1)  # noqa: E731
    worse, two, three = (s > 1).sum(axis=1), count(2), count(3)
    more = lambda n: np.maximum(n - 1, 0)  # noqa: E731
    named: dict[str, Callable[[], Any]] = {
        "start": lambda: np.ones(len(s)),
        "any_problem": lambda: worse > 0,
        "any_3": lambda: three > 0,
        "any_4_or_5": lambda: (s >= 4).any(axis=1),
        "any_5": lambda: count(5) > 0,
        "further_45_squared": lambda: more((s >= 4).sum(axis=1)) ** 2,
        "further_problems": lambda: more(worse),
        "further_2": lambda: more(two),
        "further_2_squared": lambda: more(two) ** 2,
        "further_3": lambda: more(three),
        "further_3_squared": lambda: more(three) ** 2,
        "count_2_squared": lambda: two**2,
        "count_3_squared": lambda: three**2,
        "all_problems": lambda: worse == 5,
        "some_2_no_3": lambda: (two > 0) & (three == 0),
        "some_3_no_2": lambda: (three > 0) & (two == 0),
        "some_2_and_3": lambda: (two > 0) & (three > 0),
        "count_2_beside_3": lambda: two * (three > 0),
    }
    if name in named:
        return named[name]().astype(float)
    if name.isdigit():
        return (s == [int(d) for d in name]).all(axis=1).astype(float)
    first, level = s[:, DIMENSIONS.index(name[:2])], name[2:]
    if level == "45":
        return (first >= 4).astype(float)
    if level.isdigit():
        return (first == int(level)).astype(float)
    second = s[:, DIMENSIONS.index(name[-3:-1] if name[-1].isdigit() else name[-2:])]
    if name[-1].isdigit():
        return ((first == int(name[2])) & (second == int(name[-1]))).astype(float)
    return (first - 1.0) * (second - 1.0)


@functools.cache
def value_set(levels: int, name: str) -> Array:
    """The index of every health state, in the order of `states(levels)`, for a value set or a
    crosswalk.
    """
    entry = next(r for r in rows(f"eq5d{levels}l_sets.csv") if r["choice"] == name)
    if entry["base"]:
        return _crosswalk(entry)
    return _states_valued(levels, name, entry["form"])


def _states_valued(levels: int, name: str, form: str) -> Array:
    """Sum of coefficient × term of every state, or (German VAS set) product of coefficient **
    term.
    """
    every = states(levels)
    terms = [
        (r["term"], float(r["coefficient"]))
        for r in rows(f"eq5d{levels}l_terms.csv")
        if r["set"] == name
    ]
    parts = [c ** _term(t, every) if form == "product" else c * _term(t, every) for t, c in terms]
    return np.round(np.prod(parts, axis=0) if form == "product" else np.sum(parts, axis=0), 12)


def _crosswalk(entry: Mapping[str, str]) -> Array:
    """The expected 3L value of every 5L state (van Hout 2012): the 3L values averaged over five
    independent dimensions.
    """
    value = _states_valued(3, entry["base"], "sum")
    if entry["base_digits"]:
        scale = 10 ** int(entry["base_digits"])
        value = np.sign(value) * np.floor(np.abs(value) * scale + 0.5) / scale
    value = value.reshape((3,) * 5)
    for d in DIMENSIONS:
        share = np.zeros((3, 5))
        for r in rows("eq5d_crosswalk.csv"):
            if r["matrix"] == entry["matrix"] and r["dimension"] == d:
                share[int(r["level_3l"]) - 1, int(r["level_5l"]) - 1] = float(r["probability"])
        value = np.moveaxis(np.tensordot(value, share, axes=(0, 0)), -1, 4)
    return value.reshape(-1)


def eq5d_index(parts: Parts, choices: Mapping[str, Any], levels: int) -> Array:
    """The EQ-5D index: the value of the health state in the chosen set; no index where a dimension
    is missing.
    """
    table = value_set(levels, choices["value_set"])
    lowest = (levels**5 - 1) // (levels - 1)
    first, *rest = parts.values()
    place = first * levels
    for x in rest[:-1]:
        place += x
        place *= levels
    place += rest[-1]
    place -= lowest
    if place.dtype.kind == "i" or not (gone := np.isnan(place)).any():
        return table.take(place.astype(np.intp))
    return np.where(gone, np.nan, table.take(np.where(gone, 0, place).astype(np.intp)))


# --- sleep, SF-36, PROPr --------------------------------------------------------------------------


def psqi_efficiency(parts: Parts, _: Mapping[str, Any]) -> Array:
    """Hours slept as a percentage of hours in bed; clock times are hours of a 24-hour day and may
    pass midnight.
    """
    bed, up, slept = parts.values()
    in_bed = (up - bed) % 24
    return 100 * slept / np.where(in_bed == 0, 24, in_bed)


def sf36_bodily_pain(parts: Parts, _: Mapping[str, Any]) -> Array:
    """SF-36 v1 bodily pain, 0-100: the second item's values depend on the first (Ware 1993); one
    item is enough.
    """
    severity, interference = parts.values()
    first = _by_answer(severity, (6, 5.4, 4.2, 3.1, 2.2, 1))
    both = _by_answer(interference, (5, 4, 3, 2, 1)) + ((severity == 1) & (interference == 1))
    second = np.where(np.isnan(severity), _by_answer(interference, (6, 4.75, 3.5, 2.25, 1)), both)
    pair = np.stack([first, second])
    n = (~np.isnan(pair)).sum(axis=0)
    mean = np.where(n > 0, np.nansum(pair, axis=0) / np.maximum(n, 1), np.nan)
    return (mean - 1) / 5 * 100


def _by_answer(x: Array, values: tuple[float, ...]) -> Array:
    return np.where(
        np.isnan(x), np.nan, np.asarray(values)[np.where(np.isnan(x), 1, x).astype(np.intp) - 1]
    )


def _disutility(domain: str, t: Array) -> Array:
    segments = [r for r in rows("propr_segments.csv") if r["domain"] == domain]
    edges = [float(r["from"]) for r in segments]
    theta = np.round((t - 50) / 10, 9)
    place = np.searchsorted(edges, np.where(np.isnan(theta), 0, theta), side="right") - 1
    a, b = (np.array([float(r[c]) for r in segments])[place] for c in ("intercept", "slope"))
    return a + b * theta


def propr_domain(parts: Parts, _: Mapping[str, Any]) -> Array:
    """The single-domain utility of PROPr, 1 − disutility, from that domain's T-score (Dewitt
    2018).
    """
    ((name, t),) = parts.items()
    return 1 - _disutility(name.removesuffix("_predicted"), t)


def propr_index(parts: Parts, _: Mapping[str, Any]) -> Array:
    """PROPr: the seven disutilities combined multiplicatively, and rescaled so that being dead is 0
    (Dewitt 2018).
    """
    constant = {r["name"]: float(r["value"]) for r in rows("propr_constants.csv")}
    product: Array | float = 1.0
    for name, t in parts.items():
        domain = name.removesuffix("_predicted")
        product = product * (1 + constant["C"] * constant[domain] * _disutility(domain, t))
    return np.asarray(1 - constant["to_dead"] * (product - 1) / constant["C"])


# --- safety, opioids, change ----------------------------------------------------------------------


def cssrs_risk(parts: Parts, _: Mapping[str, Any]) -> Array:
    """The C-SSRS screener's triage class: 0 nothing endorsed, 1 low, 2 moderate, 3 high; nan = not
    assessed.

    An unanswered question counts as "could be yes": nothing below the class that it could lead to
    is given. Questions 3 to 5 need no answer where question 2 is answered no, as on the form.
    """
    q1, q2, q3, q4, q5, recent, ever = parts.values()
    yes = lambda x: x == 1  # noqa: E731
    skipped = (q2 == 0)[None, :] & np.isnan([q3, q4, q5])
    q3, q4, q5 = np.where(skipped, 0.0, [q3, q4, q5])
    recent = np.where(np.isnan(recent) & (ever == 0), 0.0, recent)
    ever = np.where(yes(recent), 1.0, ever)
    high = yes(q4) | yes(q5) | yes(recent)
    moderate = yes(q3) | yes(ever)
    known_not_high = ~np.isnan(q4 + q5 + recent)
    known_not_moderate = ~np.isnan(q3 + ever)
    low = np.where(np.isnan(q1 + q2), np.nan, (yes(q1) | yes(q2)).astype(float))
    rest = np.where(moderate, 2.0, np.where(known_not_moderate, low, np.nan))
    return np.where(high, 3.0, np.where(known_not_high, rest, np.nan))


def cssrs_ideation(parts: Parts, _: Mapping[str, Any]) -> Array:
    """The most severe ideation of the C-SSRS, 0 (none) to 5: the highest type answered yes; nan =
    not assessed.

    Types 3 to 5 need no answer where types 1 and 2 are answered no, as on the form. A type above
    the highest yes that is not answered could be yes: no number is given then.
    """
    types = np.array(list(parts.values()), dtype=float)
    none = (types[0] == 0) & (types[1] == 0)
    types[2:] = np.where(none & np.isnan(types[2:]), 0.0, types[2:])
    number = np.arange(1, len(types) + 1)[:, None]
    highest = np.where(types == 1, number, 0).max(axis=0)
    open_above = (np.isnan(types) & (number > highest)).any(axis=0)
    return np.where(open_above, np.nan, highest.astype(float))


def any_yes(parts: Parts, _: Mapping[str, Any]) -> Array:
    """1 where any part is answered yes, 0 where all are answered no; nan where a blank could be the
    only yes.
    """
    answers = np.array(list(parts.values()), dtype=float)
    yes = (answers == 1).any(axis=0)
    return np.where(yes, 1.0, np.where(np.isnan(answers).any(axis=0), np.nan, 0.0))


def mme_sum(parts: Parts, _: Mapping[str, Any]) -> Array:
    """MME a day: daily doses × CDC 2022 factors; a drug without a factor and a dose above 0 makes
    the sum missing.
    """
    total: Array | float = 0.0
    for drug, dose in parts.items():
        total = total + mme([drug] * len(dose), dose)
    return np.asarray(total)


def mme(drugs: Any, doses: Any) -> Array:
    """Morphine milligram equivalents a day of each row: daily dose × CDC 2022 factor (fentanyl
    patch: mcg an hour).

    A drug that is not in the table (or is left out on purpose, as buprenorphine is) gives nan,
    never 0; a dose of 0 gives 0.

    >>> mme(
    ...     ["oxycodone", "fentanyl_transdermal", "buprenorphine", "unheard_of"], [60, 25, 8, 5]
    ... ).tolist()
    [90.0, 60.0, nan, nan]
    """
    factors = {r["drug"]: float(r["factor"] or "nan") for r in rows("mme_factors.csv")}
    factor = np.array(
        [factors.get(str(d).strip().casefold().replace(" ", "_"), math.nan) for d in drugs]
    )
    dose = np.asarray(doses, dtype=float)
    if (dose < 0).any():
        raise InstrumentError("A dose below 0 cannot be converted; check the dose column.")
    return np.where(dose == 0, 0.0, factor * dose)


def percent_change(parts: Parts, _: Mapping[str, Any]) -> Array:
    """100 × (after − before) / before, to 9 decimals; undefined from a baseline of 0."""
    before, after = parts.values()
    safe = np.where(before == 0, np.nan, before)
    return np.round(100 * (after - before) / safe, 9)


def hypertension_grade(systolic: Any, diastolic: Any) -> Array:
    """CTCAE v5 grade by pressure (mmHg) of each row: 0 below 120/80, then 120/80, 140/90, 160/100;
    the worse of the two.

    Grade 4 (life-threatening) is a clinical judgement and is never given by a number.

    >>> hypertension_grade([118, 150, 130], [70, 85, 102]).tolist()
    [0.0, 2.0, 3.0]
    """
    grades = [
        np.searchsorted(edges, x, side="right")
        for edges, x in (
            ((120, 140, 160), np.asarray(systolic, float)),
            ((80, 90, 100), np.asarray(diastolic, float)),
        )
    ]
    gone = np.isnan(np.asarray(systolic, float)) | np.isnan(np.asarray(diastolic, float))
    return np.where(gone, np.nan, np.maximum(*grades))


def side_effect(name: str) -> str:
    """The library's term for a side effect by its clinic name. Raises InstrumentError that lists
    what there is.

    >>> side_effect("High blood pressure")
    'hypertension'
    """
    key = str(name).strip().casefold().replace("_", " ")
    for r in rows("side_effects.csv"):
        if key in (r["term"].replace("_", " "), r["label"].casefold(), *r["aliases"].split("; ")):
            return r["term"]
    raise InstrumentError(
        unknown("side effect", name, [r["term"] for r in rows("side_effects.csv")])
    )


#: Functions that take whole numbers where every answer is there.
WHOLE = frozenset({"eq5d5l_index", "eq5d3l_index"})

FUNCTIONS: Mapping[str, Callable[[Parts, Mapping[str, Any]], Array]] = MappingProxyType(
    {
        "eq5d5l_index": functools.partial(eq5d_index, levels=5),
        "eq5d3l_index": functools.partial(eq5d_index, levels=3),
        "psqi_efficiency": psqi_efficiency,
        "sf36_bodily_pain": sf36_bodily_pain,
        "propr_domain": propr_domain,
        "propr_index": propr_index,
        "cssrs_risk": cssrs_risk,
        "cssrs_ideation": cssrs_ideation,
        "any_yes": any_yes,
        "mme_sum": mme_sum,
        "percent_change": percent_change,
    }
)
