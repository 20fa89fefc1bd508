"""An attack on shared reports: what can be worked out from everything that is released?

    python -m tests.hostile.disclosure --groups 1000 --clinics 1000

Small groups: clinics of 8 to 60 patients with both scores, many at the floor or the ceiling of the
scale, with ties. The attacker knows exactly how many patients there are, the exact sums of their
scores, and reads every printed mean, interval, share and band of the report. Sets of pairs of
scores that agree with all of it are looked for by exchanges and by integer programming.

Growing clinics: six monthly reports each. The attacker reads every printed count of all months,
knows which add up to which and that patients only join, and asks by integer programming what each
hidden count may be; and knows who is in each mean, its exact sum, and asks which sums of fewer than
eight patients follow from all means.

A finding is a score of a patient or a count of 1 to 7 that only one value agrees with.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
from scipy import stats
from scipy.optimize import Bounds, LinearConstraint, milp

import outcomes as oc
from outcomes.core.errors import PrivacyError
from outcomes.core.wording import MINUS
from outcomes.reporting import LEDGER, build
from outcomes.reporting.document import Document, Figure, all_blocks, all_tables
from outcomes.reporting.fingerprints import patient_tokens
from outcomes.reporting.numbers import Tally
from outcomes.reporting.release.control import DisclosureControl
from outcomes.reporting.release.ledger import Ledger, recorded
from outcomes.reporting.release.policy import PRESETS
from outcomes.reporting.release.report import reckon_with
from tests.builders import PAIN

TOP, SMALL = 10, 7
VISITS = ("baseline", "week_4")
ASK = {"before": "baseline", "after": "week_4"}
LEVELS = ("CRPS", "neuropathy", "arthritis", "cancer pain", "fibromyalgia")
GROUP_PLAN = (oc.PairedT("pain", role="primary", **ASK), oc.Responders("pain", **ASK))
PLAN = oc.Plan(*GROUP_PLAN, oc.Course("pain"))
MONTHLY = oc.Plan(
    oc.Describe(characteristics=("diagnosis", "sex")),
    *GROUP_PLAN,
    oc.Course("pain", by="diagnosis"),
)


@dataclass
class Tried:
    """How many were attacked, how many numbers went out, and what was found."""

    count: Counter[str] = field(default_factory=Counter)
    found: list[str] = field(default_factory=list)


@contextmanager
def without_internal_chapters() -> Iterator[None]:
    """Leave out the chapter on robustness, of which nothing is shared, for its time."""
    with patch("outcomes.reporting.builder.guards", lambda *_: []), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def published(study: oc.Study, plan: oc.Plan, ledger: Path) -> Document:
    """The shared report, with its ledger written as publishing does."""
    doc = build(study, plan, audience="share", ledger=ledger)
    with recorded(doc.record):
        return doc


# --- small groups ---------------------------------------------------------------------------------


def small_group(rng: np.random.Generator, i: int) -> oc.Study:
    """A clinic whose scores stand at the floor, at the ceiling, together or apart."""
    n = int(rng.integers(8, 15) if i % 2 else rng.integers(15, 61))
    centre, sd = [(9.5, 1.0), (0.6, 1.0), (5.0, 2.5), (9.0, 2.0), (7.0, 0.6), (8.0, 1.5)][i % 6]
    before = np.clip(np.round(rng.normal(centre, sd, n)), 0, TOP)
    step = np.round(rng.normal(-2, [0.5, 2, 3][i % 3], n))
    after = np.clip(before + step, 0, TOP)
    ids = [f"p{k:03d}" for k in range(n)]
    scores = pd.DataFrame(
        {
            "patient": ids * 2,
            "visit": [VISITS[0]] * n + [VISITS[1]] * n,
            "pain": [*before, *after],
        }
    )
    return oc.Study(scores, visits=VISITS, measures={"pain": PAIN}, title="Group")


def number_of(text: str) -> float:
    return float(text.replace(MINUS, "-").replace(",", "."))


def digits(text: str) -> int:
    return len(text.partition(".")[2])


def read_means(doc: Document) -> dict[str, tuple[str, str, str]]:
    """Every printed mean with its interval ("" where none): before, after, change."""
    found: dict[str, tuple[str, str, str]] = {}
    for table in all_tables(doc):
        if "mean change" in table.header and len(table.rows):
            row = dict(zip(table.header, table.rows[0], strict=True))
            ends = row.get("95% CI", "–").split(" to ") if " to " in row.get("95% CI", "") else []
            for name in ("before", "after", "change"):
                text = row.get(f"mean {name}", "–")
                if text != "–":
                    low, high = ends if ends and name == "change" else ("", "")
                    found[name] = (text, low, high)
        if "course over the visits: mean" in table.title:
            row = dict(zip(table.header, table.rows[0], strict=True))
            for name, visit in zip(("before", "after"), VISITS, strict=True):
                text = row.get(visit.replace("_", " "), "–")
                if made := re.match(r"(\S+) \((\S+) to (\S+)\)", text):
                    found[name] = (made[1], made[2], made[3])
    return found


def read_bands(doc: Document) -> dict[str, int]:
    """The printed numbers of the bands of change."""
    return {
        str(r["label"]): int(r["patients"])
        for b in all_blocks(doc)
        if isinstance(b, Figure) and b.kind == "bands"
        for r in b.result.data["bands"].to_dict("records")
        if not np.isnan(r["patients"])
    }


def read_responders(doc: Document) -> dict[int, int]:
    """The printed numbers of responders by their percentage, from share and number."""
    found = {}
    for table in all_tables(doc):
        if "rule" in table.header and "share" in table.header:
            for row in (dict(zip(table.header, r, strict=True)) for r in table.rows):
                rule, share = re.search(r"≥(\d+)% better", row["rule"]), row["share"]
                if rule and share != "–":
                    total = int(row["patients, about"])
                    found[int(rule[1])] = 5 * round(int(share.rstrip("%")) / 100 * total / 5)
    return found


def counts_of(x: np.ndarray, low: int) -> np.ndarray:
    return np.bincount((x - low).astype(int), minlength=TOP - low + 1)


@dataclass
class Pairs:
    """What is known about pairs of scores: linear forms of the number of patients in each of the
    121 pairs, with their limits.
    """

    rows: list[np.ndarray]
    low: list[float]
    high: list[float]

    def must(self, form: np.ndarray, low: float, high: float) -> None:
        self.rows.append(form.ravel().astype(float))
        self.low.append(low)
        self.high.append(high)

    def agrees(self, cells: np.ndarray) -> bool:
        told = np.array(self.rows) @ cells.ravel()
        return bool(
            ((told >= np.array(self.low) - 1e-6) & (told <= np.array(self.high) + 1e-6)).all()
        )


GRID_B, GRID_A = np.meshgrid(np.arange(TOP + 1), np.arange(TOP + 1), indexing="ij")
FORMS = {"before": GRID_B, "after": GRID_A, "change": GRID_A - GRID_B}


def known(doc: Document, before: np.ndarray, after: np.ndarray) -> Pairs | None:
    """Everything that the report and the exact number and sums tell; None where no mean is out."""
    n, ones = len(before), np.ones_like(GRID_B)
    made = Pairs([], [], [])
    made.must(ones, n, n)
    means = read_means(doc)
    if not means:
        return None
    values = {"before": before, "after": after, "change": after - before}
    for name, (_, low, high) in means.items():
        total = float(values[name].sum())
        made.must(FORMS[name], total, total)
        if low:
            spare = 0.5 * 10.0 ** -digits(low) + 1e-9
            m, t = total / n, float(stats.t.ppf(0.975, n - 1))
            halves = (
                max(0.0, m - number_of(low) - spare, number_of(high) - spare - m),
                min(m - number_of(low) + spare, number_of(high) + spare - m),
            )
            ends = [(h * np.sqrt(n) / t) ** 2 * (n - 1) + total**2 / n for h in halves]
            made.must(FORMS[name] ** 2, ends[0] - 1e-6, ends[1] + 1e-6)
    fall = np.where(GRID_B > 0, (GRID_B - GRID_A) / np.maximum(GRID_B, 1), -1.0)
    for percent, shown in read_responders(doc).items():
        made.must(fall >= percent / 100 - 1e-9, shown - 2, shown + 2)
    some = GRID_B > 0
    forms = {
        "worse": (GRID_A > GRID_B) & some,
        "same, or less than 30% better": (GRID_A <= GRID_B) & (fall < 0.3 - 1e-9) & some,
        "30% to 49% better": (fall >= 0.3 - 1e-9) & (fall < 0.5) & some,
        "50% better or more": (fall >= 0.5) & some,
    }
    for label, shown in read_bands(doc).items():
        made.must(forms[label], shown - 2, shown + 2)
    return made


def decoded(given: Pairs, before: np.ndarray, after: np.ndarray, rng: np.random.Generator) -> int:
    """How many scores (before, after, change) with a count of 1 to 7 have one possible count."""
    true = np.zeros((TOP + 1, TOP + 1), dtype=int)
    np.add.at(true, (before.astype(int), after.astype(int)), 1)
    assert given.agrees(true), "the truth must agree with what is printed"
    margins = {name: _margin(name, true) for name in FORMS}
    open_ = {name: np.zeros(len(m), dtype=bool) for name, m in margins.items()}
    pairs = np.argwhere(true > 0)
    for _ in range(400):
        cells = true.copy()
        for _ in range(int(rng.integers(1, 3))):
            _exchange(cells, pairs, rng)
        if cells.min() >= 0 and given.agrees(cells):
            for name, m in margins.items():
                open_[name] |= _margin(name, cells) != m
    left = 0
    for name, m in margins.items():
        for k in np.flatnonzero((m > 0) & (m <= SMALL) & ~open_[name]):
            left += not _other_count(given, name, int(k), int(m[k]))
    return left


def _margin(name: str, cells: np.ndarray) -> np.ndarray:
    low = -TOP if name == "change" else 0
    made = np.zeros(TOP - low + 1, dtype=int)
    np.add.at(made, FORMS[name].ravel() - low, cells.ravel())
    return made


def _exchange(cells: np.ndarray, pairs: np.ndarray, rng: np.random.Generator) -> None:
    """One patient's score up and another's down by one, before or after or both."""
    i, j = pairs[rng.integers(len(pairs), size=2)]
    for (b, a), sign in ((i, 1), (j, -1)):
        cells[b, a] -= 1
        kind = rng.integers(3) if sign > 0 else kind  # noqa: F821
        b, a = b + sign * (kind != 1), a + sign * (kind != 0)
        if not (0 <= b <= TOP and 0 <= a <= TOP):
            cells[:] = -1
            return
        cells[b, a] += 1


def _other_count(given: Pairs, name: str, k: int, true: int) -> bool:
    """Whether integer programming finds another count of one score."""
    low = -TOP if name == "change" else 0
    aim = (FORMS[name] - low == k).ravel().astype(float)
    rule = LinearConstraint(np.array(given.rows), given.low, given.high)
    for ends in ((-np.inf, true - 1), (true + 1, np.inf)):
        answer = milp(
            np.zeros(aim.size),
            constraints=[rule, LinearConstraint(aim, *ends)],
            integrality=np.ones(aim.size),
            bounds=Bounds(0, np.inf),
            options={"time_limit": 20.0},
        )
        if answer.x is not None and given.agrees(np.round(answer.x)):
            return True
    return False


def attack_groups(count: int, seed: int, *, start: int = 0) -> Tried:
    """Attack so many small groups through the whole shared report."""
    tried = Tried()
    with without_internal_chapters(), tempfile.TemporaryDirectory() as place:
        for i in range(start, start + count):
            rng = np.random.default_rng([seed, i])
            study = small_group(rng, i)
            doc = build(study, PLAN, audience="share", ledger=Path(place) / LEDGER)
            pairs = study.pairs("pain", **ASK)
            given = known(doc, pairs.before, pairs.after)
            tried.count["groups"] += 1
            if given is not None:
                tried.count["groups with a released mean"] += 1
                bad = decoded(given, pairs.before, pairs.after, rng)
                if bad:
                    tried.found.append(f"group {i}: {bad} counts decoded")
    return tried


def decoded_by_the_old_rule(count: int, seed: int) -> int:
    """How many groups fall where mean and interval of eight patients or more go out: the attack
    itself must work.
    """
    bad = 0
    for i in range(count):
        rng = np.random.default_rng([seed, i])
        pairs = small_group(rng, i).pairs("pain", **ASK)
        n, given = len(pairs.before), Pairs([], [], [])
        given.must(np.ones_like(GRID_B), n, n)
        for name, x in (("before", pairs.before), ("after", pairs.after)):
            total, m = float(x.sum()), float(x.mean())
            half = float(stats.t.ppf(0.975, n - 1) * x.std(ddof=1) / np.sqrt(n))
            shown = round(m + half, 1)
            given.must(FORMS[name], total, total)
            t = float(stats.t.ppf(0.975, n - 1))
            ends = [
                (max(h, 0) * np.sqrt(n) / t) ** 2 * (n - 1) + total**2 / n
                for h in (shown - m - 0.05, shown - m + 0.05)
            ]
            given.must(FORMS[name] ** 2, ends[0] - 1e-6, ends[1] + 1e-6)
        bad += decoded(given, pairs.before, pairs.after, rng) > 0
    return bad


# --- growing clinics ------------------------------------------------------------------------------


@dataclass
class Months:
    """What six reports of one clinic told: counts by name, their sums, and who is in which mean."""

    true: dict[tuple[int, str], int] = field(default_factory=dict)
    shown: dict[tuple[int, str], int] = field(default_factory=dict)
    sums: list[tuple[tuple[int, str], list[tuple[int, str]]]] = field(default_factory=list)
    means: list[dict[tuple[str, str], int]] = field(default_factory=list)
    refused: int = 0

    def add(self, month: int, whole: str, parts: dict[str, int], total: int) -> None:
        self.true[month, whole] = total
        self.true |= {(month, p): n for p, n in parts.items()}
        self.sums.append(((month, whole), [(month, p) for p in parts]))


def growing(rng: np.random.Generator, size: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores and characteristics of all patients who ever join."""
    skew = rng.uniform(0.4, 1.6)
    weight = np.exp(-skew * np.arange(len(LEVELS)))
    before = np.clip(
        np.round(rng.normal(rng.choice([7, 9, 9.6]), rng.choice([1, 2]), size)), 0, TOP
    )
    after = np.clip(before - rng.integers(-1, 6, size), 0, TOP).astype(float)
    after[rng.random(size) < 0.12] = np.nan
    kind = rng.choice(LEVELS, size, p=weight / weight.sum())
    sex = np.where(rng.random(size) < rng.uniform(0.03, 0.5), "male", "female")
    ids = [f"p{i:03d}" for i in range(size)]
    scores = pd.DataFrame({"patient": ids, VISITS[0]: before, VISITS[1]: after})
    return scores, pd.DataFrame({"patient": ids, "diagnosis": kind, "sex": sex})


