"""The report for sharing under attack: differencing, linear programming, percentages, and seeded
canaries.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog

import outcomes as oc
from outcomes.core.errors import PrivacyError, StudyError
from outcomes.core.estimate import Estimate
from outcomes.core.flow import Counts
from outcomes.core.measure import Measure
from outcomes.core.result import Results
from outcomes.reporting import LEDGER, build, write_report, write_reports, write_snapshot
from outcomes.reporting.chapters.patient_flow import _by_arm, _flow
from outcomes.reporting.document import (
    Bullets,
    Document,
    Figure,
    Flow,
    KeyNumber,
    KeyNumbers,
    Paragraph,
    Section,
    TableBlock,
    all_blocks,
    all_tables,
    blocks_of,
    on_paper,
)
from outcomes.reporting.numbers import (
    Count,
    Difference,
    Division,
    Fixed,
    Part,
    Said,
    Share,
    Tally,
    Value,
)
from outcomes.reporting.release.control import DisclosureControl
from outcomes.reporting.release.ledger import Ledger, Record, recorded
from outcomes.reporting.release.numbers import Releaser
from outcomes.reporting.release.policy import PRESETS
from outcomes.reporting.release.sections import Filter
from outcomes.reporting.release.tables import CountTables
from outcomes.reporting.render import docx as docx_format
from outcomes.reporting.render import html as html_format
from outcomes.reporting.render import pdf as pdf_format
from outcomes.stats.proportions.two_groups import risk_difference
from outcomes.study.study import Study
from outcomes.tables.results_table import Table
from tests.builders import PAIN, two_visits
from tests.contract.small import small

SAMPLES = Path(__file__).resolve().parents[2] / "data" / "sample"

LEVELS = ["CRPS", "neuropathy", "arthritis", "cancer pain", "fibromyalgia", "phantom pain"]


def clinic(n: int, seed: int, *, skew: float = 1.0) -> Study:
    """A study whose first n patients are the same for every n: it grows as a clinic does."""
    rng = np.random.default_rng(seed)
    size = 400
    before = rng.integers(3, 11, size).astype(float)
    after = np.clip(before - rng.integers(-1, 6, size), 0, 10).astype(float)
    after[rng.random(size) < 0.15] = np.nan
    weight = np.exp(-skew * np.arange(len(LEVELS)))
    kind = rng.choice(LEVELS, size, p=weight / weight.sum())
    ids = [f"p{i:03d}" for i in range(n)]
    scores = pd.DataFrame(
        {
            "patient": ids * 2,
            "visit": ["baseline"] * n + ["week_4"] * n,
            "pain": [*before[:n], *after[:n]],
        }
    )
    patients = pd.DataFrame({"patient": ids, "diagnosis": kind[:n]})
    return Study(
        scores,
        patients=patients,
        visits=("baseline", "week_4"),
        measures={"pain": PAIN},
        title="Clinic",
    )


PLAN = oc.Plan(
    oc.Describe(characteristics=("diagnosis",)),
    oc.PairedT("pain", before="baseline", after="week_4", role="primary"),
    oc.Responders("pain", before="baseline", after="week_4"),
    oc.Course("pain"),
    oc.Course("pain", by="diagnosis"),
)


def shared(study: Study, ledger: Path, policy: str = "opensafely") -> Document:
    return published(study, PLAN, ledger, policy)


def published(study: Study, plan: oc.Plan, ledger: Path, policy: str = "opensafely") -> Document:
    doc = build(study, plan, audience="share", ledger=ledger, policy=policy)
    with recorded(doc.record):
        return doc


def find(doc: Document, start: str) -> Table:
    return next(t for t in all_tables(doc) if start in t.title)


def cells(table: Table) -> dict[str, str]:
    """The first row of a table by the heads of its columns."""
    return dict(zip(table.header, table.rows[0], strict=True))


def told(doc: Document) -> tuple[int, dict[str, int]]:
    """Everybody's number and the shown counts of the characteristics, as an attacker reads them."""
    whole = int(re.search(r"about (\d+) patients", doc.subtitle)[1])  # type: ignore[index]
    return whole, {r[1]: int(r[2]) for r in find(doc, "Characteristics").rows if r[2].isdigit()}


