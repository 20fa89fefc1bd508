"""Whole clinics to damage: one of each kind of file, each with canaries where patients stand."""

from __future__ import annotations

import gzip
import json
import os
import random
import shutil
import sqlite3
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import pandas as pd
import pyreadstat
from openpyxl import Workbook

from outcomes.cli import main
from tests.readers.sources.servers import TOKEN
from tests.schedule.clinic import write_schedule
from tests.shared import EXPORTS

#: What no message may hold: patients' codes, remarks, scores that stand in no other place, tokens.
CANARIES = ("zqpat", "zqnote", "61313", "31717", TOKEN.lower())
REMARK = "zqnote said so"
HEAD = """[study]
title = "Hostile clinic"
[data]
scores = "{file}"
[roles]
patient = "id"
visit = "visit"
[visits]
order = ["pre", "post"]
[instruments]
pain_nrs = {{ average = "nrs" }}
[privacy]
drop = ["remark"]
[[analysis]]
method = "PairedT"
outcome = "pain_nrs_average"
before = "pre"
after = "post"
role = "primary"
[[analysis]]
method = "Responders"
outcome = "pain_nrs_average"
before = "pre"
after = "post"
"""


@dataclass(frozen=True)
class Attack:
    """A kind of clinic: what writes it, the files to damage, and the commands to run on it."""

    name: str
    write: Callable[[Path, random.Random], None]
    targets: tuple[str, ...]
    commands: tuple[tuple[str, ...], ...]


ON_STUDY = (
    ("check", "study.toml"),
    ("run", "study.toml", "--to", "results.csv"),
    ("score", "study.toml", "--to", "scored.csv"),
)


def scores(rng: random.Random) -> pd.DataFrame:
    """Scores of invented patients; two cells hold values that occur nowhere else."""
    rows = []
    for i in range(12):
        before = rng.randint(4, 9)
        rows += [
            [f"ZQPAT{i:03d}", "pre", str(before), REMARK if i == 2 else ""],
            [f"ZQPAT{i:03d}", "post", str(max(0, before - rng.randint(0, 4))), ""],
        ]
    rows[3][2], rows[7][2] = "6.61313", "8.31717"
    return pd.DataFrame(rows, columns=["id", "visit", "nrs", "remark"])


def _study(folder: Path, file: str) -> None:
    (folder / "study.toml").write_text(HEAD.format(file=file), encoding="utf-8")


def csv(folder: Path, rng: random.Random) -> None:
    """A text table and its study file."""
    scores(rng).to_csv(folder / "scores.csv", index=False, sep=rng.choice(",;\t"))
    _study(folder, "scores.csv")


def xlsx(folder: Path, rng: random.Random) -> None:
    """A workbook and its study file."""
    frame, book = scores(rng), Workbook()
    book.active.append(list(frame))  # type: ignore[union-attr]
    for row in frame.itertuples(index=False):
        book.active.append([float(c) if i == 2 else c for i, c in enumerate(row)])  # type: ignore[union-attr]
    book.save(folder / "scores.xlsx")
    _study(folder, "scores.xlsx")


def ods(folder: Path, rng: random.Random) -> None:
    """An OpenDocument sheet and its study file."""
    from tests.readers.test_opendocument import document

    frame = scores(rng)
    cells = [[float(c) if i == 2 else c for i, c in enumerate(r)] for r in frame.to_numpy()]
    document(folder / "scores.ods", {"Scores": [list(frame), *cells]})
    _study(folder, "scores.ods")