def month_study(scores: pd.DataFrame, patients: pd.DataFrame, n: int) -> oc.Study:
    long = scores[:n].melt("patient", var_name="visit", value_name="pain")
    return oc.Study(
        long, patients=patients[:n], visits=VISITS, measures={"pain": PAIN}, title="Clinic"
    )


def true_counts(study: oc.Study, month: int, told: Months) -> list[Tally]:
    """What is counted in a month, and which counts add up to which."""
    n, patients = study.enrolled, study.patients
    levels = {
        name: {str(k): int(v) for k, v in patients[name].value_counts().items()}  # type: ignore[index]
        for name in ("diagnosis", "sex")
    }
    for name, groups in levels.items():
        told.add(month, "all", {f"{name} {k}": v for k, v in groups.items()}, n)
    wide = study.wide("pain")
    pairs = study.pairs("pain", **ASK)
    analysed = len(pairs.patients)
    flow = {"analysed": analysed, "no pair": n - analysed}
    told.add(month, "all", flow, n)
    b, a = pairs.before, pairs.after
    fall = np.where(b > 0, (b - a) / np.where(b > 0, b, 1), -1.0)
    k30, k50, worse = (int(x.sum()) for x in (fall >= 0.3, fall >= 0.5, a > b))
    bands = {
        "worse": worse,
        "same, or less than 30% better": analysed - k30 - worse,
        "30% to 49% better": k30 - k50,
        "50% better or more": k50,
    }
    told.add(month, "analysed", bands, analysed)
    told.add(month, "≥30", {"30% to 49% better": k30 - k50, "50% better or more": k50}, k30)
    told.add(month, "analysed", {"≥30": k30, "not ≥30": analysed - k30}, analysed)
    told.add(month, "analysed", {"50% better or more": k50, "not ≥50": analysed - k50}, analysed)
    made = [Tally(g, n, name) for name, g in levels.items()]
    made += [Tally(flow, n, "flow", grows=False), Tally(bands, analysed, "bands")]
    for visit in VISITS:
        seen = wide[visit].dropna().index
        kinds = patients.set_index("patient")["diagnosis"].reindex(seen).value_counts()  # type: ignore[union-attr]
        groups = {str(k): int(v) for k, v in kinds.items()}
        told.add(month, f"seen {visit}", {f"{visit} {k}": v for k, v in groups.items()}, len(seen))
        rest = {f"seen {visit}": len(seen), f"not seen {visit}": n - len(seen)}
        told.add(month, "all", rest, n)
        made.append(Tally(groups, len(seen), visit))
    return made