def ranges(reports: list[tuple[int, dict[str, int]]]) -> dict[str, tuple[float, float]]:
    """What linear programming says about each hidden count of the last report.

    The attacker knows the names of all groups, that groups add up to everybody, that patients only
    join, and the rounding.
    """
    k, months = len(LEVELS), len(reports)
    bounds, a, b = [], [], []
    for whole, shown in reports:
        bounds += [(shown[g] - 2, shown[g] + 2) if g in shown else (0, whole) for g in LEVELS]
    for m, (whole, _) in enumerate(reports):
        row = np.zeros(k * months)
        row[m * k : (m + 1) * k] = 1
        a += [row, -row]
        b += [whole + 2, -(whole - 2)]
        if m:
            for g in range(k):
                grows = np.zeros(k * months)
                grows[(m - 1) * k + g], grows[m * k + g] = 1, -1
                a.append(grows)
                b.append(0)
    out = {}
    for g, name in enumerate(LEVELS):
        if name not in reports[-1][1]:
            aim = np.zeros(k * months)
            aim[(months - 1) * k + g] = 1
            ends = [
                linprog(s * aim, A_ub=np.array(a), b_ub=np.array(b), bounds=bounds) for s in (1, -1)
            ]
            assert all(e.status == 0 for e in ends)
            out[name] = (ends[0].fun, -ends[1].fun)
    return out


