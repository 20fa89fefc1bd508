"""Does an instrument do what its worked examples say, and do answers look as if they were stored in
its coding?
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from outcomes.core.wording import listed, plural

if TYPE_CHECKING:
    from outcomes.questionnaires.model import Instrument

#: Fewer answered rows than this cannot show a coding.
ENOUGH = 20


def run_examples(instrument: Instrument) -> list[str]:
    """The worked examples of an instrument that do not come out as written, in words; empty when
    all do.

    >>> from outcomes import instrument
    >>> run_examples(instrument("gad7"))
    []
    """
    failures = []
    for k, example in enumerate(instrument.examples, 1):
        made = instrument.score(example_items(instrument, example), **example.get("options", {}))
        for name, expected in example["scores"].items():
            where = f"{instrument.id}, example {k}, {name}"
            if name not in made.values:
                failures.append(
                    f"{where}: not scored, it lacks {', '.join(made.absent.get(name, ('a rule',)))}"
                )
                continue
            value = float(made.values[name].iloc[0])
            if expected in ("missing", "refused"):
                if not math.isnan(value):
                    failures.append(f"{where}: expected no score, got {value:.6g}")
            elif not abs(value - expected) <= example.get("tolerance", 1e-6):
                failures.append(f"{where}: expected {expected:.6g}, got {value:.6g}")
        for name, expected in example.get("bands", {}).items():
            label = instrument.get(name).band(made.values[name])[0]
            if label != expected:
                failures.append(
                    f"{instrument.id}, example {k}, band of {name}: expected '{expected}', got"
                    f" '{label}'"
                )
    return failures


def example_items(instrument: Instrument, example: Any) -> pd.DataFrame:
    """One row of answers from an example: a list in the order of the items, or a table of item code
    = answer.
    """
    items = example["items"]
    if isinstance(items, list):
        items = dict(zip((i.code for i in instrument.items), items))
    return pd.DataFrame({k: [math.nan if v == "" else float(v)] for k, v in items.items()})


def suspicions(instrument: Instrument, items: pd.DataFrame) -> list[str]:
    """What looks wrong about how these answers are stored: said, never repaired.

    It recognises answers that count from 1 where the instrument counts from 0, T-scores or totals
    where answers belong, centimetres for millimetres, items that run against the others (options
    stored by position), and two versions mixed in one file. Each message says what to declare if it
    is so.
    """
    known = {i.code: i for i in instrument.items}
    frame = items[[c for c in items.columns if c in known]].astype(float)
    if frame.empty or not len(frame.columns):
        return []
    said = [
        _counts_from_one(frame, known) or _counts_from_zero(frame, known),
        _too_large(frame, known, instrument),
        _centimetres(frame, known),
    ]
    said += [_against_the_others(frame, instrument), _two_versions(frame)]
    return [f"{instrument.title}: {text}" for text in said if text]


def other_origin(instrument: Instrument, items: pd.DataFrame) -> str:
    """What says that answers count from another number than the instrument's (1 to 4 for 0 to 3, 0
    to 4 for 1 to 5), so that any total would be wrong; empty where nothing does.
    """
    known = {i.code: i for i in instrument.items}
    frame = items[[c for c in items.columns if c in known]].astype(float)
    text = _counts_from_one(frame, known) or _counts_from_zero(frame, known)
    return "" if text.startswith("two codings") else text


def _counts_from_zero(frame: pd.DataFrame, known: Any) -> str:
    scale = {(known[c].low, known[c].high) for c in frame if known[c].step == 1}
    if len(scale) != 1 or len(frame.columns) < 2:
        return ""
    ((low, high),) = scale
    if low != 1 or not (frame == 0).any(axis=None):
        return ""
    if (frame < 0).any(axis=None) or (frame >= high).any(axis=None):
        return ""
    return (
        f"answers seem to count from 0: none is {high:g} and some are 0, where {low:g} to {high:g}"
        " is expected. If so, declare shift = 1."
    )


def _counts_from_one(frame: pd.DataFrame, known: Any) -> str:
    scale = {(known[c].low, known[c].high) for c in frame if known[c].step == 1}
    if len(scale) != 1 or len(frame.columns) < 2:
        return ""
    ((low, high),) = scale
    above, at_low = (frame == high + 1), (frame == low)
    if not above.any(axis=None) or (frame > high + 1).any(axis=None):
        return ""
    answers = f"{low:g} to {high:g}"
    if not at_low.any(axis=None):
        return (
            f"answers seem to count from {low + 1:g}: none is {low:g} and some are {high + 1:g},"
            f" where {answers} is expected. If so, declare shift = -1."
        )
    rows = above.any(axis=1) & ~at_low.any(axis=1)
    if rows.sum() >= 2 and not (above.any(axis=1) & at_low.any(axis=1)).any():
        return (
            f"two codings seem mixed: {plural(int(rows.sum()), 'row')} with answers of {high + 1:g}"
            f" and none of {low:g}, others with {low:g}, where {answers} is expected. Split them"
            " and recode one part."
        )
    return ""


def _too_large(frame: pd.DataFrame, known: Any, instrument: Instrument) -> str:
    high = np.array([known[c].high for c in frame])
    x = frame.to_numpy()
    large = x > high + 1
    if not large.any() or np.isinf(high).all():
        return ""
    share = large.sum() / max((~np.isnan(x)).sum(), 1)
    if share < 0.5:
        return ""
    values = x[large]
    if values.min() >= 15 and values.max() <= 90 and any(s.unit == "T" for s in instrument.scores):
        return (
            "these look like T-scores, not answers. If so, declare the columns as scores "
            f"({listed([s.name for s in instrument.scores if s.unit == 'T'][:3])} …), not as items."
        )
    if values.max() <= max(s.high for s in instrument.scores):
        return (
            "these look like totals, not single answers. If so, declare the column as a score, not"
            " as an item."
        )
    return ""


def _centimetres(frame: pd.DataFrame, known: Any) -> str:
    for c in frame:
        x = frame[c].dropna()
        if (
            known[c].step == 0
            and known[c].high == 100
            and len(x) >= ENOUGH
            and x.max() <= 10
            and x.nunique() > 3
        ):
            return (
                f"no value of '{c}' is above 10 on a 0 to 100 scale: it may be stored in"
                " centimetres. If so, multiply by 10."
            )
    return ""


def _against_the_others(frame: pd.DataFrame, instrument: Instrument) -> str:
    """Items whose correlation with the rest of their scale is clearly negative, after the
    instrument's own reversals.
    """
    found: list[str] = []
    for s in instrument.scores:
        codes = [c for c in s.rule.of if c in frame]
        if s.rule.kind not in ("sum", "mean") or len(codes) < 4 or s.rule.weights or s.rule.recode:
            continue
        part = frame[codes].dropna()
        if len(part) < ENOUGH:
            continue
        signed = part * [-1 if c in s.rule.reverse else 1 for c in codes]
        total = signed.sum(axis=1)
        for c in codes:
            rest = total - signed[c]
            if (
                signed[c].nunique() > 1
                and rest.nunique() > 1
                and signed[c].corr(rest) < -0.2
                and c not in found
            ):
                found.append(c)
    if not found or len(found) > len(frame.columns) / 2:
        return ""
    return (
        f"{plural(len(found), 'item')} {'runs' if len(found) == 1 else 'run'} against the others"
        f" ({listed(found)}): options may be stored by their position, not by their score. If so,"
        f" declare reverse = {found}."
    )


def _two_versions(frame: pd.DataFrame) -> str:
    """The same items blank together in many rows that answer all the others: perhaps a shorter
    version.
    """
    if len(frame.columns) < 4:
        return ""
    blank = frame.isna()
    patterns = blank.value_counts()
    full = int((~blank.any(axis=1)).sum())
    for pattern, n in patterns.items():
        gone = [c for c, b in zip(blank.columns, pattern) if b]
        if 0 < len(gone) < len(frame.columns) - 1 and n >= max(5, 0.1 * len(frame)) and full >= 5:
            return (
                f"in {n} of {len(frame)} rows the same {plural(len(gone), 'item')} ({listed(gone)})"
                " are blank and all others answered: perhaps a shorter version of the instrument."
                " Score the two versions apart."
            )
    return ""