def packed_zip(folder: Path, rng: random.Random) -> None:
    """A text table in a zip archive, packed in a way of this seed."""
    how = rng.choice((zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
    with zipfile.ZipFile(folder / "scores.zip", "w", how) as package:
        package.writestr("scores.csv", scores(rng).to_csv(index=False))
    _study(folder, "scores.zip")


def packed_gz(folder: Path, rng: random.Random) -> None:
    """A text table, packed by gzip."""
    text = scores(rng).to_csv(index=False).encode()
    (folder / "scores.csv.gz").write_bytes(gzip.compress(text))
    _study(folder, "scores.csv.gz")


def _numbers(rng: random.Random) -> pd.DataFrame:
    return scores(rng).assign(nrs=lambda f: f["nrs"].astype(float))


def sav(folder: Path, rng: random.Random) -> None:
    """An SPSS file and its study file."""
    pyreadstat.write_sav(_numbers(rng), str(folder / "scores.sav"))
    _study(folder, "scores.sav")


def xpt(folder: Path, rng: random.Random) -> None:
    """A SAS transport file and its study file."""
    pyreadstat.write_xport(_numbers(rng), str(folder / "scores.xpt"), file_format_version=5)
    _study(folder, "scores.xpt")


def dta(folder: Path, rng: random.Random) -> None:
    """A Stata file and its study file."""
    pyreadstat.write_dta(_numbers(rng), str(folder / "scores.dta"))
    _study(folder, "scores.dta")


def parquet(folder: Path, rng: random.Random) -> None:
    """A Parquet file and its study file."""
    scores(rng).to_parquet(folder / "scores.parquet")
    _study(folder, "scores.parquet")


def fhir(folder: Path, rng: random.Random) -> None:
    """A bundle of observations and its study file."""
    entries = [
        {
            "resource": {
                "resourceType": "Observation",
                "status": "final",
                "code": {"coding": [{"system": "http://loinc.org", "code": "72514-3"}]},
                "subject": {"reference": f"Patient/{row.id}"},
                "effectiveDateTime": f"2026-0{1 + (row.visit == 'post')}-03T08:00:00Z",
                "valueQuantity": {"value": float(row.nrs)},
            }
        }
        for row in scores(rng).itertuples()
    ]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    (folder / "scores.json").write_text(json.dumps(bundle, indent=1), encoding="utf-8")
    (folder / "study.toml").write_text(
        HEAD.format(file="scores.json")
        .replace('visit = "visit"', 'date = "date"')
        .replace('patient = "id"', 'patient = "patient"')
        .replace('"nrs"', '"72514-3"')
        .replace('[visits]\norder = ["pre", "post"]', VISITS)
        .replace('drop = ["remark"]', ""),
        encoding="utf-8",
    )


def redcap(folder: Path, rng: random.Random) -> None:
    """A REDCap export with its dictionary and the study file that `init` writes for it."""
    shutil.copy(EXPORTS / "redcap_data_dictionary.csv", folder / "dictionary.csv")
    text = (EXPORTS / "redcap_raw_long.csv").read_text("utf-8")
    (folder / "scores.csv").write_text(text, encoding="utf-8")
    (folder / "study.toml").write_text(
        '[data]\nscores = { file = "scores.csv", without = ["infusion_log", "demographics"] }\n'
        'infusions = { file = "scores.csv", form = "infusion_log" }\n'
        'dictionary = "dictionary.csv"\nmissing = ["-99", "UNK", "NASK"]\n'
        '[roles]\npatient = "record_id"\nvisit = "redcap_event_name"\ndate = "infusion_date"\n'
        '[visits]\norder = ["baseline_arm_1", "followup_1m_arm_1"]\n'
        '[instruments]\npain_nrs = { average = "nrs_avg" }\n'
        '[privacy]\ndrop = ["pain_survey_timestamp"]\n'
        '[[analysis]]\nmethod = "Describe"\n',
        encoding="utf-8",
    )


def database(folder: Path, rng: random.Random) -> None:
    """An SQLite database and its study file."""
    made = sqlite3.connect(folder / "clinic.sqlite")
    scores(rng).astype({"nrs": float}).to_sql("scores", made, index=False)
    made.close()
    _study(folder, "clinic.sqlite")
    file = folder / "study.toml"
    live = '{ database = "sqlite:///clinic.sqlite", table = "scores" }'
    file.write_text(file.read_text("utf-8").replace('"clinic.sqlite"', live), "utf-8")


def served_redcap(folder: Path, rng: random.Random) -> None:
    """A study that is pulled from a REDCap server; `wire` says what becomes of its answers."""
    redcap(folder, rng)
    (folder / "wire").write_bytes(WHOLE)
    live = f'redcap = "{os.environ["SERVED"]}/api/", token = "env:REDCAP_TOKEN"'
    text = (folder / "study.toml").read_text("utf-8").replace('file = "scores.csv"', live)
    text = text.replace('drop = ["pain_survey_timestamp"]', "drop = []")
    (folder / "study.toml").write_text(text.replace('dictionary = "dictionary.csv"\n', ""), "utf-8")


def served_fhir(folder: Path, rng: random.Random) -> None:
    """A study that is pulled from a FHIR server; `wire` says what becomes of its answers."""
    fhir(folder, rng)
    (folder / "wire").write_bytes(WHOLE)
    live = (
        f'{{ fhir = "{os.environ["SERVED"]}/fhir", token = "env:FHIR_TOKEN",'
        ' resource = "Observation", search = { code = "72514-3" } }'
    )
    text = (folder / "study.toml").read_text("utf-8").replace('"scores.json"', live)
    (folder / "study.toml").write_text(text, "utf-8")


#: What a wire holds that spoils nothing.
WHOLE = b"whole\n" * 40


def language(folder: Path, rng: random.Random) -> None:
    """A study whose reports are in another language and style."""
    csv(folder, rng)
    file = folder / "study.toml"
    code, style = rng.choice(("de", "fr", "es", "pt", "nl")), rng.choice(("apa", "bmj", "lancet"))
    more = f'[study]\nlanguage = "{code}"\nstyle = "{style}"\n'
    file.write_text(file.read_text("utf-8").replace("[study]\n", more), "utf-8")


def instrument(folder: Path, rng: random.Random) -> None:
    """An instrument of one's own with its side file, used by a study."""
    (folder / "mine.toml").write_text(
        'id = "mine"\ntitle = "Mine"\ndomain = "pain"\ndefault_score = "t"\n'
        'licence = "ours"\nreferences = ["us 2024"]\n'
        '[[items]]\ncodes = ["a1", "a2"]\ntitles = ["one", "two"]\nanswers = [0, 10]\n'
        'better = "lower"\n'
        '[[scores]]\nname = "t"\ntitle = "T"\nrange = [20.0, 80.0]\nbetter = "lower"\n'
        'unit = "T"\nresolution = 0.1\nrule = "sum"\nof = ["a1", "a2"]\ntable = "side.csv:t"\n',
        encoding="utf-8",
    )
    lines = [f"t,{i},{20 + 3 * i},1" for i in range(21)]
    (folder / "side.csv").write_text("\n".join(["key,raw,score,se", *lines, ""]), encoding="utf-8")
    frame = scores(rng)
    frame["m_a1"] = frame["m_a2"] = "5"
    frame.to_csv(folder / "scores.csv", index=False)
    (folder / "study.toml").write_text(
        HEAD.format(file="scores.csv").replace(
            'pain_nrs = { average = "nrs" }',
            'pain_nrs = { average = "nrs" }\nmine = { prefix = "m_", file = "mine.toml" }',
        ),
        encoding="utf-8",
    )


def schedule(folder: Path, rng: random.Random) -> None:
    """A schedule with an e-mail address, a webhook and a state that earlier wake-ups left."""
    csv(folder, rng)
    write_schedule(
        folder,
        more='[notify]\non = ["failure", "success"]\n[notify.webhook]\nurl_env = "HOOK"\n'
        '[notify.email]\nhost = "127.0.0.1"\nport = 9\nsecurity = "none"\n'
        'from = "clinic@example.org"\nto = ["a@example.org", "b@example.org"]\n',
        formats=["html"],
    )
    run = folder / "reports" / "2026-09_20261002T050000Z"
    run.mkdir(parents=True)
    (run / "report.html").write_text("old", encoding="utf-8")
    manifest = {
        "number": 1,
        "period": {"label": "2026-09", "start": "2026-09-01", "end": "2026-10-01", "due": ""},
        "started": "2026-10-02T05:00:00+00:00",
        "ended": "2026-10-02T05:01:00+00:00",
        "time_zone": "Europe/Berlin",
        "key": "k",
        "exit_code": 0,
        "plan": {"questions": 2, "unanswered": []},
        "inputs": [{"table": "scores", "sha256": "0", "rows": {"used": 24}}],
        "outputs": [{"file": "report.html", "bytes": 3, "sha256": "0"}],
    }
    (run / "manifest.json").write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    state = {
        run / "delivery.json": {"waiting": ["email", "webhook"], "tried": "2026-10-02T05:00:00Z"},
        folder / "reports" / "wake.json": {"at": "2026-10-02T05:00:00+00:00", "exit_code": 0},
        folder / "reports" / "missed.json": {"told": ["2026-08"]},
        folder / "reports" / "latest.json": {"run": run.name, "files": []},
        folder / "reports" / "failures" / "2026-10_3.json": {
            "period": "2026-10",
            "exit_code": 3,
            "kind": "DataError",
            "first": "2026-11-02T05:00:00+00:00",
            "last": "2026-11-02T05:00:00+00:00",
            "times": 1,
            "told": "",
        },
    }
    for file, said in state.items():
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(said), encoding="utf-8")


def memory(folder: Path, rng: random.Random) -> None:
    """A study that was shared and reported before, and whose plan is frozen."""
    frame = pd.concat([scores(rng).assign(id=lambda f, k=k: f["id"] + f"x{k}") for k in range(6)])
    frame.to_csv(folder / "scores.csv", index=False)
    _study(folder, "scores.csv")
    with patch("outcomes.reporting._render", lambda doc, kind: b"<p>"):
        for words in (
            ["plan", "freeze", "study.toml"],
            ["report", "study.toml", "--out", "."],
            ["report", "study.toml", "--audience", "share", "--out", "."],
        ):
            words = [str(folder / w) if w in ("study.toml", ".") else w for w in words]
            code = main([*words, "--quiet"])
            assert code == 0, (words, code)


VISITS = "[visits]\ndays = { pre = [-7, 7], post = [14, 42] }"
REDCAP = (("init", "scores.csv", "--to", "made.toml"), *ON_STUDY)
ATTACKS: tuple[Attack, ...] = (
    Attack("csv", csv, ("scores.csv",), (*ON_STUDY, ("init", "scores.csv", "--to", "made.toml"))),
    Attack(
        "study",
        csv,
        ("study.toml",),
        (
            *ON_STUDY,
            ("init", "study.toml", "--to", "made.toml"),
            ("plan", "freeze", "study.toml"),
            ("notebook", "before-after", "study.toml"),
        ),
    ),
    Attack(
        "xlsx", xlsx, ("scores.xlsx",), (*ON_STUDY[:2], ("init", "scores.xlsx", "--to", "m.toml"))
    ),
    Attack("ods", ods, ("scores.ods",), (ON_STUDY[0], ("init", "scores.ods", "--to", "m.toml"))),
    Attack(
        "zip",
        packed_zip,
        ("scores.zip",),
        (ON_STUDY[0], ("init", "scores.zip", "--to", "m.toml")),
    ),
    Attack(
        "gz",
        packed_gz,
        ("scores.csv.gz",),
        (ON_STUDY[0], ("init", "scores.csv.gz", "--to", "m.toml")),
    ),
    Attack("sav", sav, ("scores.sav",), (ON_STUDY[0], ("init", "scores.sav", "--to", "m.toml"))),
    Attack("xpt", xpt, ("scores.xpt",), (ON_STUDY[0], ("init", "scores.xpt", "--to", "m.toml"))),
    Attack("dta", dta, ("scores.dta",), (ON_STUDY[0], ("init", "scores.dta", "--to", "m.toml"))),
    Attack(
        "parquet",
        parquet,
        ("scores.parquet",),
        (ON_STUDY[0], ("init", "scores.parquet", "--to", "m.toml")),
    ),
    Attack(
        "fhir", fhir, ("scores.json",), (ON_STUDY[0], ("init", "scores.json", "--to", "m.toml"))
    ),
    Attack("redcap", redcap, ("scores.csv", "dictionary.csv"), REDCAP),
    Attack("database", database, ("clinic.sqlite", "study.toml"), ON_STUDY),
    Attack("served redcap", served_redcap, ("wire", "wire", "study.toml"), ON_STUDY[:2]),
    Attack("served fhir", served_fhir, ("wire", "wire", "study.toml"), ON_STUDY[:2]),
    Attack(
        "language",
        language,
        ("study.toml", "scores.csv"),
        (
            ("report", "study.toml", "--out", "."),
            ("report", "study.toml", "--out", ".", "--language", "fr"),
            ("pseudonyms", "scores.csv", "--apart", "apart"),
        ),
    ),
    Attack(
        "instrument",
        instrument,
        ("mine.toml", "side.csv"),
        (("instruments", "check", "mine.toml"), *ON_STUDY),
    ),
    Attack(
        "schedule",
        schedule,
        ("monthly.toml",),
        (
            ("status", "monthly.toml"),
            ("schedule", "show", "monthly.toml"),
            ("run-due", "monthly.toml"),
        ),
    ),
    Attack(
        "state",
        schedule,
        (
            "reports/2026-09_20261002T050000Z/manifest.json",
            "reports/2026-09_20261002T050000Z/delivery.json",
            "reports/wake.json",
            "reports/missed.json",
            "reports/latest.json",
            "reports/failures/2026-10_3.json",
        ),
        (
            ("status", "monthly.toml"),
            ("status", "monthly.toml", "--json"),
            ("run-due", "monthly.toml"),
        ),
    ),
    Attack("ledger", memory, ("shared-ledger.json",), (("share", "--review", "study.toml"),)),
    Attack(
        "frozen", memory, ("study.plan.toml",), (("plan", "compare", "study.toml"), ON_STUDY[1])
    ),
    Attack("snapshot", memory, ("snapshot.json",), (("report", "study.toml", "--since", "."),)),
)