@pytest.mark.parametrize("seed", range(12))
def test_linear_programming_pins_no_hidden_count(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    n, reports, months = int(rng.integers(30, 60)), [], []
    for _ in range(3):
        study = clinic(n, seed, skew=0.5 + 0.1 * seed)
        months.append(told(shared(study, tmp_path / LEDGER)))
        reports.append(study.patients["diagnosis"].value_counts())  # type: ignore[index]
        n += int(rng.integers(8, 40))
    for name, (low, high) in ranges(months).items():
        true = reports[-1].get(name, 0)
        assert low - 1e-6 <= true <= high + 1e-6
        assert high - low >= 3 - 1e-6, f"{name}: {true} lies in {low} to {high}"
    for month, truth in zip(months, reports):
        assert all(truth[g] > 7 for g in month[1])
        assert all(v % 5 == 0 for v in month[1].values())


def mean_ranges(sums: list[tuple[float, float, int]], patients: int) -> np.ndarray:
    """The range of each patient's score, for an attacker who knows who is in each mean and how many
    they are.
    """
    a, b = [], []
    for low, high, n in sums:
        row = np.r_[np.ones(n), np.zeros(patients - n)]
        a += [row, -row]
        b += [high * n, -low * n]
    width = []
    for i in (0, patients - 1):
        aim = np.zeros(patients)
        aim[i] = 1
        ends = [
            linprog(s * aim, A_ub=np.array(a), b_ub=np.array(b), bounds=[(0, 10)] * patients)
            for s in (1, -1)
        ]
        width.append(-ends[1].fun - ends[0].fun)
    return np.array(width)


def test_differencing_two_reports_tells_no_score(tmp_path: Path) -> None:
    sums, n = [], 20
    for add in (10, 12, 20, 0):
        study = clinic(n, 3)
        row = cells(find(shared(study, tmp_path / LEDGER), "Change of the same patients"))
        pairs = len(study.pairs("pain", before="baseline", after="week_4").patients)
        if (first := row["mean before"]) != "–":  # fewer than 8 new patients may have both scores
            sums.append((float(first) - 0.05, float(first) + 0.05, pairs))
        n += add
    assert len(sums) >= 3
    assert (mean_ranges(sums, sums[-1][2]) > 8).all()
    # the attack itself works: two exact means with one patient between them
    x = clinic(21, 3).wide("pain")["baseline"].to_numpy()
    exact = [(x[:k].mean() - 0.005, x[:k].mean() + 0.005, k) for k in (20, 21)]
    assert mean_ranges(exact, 21)[1] < 1


@pytest.mark.parametrize("more", [1, 3, 7])
def test_a_report_on_few_new_patients_is_refused(more: int, tmp_path: Path) -> None:
    shared(clinic(40, 5), tmp_path / LEDGER)
    before = (tmp_path / LEDGER).read_bytes()
    with pytest.raises(PrivacyError, match="fewer than 8"):
        shared(clinic(40 + more, 5), tmp_path / LEDGER)
    assert (tmp_path / LEDGER).read_bytes() == before
    shared(clinic(48, 5), tmp_path / LEDGER)
    with pytest.raises(PrivacyError):  # against an older report, too
        shared(clinic(40 + more, 5), tmp_path / LEDGER)


def test_one_corrected_or_withdrawn_patient_is_refused_and_the_same_again_is_not(
    tmp_path: Path,
) -> None:
    study = clinic(60, 6)
    first = shared(study, tmp_path / LEDGER)
    again = shared(study, tmp_path / LEDGER)
    assert html_format.render(first) == html_format.render(again)
    scores = study.scores.copy()
    scores.loc[0, "pain"] = 0.0
    for changed in (
        Study(scores, patients=study.patients, visits=study.visits, measures=study.measures),
        study.where(lambda f: f.index != "p007"),
    ):
        with pytest.raises(PrivacyError):
            shared(changed, tmp_path / LEDGER)


def test_a_mean_over_nearly_the_same_patients_is_shown_once(tmp_path: Path) -> None:
    control = DisclosureControl(PRESETS["nhs"], Ledger("k"))
    x = pd.Series(np.arange(30) % 10.0, index=[f"p{i}" for i in range(30)])
    for part, shown in ((x, True), (x.iloc[:29], False), (x.iloc[:15], True), (x.iloc[:10], False)):
        assert control.mean(PAIN, {"w4": (1, part)}, 1).hidden != shown
    assert control.hidden == 2


def test_the_mean_of_patients_who_are_all_alike_tells_each_of_them_and_is_withheld(
    tmp_path: Path,
) -> None:
    n = 20
    ids = [f"p{i:03d}" for i in range(n)]
    before, after = np.full(n, 10.0), np.tile([0.0, 4, 9, 5], n // 4)
    scores = pd.DataFrame(
        {"patient": ids * 2, "visit": ["baseline"] * n + ["week_4"] * n, "pain": [*before, *after]}
    )
    study = Study(scores, visits=("baseline", "week_4"), measures={"pain": PAIN}, title="Alike")
    plan = oc.Plan(
        oc.PairedT("pain", before="baseline", after="week_4", role="primary"), oc.Course("pain")
    )
    doc = published(study, plan, tmp_path / LEDGER)
    row = cells(find(doc, "Change of the same patients"))
    means = [row[h] for h in ("mean before", "mean after", "mean change")]
    assert means == ["–", "–", "–"]  # two of the three would tell the third
    assert [
        row[0]
        for t in all_tables(doc)
        if "numbers" in t.title
        for row in t.rows
        if row[0] in study.visits
    ] == []
    assert "10.0" not in html_format.render(doc)


def patient_widths(
    sums: list[tuple[np.ndarray, float, float]], patients: int, high: float
) -> np.ndarray:
    """How wide each patient's score stays open to one who knows who is in every mean, and solves
    for all means at once.
    """
    a = np.array([s * row for row, _, _ in sums for s in (1, -1)])
    b = np.array([s * row.sum() * end for row, lo, hi in sums for s, end in ((1, hi), (-1, lo))])
    width = []
    for i in range(patients):
        aim = np.eye(patients)[i]
        ends = [
            linprog(s * aim, A_ub=a, b_ub=b, bounds=[(0, high)] * patients).fun for s in (1, -1)
        ]
        width.append(-ends[1] - ends[0])
    return np.array(width)


def test_all_means_of_a_visit_together_tell_no_score(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Overall, of completers, and by three overlapping groupings: exact membership known, every
    mean known to a tenth.
    """
    seen: list[tuple[str, list[str], float, int]] = []
    mean = DisclosureControl.mean

    def told(self: DisclosureControl, outcome: Any, visits: Any, digits: int, **more: Any) -> Any:
        e = mean(self, outcome, visits, digits, **more)
        if not self.gathering and not e.hidden and list(visits) == ["baseline"]:
            seen.append(("baseline", list(visits["baseline"][1].index), e.value, e.digits))
        return e

    monkeypatch.setattr(DisclosureControl, "mean", told)
    rng = np.random.default_rng(3)
    sex, site = rng.choice(["f", "m"], 120), rng.choice(["A", "B", "C"], 120)
    groupings = [
        oc.Course("pain"),
        *(oc.Course("pain", by=g) for g in ("diagnosis", "sex", "site")),
    ]
    plan = oc.Plan(
        oc.PairedT("pain", before="baseline", after="week_4", role="primary"), *groupings
    )
    for n in (90, 120):  # and again with more patients, beside the first
        grown = clinic(n, 21, skew=0.4)
        patients = grown.patients.assign(sex=sex[:n], site=site[:n])  # type: ignore[union-attr]
        study = Study(grown.scores, patients=patients, visits=grown.visits, measures=grown.measures)
        published(study, plan, tmp_path / LEDGER)
    ids = list(study.patient_ids)
    sums = [
        (np.isin(ids, who).astype(float), value - 0.5 * 10.0**-k, value + 0.5 * 10.0**-k)
        for _, who, value, k in seen
    ]
    assert len(sums) > 4
    assert patient_widths(sums, len(ids), 10).min() > 8


@pytest.mark.parametrize("policy", sorted(PRESETS))
def test_every_number_obeys_the_policy(policy: str, tmp_path: Path) -> None:
    rule = PRESETS[policy]
    doc = shared(clinic(150, 9), tmp_path / LEDGER, policy)
    whole, shown = told(doc)
    assert whole % rule.base == 0 and all(
        v > rule.hidden and v % rule.base == 0 for v in shown.values()
    )
    for row in find(doc, "Scores recorded").rows:
        assert int(row[1]) % 5 == 0
        assert row[2] == f"{int(100 * int(row[1]) / whole + 0.5)}%"
    for row in find(doc, "Responders").rows:
        if row[3] != "–":
            ks = [
                k
                for k in range(0, int(row[2]) + 1, 5)
                if f"{int(100 * k / int(row[2]) + 0.5)}%" == row[3]
            ]
            assert ks, "a share comes from rounded counts"
    for t in all_tables(doc):
        heads = " ".join(t.header).lower()
        assert not re.search(r"\b(min|max|minimum|maximum|median|quartile|sd|p|range)\b", heads)


def test_a_rare_group_or_side_effect_is_not_even_named(tmp_path: Path) -> None:
    study = clinic(100, 2, skew=1.4)
    counts = study.patients["diagnosis"].value_counts()  # type: ignore[index]
    rare = [g for g, n in counts.items() if n <= 7]
    assert rare
    page = html_format.render(shared(study, tmp_path / LEDGER))
    assert [g for g in rare if str(g) in page] == []


# --- the choke point ------------------------------------------------------------------------------


def test_nothing_uncleared_can_be_rendered_for_sharing(document: Document) -> None:
    bare = Document("t", "s", (Section("x", (Paragraph("5 patients"),)),), audience="share")
    for render in (html_format.render, pdf_format.render, docx_format.render):
        with pytest.raises(PrivacyError, match="has not passed a disclosure policy"):
            render(bare)
    with pytest.raises(PrivacyError):
        list(all_blocks(Document("t", "s", document.sections, audience="share")))


def test_the_desk_clears_only_numbers_it_issued(document: Document) -> None:
    control = DisclosureControl(PRESETS["opensafely"], Ledger("k"))
    text = control.count(23)
    assert text == "25" and control.count(7) == "≤7" and control.count(0) == "≤7"
    control.release(Paragraph(f"about {text} patients"))
    control.name("PROMIS-29")
    control.release(Paragraph("PROMIS-29 in 25"))
    blocks = (
        Paragraph("23 patients"),
        Paragraph("29"),
        KeyNumbers((KeyNumber("6.5", "mean"),)),
        TableBlock(Table("t", ("a",), (("24",),))),
        TableBlock(Table("t", ("a",), (), ("n=3",))),
    )
    for block in blocks:
        with pytest.raises(PrivacyError):
            control.release(block)
    slopes = next(b for b in all_blocks(document) if isinstance(b, Figure) and b.kind == "slopes")
    with pytest.raises(PrivacyError):
        control.release(slopes)
    with pytest.raises(PrivacyError, match="draws single patients"):
        control.release(Figure(slopes.result, "slopes", "words", "words"))


def test_no_picture_of_the_shared_sample_draws_a_patient(results: Results, tmp_path: Path) -> None:
    doc = build(results.study, results, audience="share", ledger=tmp_path / LEDGER)
    figures = [b for b in all_blocks(doc) if isinstance(b, Figure)]
    assert {f.kind for f in figures} == {"bands", "course", "dots"}
    assert all(len(frame) < 60 for f in figures for frame in f.result.data.values())


def test_a_broken_ledger_or_an_unknown_policy_is_refused(results: Results, tmp_path: Path) -> None:
    (tmp_path / LEDGER).write_text("{}")
    with pytest.raises(StudyError, match="not a ledger"):
        build(results.study, results, audience="share", ledger=tmp_path / LEDGER)
    with pytest.raises(StudyError, match="No disclosure policy 'none'"):
        build(results.study, results, audience="share", ledger=tmp_path / "x.json", policy="none")


def test_the_ledger_lies_beside_the_folder_and_holds_no_value(tmp_path: Path) -> None:
    study = clinic(50, 8)
    write_report(study, PLAN, tmp_path / "share" / "report.html", audience="share")
    assert [p.name for p in (tmp_path / "share").iterdir()] == ["report.html"]
    said = (tmp_path / LEDGER).read_text()
    assert not re.search(r'"p0\d\d"|CRPS', said)
    assert (tmp_path / LEDGER).stat().st_mode & 0o077 == 0
    assert Ledger.load(tmp_path / LEDGER).reports


# --- canaries -------------------------------------------------------------------------------------

CANARIES = ("zqxcanaryone", "ZQXCANARYTWO", "zqxpid", "zqxvalue", "zqxeventnote")


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study with a canary in every text a report has no business with."""
    folder = tmp_path_factory.mktemp("seeded")
    study = clinic(40, 4)
    scores = study.scores.assign(
        patient="zqxpid" + study.scores["patient"],
        comment="zqxcanaryone said this",
        pain=study.scores["pain"],
    )
    scores["pain"] = scores["pain"].astype(object)
    scores.loc[3, "pain"] = "zqxvalue"
    scores.to_csv(folder / "scores.csv", index=False)
    study.patients.assign(patient="zqxpid" + study.patients["patient"], note="ZQXCANARYTWO").to_csv(
        folder / "patients.csv", index=False
    )  # type: ignore[union-attr]
    events = pd.DataFrame(
        {
            "patient": ["zqxpidp001", "zqxpidp002"],
            "event": ["nausea", "nausea"],
            "remark": "zqxeventnote",
        }
    )
    events.to_csv(folder / "events.csv", index=False)
    analysis = "".join(
        f'[[analysis]]\nmethod = "{m}"\n{rest}'
        for m, rest in (
            ("Describe", 'characteristics = ["diagnosis"]\n'),
            ("Course", 'outcome = "pain"\n'),
            ("SideEffects", ""),
            (
                "PairedT",
                'outcome = "pain"\nbefore = "baseline"\nafter = "week_4"\nrole = "primary"\n',
            ),
        )
    )
    (folder / "study.toml").write_text(
        '[study]\ntitle = "Seeded"\n[data]\nscores = "scores.csv"\npatients ='
        ' "patients.csv"\nevents = "events.csv"\n[visits]\norder = ["baseline",'
        ' "week_4"]\n[outcomes]\npain = { better = "lower", low = 0, high = 10, resolution = 1'
        f' }}\n[privacy]\ndrop = ["comment", "note", "remark"]\n{analysis}'
    )
    return folder


@pytest.mark.parametrize("audience", ["internal", "share"])
def test_no_canary_flies(audience: str, seeded: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "outcomes",
            "report",
            str(seeded / "study.toml"),
            "--out",
            str(tmp_path),
            "--format",
            "html,pdf,docx,tables",
            "--audience",
            audience,
        ],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    said = {"the log": done.stdout + done.stderr}
    for path in tmp_path.rglob("*"):
        if path.is_file():
            said[path.name] = path.read_bytes() + _inside(path)
    assert len(said) > 8
    for name, data in said.items():
        assert [c for c in CANARIES if c.encode().lower() in data.lower()] == [], name


def _inside(path: Path) -> bytes:
    if path.suffix in (".docx", ".xlsx"):
        with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
            return b"".join(archive.read(n) for n in archive.namelist())
    if path.suffix == ".pdf" and shutil.which("pdftotext"):
        return subprocess.run(["pdftotext", str(path), "-"], capture_output=True, check=True).stdout
    if path.suffix == ".html":
        import base64

        return b"".join(
            base64.b64decode(m) for m in re.findall(rb"base64,([A-Za-z0-9+/=]+)", path.read_bytes())
        )
    return b""


def test_all_formats_of_the_shared_report_agree(tmp_path: Path) -> None:
    study = clinic(90, 12)
    paths = write_reports(study, PLAN, tmp_path / "share", audience="share")
    docx = pytest.importorskip("docx")
    tables = [[[c.text for c in r.cells] for r in t.rows] for t in docx.Document(paths[2]).tables]
    doc = shared(study, tmp_path / LEDGER)
    for t in all_tables(on_paper(doc)):
        assert [[h or "item" for h in t.header], *map(list, t.rows)] in tables


def test_what_stays_at_home_is_its_owners_alone_from_the_first_moment(
    results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    replace = os.replace

    def looked(beside: Any, target: Any) -> Any:
        seen.append(Path(beside).stat().st_mode & 0o077)
        return replace(beside, target)

    monkeypatch.setattr(os, "replace", looked)
    old = os.umask(0)
    try:
        assert results.study is not None
        snapshot = write_snapshot(results.study, results, tmp_path / "run")
        with recorded(Record(tmp_path / LEDGER, "", Ledger("k").text())):
            pass
    finally:
        os.umask(old)
    assert seen == [0, 0, 0] and snapshot.stat().st_mode & 0o077 == 0
    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == sorted(
        [LEDGER, f".{LEDGER}.lock", "shared-ledger.started", "snapshot.json"]
    )


def test_no_direction_is_claimed_that_the_interval_does_not_show(tmp_path: Path) -> None:
    study = clinic(60, 3)
    scores = study.scores.copy()
    later = scores["visit"] == "week_4"
    first = scores.loc[~later, "pain"].to_numpy()
    scores.loc[later, "pain"] = np.clip(first + np.resize([3.0, -3.0, 2.0, -2.0, 0.5], 60), 0, 10)
    doc = shared(replace(study, scores=scores), tmp_path / LEDGER)
    row = find(doc, "Change of the same patients").rows[0]
    said = " ".join(
        b.text for s in doc.sections for b in blocks_of(doc, s) if isinstance(b, Paragraph)
    )
    assert (
        row[-1] == "not clear" and "the direction is not clear" in said and "(better)" not in said
    )


def test_the_ledger_forgets_no_report() -> None:
    ledger, study = Ledger("k"), clinic(20, 3)
    for month in range(64):
        ledger.add(frozenset({f"t{month}"}), study, CountTables())
    assert ledger.reports == [frozenset({f"t{month}"}) for month in range(64)]


@pytest.mark.parametrize("policy", PRESETS)
def test_a_count_at_the_threshold_is_hidden_and_the_next_is_shown(policy: str) -> None:
    desk = DisclosureControl(PRESETS[policy], Ledger("k"))
    at, base = PRESETS[policy].hidden, PRESETS[policy].base
    assert (desk.count(at), desk.count(0), desk.hidden) == (f"≤{at}", f"≤{at}", 2)
    assert desk.count(at + 1) == str(base * int((at + 1) / base + 0.5))


@pytest.mark.parametrize("earlier", [False, True])
def test_a_small_count_of_an_arm_is_not_told_by_the_count_of_everybody(earlier: bool) -> None:
    # about 20 women in all, 10 of them in A: with 18 or more and at most 12, B had 6 or 7
    arms = {
        "sex in A": Tally({"f": 12, "m": 21}, 33, "sex in A"),
        "sex in B": Tally({"f": 6, "m": 23}, 29, "sex in B"),
    }
    everybody = Tally({"f": 18, "m": 44}, 62, "sex")
    study = two_visits([7, 6, 8, 5], [5, 5, 4, 5])
    ledger = Ledger("k")
    control = DisclosureControl(PRESETS["opensafely"], ledger)
    first = Releaser(study, control)
    of_all = {g: first.show(Part(everybody, g)) for g in "fm"}
    assert of_all["f"].text == "20"
    if earlier:  # a report of everybody, before that by arm
        ledger.add(frozenset({"p1"}), study, control.tables)
        control = DisclosureControl(PRESETS["opensafely"], ledger, patients=frozenset({"p1", "p2"}))
    divided = Division(everybody, arms)
    later = Releaser(study, control)
    out = {
        (name, g): later.show(Part(t, g, division=divided))
        for name, t in arms.items()
        for g in "fm"
    }
    assert out["sex in B", "f"].hidden
    assert out["sex in A", "f"].hidden
    assert not out["sex in A", "m"].hidden


def test_a_small_share_of_an_arm_is_not_told_by_the_share_of_everybody() -> None:
    # 18 of 100 responded: 12 of 50 in A, so that B has 6 or 7 if all but B is shown
    control = DisclosureControl(PRESETS["opensafely"], Ledger("k"))
    control.divided_share([(12, 50), (6, 50)])
    out = [not np.isnan(control.share(k, n).value) for k, n in ((18, 100), (12, 50), (6, 50))]
    assert out == [True, False, False]


def test_responders_of_everybody_and_by_arm_in_one_report(tmp_path: Path) -> None:
    arms = ["A"] * 50 + ["B"] * 50
    after = [4.0 if i % 50 < (12 if arm == "A" else 6) else 8.0 for i, arm in enumerate(arms)]
    scores = pd.DataFrame(
        {
            "patient": [f"p{i}" for i in range(100)] * 2,
            "visit": ["pre"] * 100 + ["post"] * 100,
            "pain": [8.0] * 100 + after,
            "arm": arms * 2,
        }
    )
    study = oc.Study(scores, visits=("pre", "post"), design="parallel", measures={"pain": PAIN})
    asked: dict[str, Any] = {"before": "pre", "after": "post", "rules": ("30%",)}
    plan = oc.Plan(oc.CompareResponders("pain", **asked), oc.Responders("pain", **asked))
    doc = build(study, plan, audience="share", ledger=tmp_path / LEDGER)
    numbers = " ".join(" ".join(row) for t in all_tables(doc) for row in t.rows)
    out = [words in numbers for words in ("100 20%", "10 of 50")]
    assert out == [True, False], numbers


def test_the_flow_of_arms_is_not_told_by_the_flow_of_everybody() -> None:
    study = small(120, "parallel")
    why = ("no score", "no score before")
    flow = {"A": Counts(60, 48, ((why[0], 12),)), "B": Counts(60, 53, ((why[0], 6), (why[1], 1)))}
    both = Counts(120, 101, ((why[0], 18), (why[1], 1)))
    result = oc.WelchT("pain", before="baseline", after="week_4").run(study)
    result = replace(result, counts=both, flow=tuple(flow.items()))
    control = DisclosureControl(PRESETS["opensafely"], Ledger("k"))
    passing = Filter(Releaser(study, control), control, sample=False)
    of_all, by_arm = passing.block(_flow(result)), passing.block(_by_arm(result))
    assert isinstance(of_all, Flow) and ("no score", "20") in of_all.steps[0].out
    assert isinstance(by_arm, TableBlock)
    rows = {row[0]: row[1:] for row in by_arm.table.rows}
    assert rows["enrolled"] == ("60", "60")
    # about 10 in A would leave 6 or 7 in B; and nobody looks as a few do
    assert not {"left out: no score", "left out: no score before"} & {*rows}


def test_a_mean_rests_on_one_patient_more_than_the_largest_hidden_count() -> None:
    x = pd.Series([0.0, 9.0, 2.0, 7.0, 4.0, 10.0, 1.0, 6.0], index=[f"p{i}" for i in range(8)])
    control = DisclosureControl(PRESETS["nhs"], Ledger("k"))
    assert control.mean(PAIN, {"w4": (1, x)}, 1).hidden


@pytest.mark.parametrize(
    ("patients", "df", "shown"),
    [(11, 10.0, True), (10, 10.0, False), (60, 9.99, False), (60, 10.0, True), (60, np.nan, False)],
)
def test_a_model_estimate_needs_patients_and_residual_degrees_of_freedom(
    patients: int, df: float, shown: bool
) -> None:
    control = DisclosureControl(PRESETS["nhs"], Ledger("k"))
    e = Estimate("difference", -1.0, -2.5, 0.5, df=df, measure=Measure.DIFFERENCE)
    said = pd.Series(
        [f"{i % 7}|{i % 5}" for i in range(patients)], [f"p{i}" for i in range(patients)]
    )
    made = control.estimate(PAIN, said, e, 1, kind="ANCOVA")
    assert made.hidden != shown
    assert (control.passed[-1].rule.startswith("withheld")) != shown
    assert shown or control.issued == set()


@pytest.mark.parametrize("size", [14, 15, 16, 40])
def test_a_model_of_a_small_group_does_not_go_out(size: int, tmp_path: Path) -> None:
    study = small(size, "parallel")
    q = oc.ANCOVA("pain", before="baseline", after="week_4", by="arm", role="primary")
    groups = study.long("pain").dropna(subset=["value"]).merge(study.patients[["patient", "arm"]])
    least = groups.groupby(["arm_x" if "arm_x" in groups else "arm", "visit"])["patient"].nunique()
    doc = published(study, oc.Plan(q), tmp_path / LEDGER)
    out = any("adjusted difference" in row[0] for t in all_tables(doc) for row in t.rows)
    assert out == (least.min() >= 8)


class _Unknown:
    """A kind of number that no policy has heard of."""


def test_what_the_policy_does_not_know_does_not_go_out(tmp_path: Path) -> None:
    study = clinic(60, 3)
    control = DisclosureControl(PRESETS["nhs"], Ledger("k"))
    passing = Filter(Releaser(study, control), control, sample=False)
    said = Said((Count(23),), lambda n: f"{n.about}{n.text} patients")
    assert passing.block(Paragraph(said)) == Paragraph("about 25 patients")
    assert passing.block(Paragraph("words without a number")) is None
    assert passing.block(Paragraph(Fixed("always the same"))) == Paragraph("always the same")
    assert passing.block(Paragraph(Said((Count(5),), lambda n: "a few"))) is None
    assert passing.block(_Unknown()) is None
    result = oc.SignedRank("pain", before="baseline", after="week_4").run(study)
    shift = Value(result, result.main)
    assert passing.block(Paragraph(Said((shift,), lambda s: s.text))) is None
    assert len(passing.withheld) == 4


def test_a_sentence_that_writes_a_number_of_its_own_does_not_go_out() -> None:
    study = clinic(60, 3)
    control = DisclosureControl(PRESETS["nhs"], Ledger("k"))
    passing = Filter(Releaser(study, control), control, sample=False)
    leak = Section("x", (Paragraph(Said((Count(23),), lambda n: "exactly 23 patients")),))
    assert list(passing.sections([leak])) == []


def test_a_shared_trial_leads_with_the_comparison_and_says_what_is_withheld(
    tmp_path: Path,
) -> None:
    study = oc.read_study(SAMPLES / "parallel" / "study.toml")
    doc = build(study, oc.Plan.of(study), audience="share", ledger=tmp_path / LEDGER)
    front = doc.sections[0]
    keys = next(b for b in blocks_of(doc, front) if isinstance(b, KeyNumbers))
    assert "difference" in keys.items[1].label and "better with ketamine" in keys.items[1].label
    lead = next(b.text for b in blocks_of(doc, front) if getattr(b, "kind", "") == "lead")
    assert "lower with ketamine than with placebo" in lead
    main = next(s for s in doc.sections if s.title == "The main answer")
    assert [b.kind for b in blocks_of(doc, main) if isinstance(b, Figure)] == ["forest"]
    assert {"Responders", "Side effects"} <= {s.title for s in doc.sections}
    said = " ".join(item for b in all_blocks(doc) if isinstance(b, Bullets) for item in b.items)
    assert "Withheld because" in said and "Not in this report: " in said


def test_a_picture_says_which_visit_it_has_not_and_why(results: Results, tmp_path: Path) -> None:
    doc = build(results.study, results, audience="share", ledger=tmp_path / LEDGER)
    figures = [b for b in all_blocks(doc) if isinstance(b, Figure) and b.kind == "course"]
    assert re.search(r"Figure \d+ has no week 4 because with sums released", figures[0].caption)


def test_a_difference_of_shares_tells_no_more_than_the_rounded_counts() -> None:
    control = DisclosureControl(PRESETS["nhs"], Ledger("k"))
    one, other = (
        control.difference(g, r, False) for g, r in (((19, 60), (11, 60)), ((21, 62), (9, 58)))
    )
    assert (one.value, one.low, one.high) == (other.value, other.low, other.high)
    paired = control.difference((19, 60), (11, 60), True)
    assert paired.value == one.value and np.isnan(paired.low) and np.isnan(paired.high)


def test_the_interval_of_a_shared_difference_holds_that_of_the_patients() -> None:
    rng = np.random.default_rng(8)
    for policy in PRESETS.values():
        control = DisclosureControl(policy, Ledger("k"))
        for _ in range(60):
            n1, n2 = (int(n) for n in rng.integers(40, 150, 2))
            k1, k2 = (int(rng.integers(policy.hidden + 1, n - policy.hidden)) for n in (n1, n2))
            shared = control.difference((k1, n1), (k2, n2), False)
            full = risk_difference((k1, n1), (k2, n2))
            assert shared.low <= full.low + 0.0051 and full.high - 0.0051 <= shared.high


def test_a_difference_goes_out_only_where_both_its_shares_do() -> None:
    study = clinic(60, 3)
    result = oc.SignedRank("pain", before="baseline", after="week_4").run(study)
    few, many = Share(3, 60), Share(30, 60)
    for group, reference, out in (
        (many, Share(20, 60), True),
        (few, many, False),
        (many, few, False),
    ):
        releaser = Releaser(study, DisclosureControl(PRESETS["nhs"], Ledger("k")))
        e = Estimate("d", 0.1234, 0.0, 0.2, measure=Measure.SHARE_DIFFERENCE)
        shown = releaser.show(Difference(Value(result, e), group, reference))
        assert (not shown.hidden) == out and np.isnan(shown.estimate.value) != out
        assert "0.12" not in shown.text


def test_a_shared_trial_says_differences_of_responders_and_its_patients_by_arm(
    tmp_path: Path,
) -> None:
    study = oc.read_study(SAMPLES / "parallel" / "study.toml")
    doc = build(study, oc.Plan.of(study), audience="share", ledger=tmp_path / LEDGER)
    tables = {re.sub(r"^Table \d+\. ", "", t.title): t for t in all_tables(doc)}
    responders = next(t for title, t in tables.items() if "responders" in title)
    assert (
        "difference, percentage points (CI)" in responders.header and "P" not in responders.header
    )
    assert any(re.fullmatch(r"−?\d+ \(−?\d+ to −?\d+\)", row[-1]) for row in responders.rows)
    assert "allow for the rounding" in responders.notes[0]
    patients = tables["Characteristics"]
    assert patients.header[2:] == ("ketamine, about", "placebo, about")
    numbers = [cell for row in patients.rows for cell in row[2:]]
    assert {int(n) % 5 for n in numbers if n != "hidden"} == {0}
    assert min(int(n) for n in numbers if n != "hidden") > PRESETS["opensafely"].hidden
    small_levels = {"18-39", "70 or over"}  # 7 or fewer in an arm
    shown = {row[1]: row[2:] for row in patients.rows}
    assert all("hidden" in shown.get(level, ("hidden",)) for level in small_levels)