def read_counts(doc: Document) -> dict[str, str]:
    """Every printed count of a report by its name."""
    whole = re.search(r"about (\d+) patients", doc.subtitle)
    shown = {"all": whole[1]} if whole else {}
    for table in all_tables(doc):
        if table.title.endswith("Characteristics"):
            shown |= {f"{r[0]} {r[1]}": r[2] for r in table.rows}
        elif "mean change" in table.header and table.rows:
            row = dict(zip(table.header, table.rows[0], strict=True))
            shown["analysed"] = row.get("patients, about", "–")
        elif "Scores recorded" in table.title:
            shown |= {f"seen {r[0].replace(' ', '_')}": r[1] for r in table.rows}
    shown |= {k: str(v) for k, v in read_bands(doc).items()}
    for percent, n in read_responders(doc).items():
        shown["≥30" if percent == 30 else "50% better or more"] = str(n)
    for block in all_blocks(doc):
        if isinstance(block, Figure) and block.kind == "course":
            for row in block.result.data["course"].to_dict("records"):
                if row["group"] and not np.isnan(row["n"]):
                    shown[f"{row['visit']} {row['group']}"] = str(int(row["n"]))
    return shown


def by_the_rules(study: oc.Study, tallies: list[Tally], ledger: Ledger) -> dict[str, str]:
    """The same numbers through the release rules alone, without the chapters around them.

    Raises PrivacyError where the report is refused.
    """
    patients, policy = patient_tokens(study, ledger.key), PRESETS["opensafely"]
    if any(0 < c < policy.least for c in ledger.changed(patients)):
        raise PrivacyError("too few are new")
    draft = DisclosureControl(policy, ledger, patients=patients, enrolled=study.enrolled)
    draft.gathering = True
    _numbers(study, tallies, draft)
    control = DisclosureControl(
        policy, ledger, patients=patients, enrolled=study.enrolled, tables=draft.tables
    )
    shown = _numbers(study, tallies, control)
    ledger.add(patients, study, control.tables)
    return shown


def _numbers(study: oc.Study, tallies: list[Tally], control: DisclosureControl) -> dict[str, str]:
    if not control.gathering:
        reckon_with(study, [(q, PAIN) for q in MONTHLY], control)
    n, shown = study.enrolled, {"all": control.count(study.enrolled)}
    pairs = study.pairs("pain", **ASK)
    first, last = (pd.Series(x, pairs.patients) for x in (pairs.before, pairs.after))
    shown["analysed"] = control.count(len(first))
    if len(first):
        before, after = VISITS
        parts = {
            "before": {before: (1, first)},
            "after": {after: (1, last)},
            "change": {after: (1, last), before: (-1, first)},
        }
        control.linked(PAIN, parts, 1, what="change")
    bands = next(t.groups for t in tallies if t.name == "bands")
    k50 = bands["50% better or more"]
    for name, k in (("≥30", k50 + bands["30% to 49% better"]), ("50% better or more", k50)):
        if not np.isnan(control.share(k, len(first)).value):
            shown[name] = control.count(k)
    for visit in VISITS:
        seen = study.wide("pain")[visit].dropna()
        shown[f"seen {visit}"] = control.count(len(seen), of=n)
        kinds = study.patients.set_index("patient")["diagnosis"].reindex(seen.index)  # type: ignore[union-attr]
        for _, x in seen.groupby(kinds):
            control.mean(PAIN, {visit: (1, x)}, 1)
    for t in tallies:
        texts = control.counts(t.groups, t.total, t.name, grows=t.grows)
        own = {"flow": "", "bands": ""}.get(t.name, f"{t.name} ")
        shown |= {f"{own}{k}": v for k, v in texts.items() if v.isdigit()}
    return shown


GROWS = ("diagnosis", "sex", "all")


def counts_decoded(told: Months) -> list[str]:
    """The hidden counts of 1 to 7 of any month that only one whole number agrees with."""
    names = sorted(told.true)
    place = {p: i for i, p in enumerate(names)}
    rows, low, high = list[np.ndarray](), list[float](), list[float]()
    for whole, parts in told.sums:
        row = np.zeros(len(names))
        row[place[whole]] = 1
        row[[place[p] for p in parts]] = -1
        rows.append(row)
        low.append(0)
        high.append(0)
    for (month, name), i in place.items():
        if name.startswith(GROWS) and (month + 1, name) in place:
            row = np.zeros(len(names))
            row[place[month + 1, name]], row[i] = 1, -1
            rows.append(row)
            low.append(0)
            high.append(np.inf)
    ends = np.array(
        [
            (max(s - 2, SMALL + 1), s + 2) if (s := told.shown.get(p)) is not None else (0, 10_000)
            for p in names
        ],
        dtype=float,
    )
    truth = np.array([told.true[p] for p in names], dtype=float)
    wrong = (truth < ends[:, 0]) | (truth > ends[:, 1])
    assert not wrong.any(), [(names[i], truth[i], ends[i]) for i in np.flatnonzero(wrong)]
    rule = LinearConstraint(np.array(rows), low, high)
    found, solutions = [], [truth]
    for p, i in place.items():
        if not 1 <= told.true[p] <= SMALL or any(s[i] != truth[i] for s in solutions):
            continue
        for lo, hi in ((truth[i] + 1, 10_000), (0, truth[i] - 1)):
            own = ends.copy()
            own[i] = max(own[i, 0], lo), min(own[i, 1], hi)
            if own[i, 0] > own[i, 1]:
                continue
            answer = milp(
                np.zeros(len(names)),
                constraints=rule,
                integrality=np.ones(len(names)),
                bounds=Bounds(own[:, 0], own[:, 1]),
            )
            if answer.x is not None:
                solutions.append(np.round(answer.x))
                break
        else:
            found.append(f"{p[1]} of month {p[0] + 1} is {told.true[p]}")
    return found


def sums_decoded(told: Months) -> list[str]:
    """Sums of the scores of fewer than eight patients that follow from all released means.

    Patients in the same means with the same weights form a class. Each class of few patients, and
    each two of them, is tried: whether its sum is a combination of the released ones, by rank.
    """
    columns: dict[tuple[str, str], dict[int, int]] = {}
    for i, mean in enumerate(told.means):
        for c, w in mean.items():
            columns.setdefault(c, {})[i] = w
    owners: dict[str, list[tuple[str, tuple[tuple[int, int], ...]]]] = {}
    for (patient, visit), made in columns.items():
        owners.setdefault(patient, []).append((visit, tuple(sorted(made.items()))))
    classes: dict[tuple[Any, ...], int] = Counter(tuple(sorted(v)) for v in owners.values())
    places = [(k, part) for k in classes for part in k]
    matrix = np.zeros((len(told.means), len(places)))
    for j, (_, (_, entries)) in enumerate(places):
        for i, w in entries:
            matrix[i, j] = w
    if not len(matrix):
        return []
    small = [k for k, size in classes.items() if size <= SMALL]
    found = []
    full = np.linalg.matrix_rank(matrix)
    tries = [(k,) for k in small] + [
        (a, b) for x, a in enumerate(small) for b in small[:x] if classes[a] + classes[b] <= SMALL
    ]
    for some in tries:
        outside = matrix[:, [j for j, (k, _) in enumerate(places) if k not in some]]
        if (np.linalg.matrix_rank(outside) if outside.size else 0) < full:
            found.append(f"a sum of {sum(classes[k] for k in some)} patients")
    return found


@contextmanager
def listening(told: list[Months]) -> Iterator[None]:
    """Note for each released mean which scores of whom it is the sum of."""
    mean = DisclosureControl.mean

    def heard(self: DisclosureControl, outcome: Any, visits: Any, digits: int, **more: Any) -> Any:
        e = mean(self, outcome, visits, digits, **more)
        if not self.gathering and not e.hidden:
            told[-1].means.append({(p, v): w for v, (w, x) in visits.items() for p in x.index})
        return e

    linked = DisclosureControl.linked

    def heard_linked(self: DisclosureControl, *args: Any, **more: Any) -> Any:
        before = len(told[-1].means) if told else 0
        made = linked(self, *args, **more)
        if any(e.hidden for e in made.values()):
            del told[-1].means[before:]  # all are withheld where one is
        return made

    with (
        patch.object(DisclosureControl, "mean", heard),
        patch.object(DisclosureControl, "linked", heard_linked),
    ):
        yield


def attack_clinics(
    count: int, seed: int, *, start: int = 0, months: int = 6, whole: bool = False
) -> Tried:
    """Attack so many growing clinics through their monthly shared reports: the whole report, or
    the same numbers through its release rules alone.
    """
    tried, told = Tried(), list[Months]()
    with without_internal_chapters(), listening(told), tempfile.TemporaryDirectory() as place:
        for i in range(start, start + count):
            rng = np.random.default_rng([seed, 1, i])
            told.append(Months())
            scores, patients = growing(rng, 400)
            n, ledger = int(rng.integers(12, 60)), Path(place) / f"{i}" / LEDGER
            ledger.parent.mkdir()
            kept = Ledger()
            for month in range(months):
                before = len(told[-1].means)
                study = month_study(scores, patients, n)
                tallies = true_counts(study, month, told[-1])
                try:
                    if whole:
                        shown = read_counts(published(study, MONTHLY, ledger))
                    else:
                        shown = by_the_rules(study, tallies, kept)
                except PrivacyError:
                    del told[-1].means[before:]
                    tried.count["reports refused"] += 1
                else:
                    tried.count["reports"] += 1
                    for name, text in shown.items():
                        if text.isdigit() and (month, name) in told[-1].true:
                            told[-1].shown[month, name] = int(text)
                n += int(rng.integers(2, 30))
            tried.count["clinics"] += 1
            tried.count["means"] += len(told[-1].means)
            tried.count["counts shown"] += len(told[-1].shown)
            tried.count["counts of 1 to 7"] += sum(1 <= v <= SMALL for v in told[-1].true.values())
            for what in (*counts_decoded(told[-1]), *sums_decoded(told[-1])):
                tried.found.append(f"clinic {i}: {what}")
    return tried


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--groups", type=int, default=1000)
    parser.add_argument("--clinics", type=int, default=1000)
    parser.add_argument("--whole", type=int, default=20, help="clinics by the whole report")
    parser.add_argument("--start", type=int, default=0, help="the first group and clinic")
    said, bad = parser.parse_args(), 0
    for job in (
        lambda: attack_groups(said.groups, said.seed, start=said.start),
        lambda: attack_clinics(said.whole, said.seed, start=said.start, whole=True),
        lambda: attack_clinics(said.clinics, said.seed + 1, start=said.start),
    ):
        begun, result = time.monotonic(), job()
        bad += len(result.found)
        counted = ", ".join(f"{n} {what}" for what, n in result.count.items())
        print(*result.found, sep="\n")
        print(
            f"{counted}; {len(result.found)} decoded; {time.monotonic() - begun:.0f} s", flush=True
        )
    sys.exit(1 if bad else 0)
