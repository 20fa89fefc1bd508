"""Canaries in every text column: whatever a schedule does, none of them flies out of the folder of
the data.
"""

from __future__ import annotations

import base64
import html
import io
import json
import os
import re
import shutil
import subprocess
import threading
import zipfile
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.schedule.clinic import finished, outcomes, write_schedule
from tests.schedule.test_notify import mail_server

#: One for each place where a clinic types text: who it is, what was said, what could not be read,
#: and what it was called.
CANARIES = {
    "id": "zqpid",
    "name": "zqname",
    "comment": "zqcomment",
    "unread": "zqunread",
    "note": "zqnote",
    "doctor": "zqdoctor",
    "remark": "zqremark",
    "dose": "zqdose",
}
ROWS = 60


def seed(folder: Path) -> None:
    """A study in three tables, with a canary in every text that no report has any business with."""
    c, lines = CANARIES, ["id,name,visit,nrs,comment"]
    for i in range(ROWS):
        before = str(4 + i % 6) if i != 3 else c["unread"]
        lines.append(
            f"{c['id']}{i:03d},{c['name']} {i},baseline,{before},{c['comment']} said = 1+1"
        )
        lines.append(f"{c['id']}{i:03d},{c['name']} {i},week_4,{(4 + i % 6) // 2 + i % 3},")
    (folder / "scores.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    patients = [
        f"{c['id']}{i:03d},{'CRPS' if i % 2 else 'neuropathy'},{c['note']} {i},{c['doctor']} {i}"
        for i in range(ROWS)
    ]
    (folder / "patients.csv").write_text(
        "\n".join(["id,diagnosis,note,doctor", *patients]) + "\n", encoding="utf-8"
    )
    events = [f"{c['id']}{i:03d},nausea,{c['remark']} {i}" for i in range(25)]
    (folder / "events.csv").write_text(
        "\n".join(["id,event,remark", *events]) + "\n", encoding="utf-8"
    )
    infusions = [f"{c['id']}{i:03d},1,{c['dose'] if i == 5 else 40}" for i in range(ROWS)]
    (folder / "infusions.csv").write_text(
        "\n".join(["id,infusion,dose", *infusions]) + "\n", encoding="utf-8"
    )
    asked = (
        'method = "Describe"\ncharacteristics = ["diagnosis"]',
        'method = "Course"\noutcome = "pain"',
        (
            'method = "PairedT"\noutcome = "pain"\nbefore = "baseline"\nafter = "week_4"\nrole ='
            ' "primary"'
        ),
        'method = "Responders"\noutcome = "pain"\nbefore = "baseline"\nafter = "week_4"',
        'method = "SideEffects"',
    )
    (folder / "study.toml").write_text(
        '[study]\ntitle = "Seeded"\n[data]\nscores = "scores.csv"\npatients ='
        ' "patients.csv"\nevents = "events.csv"\ninfusions = "infusions.csv"\n[roles]\npatient ='
        ' "id"\n[visits]\norder = ["baseline", "week_4"]\n[columns]\ndose ='
        ' "number"\n[outcomes]\npain = { column = "nrs", better = "lower", low = 0, high = 10,'
        ' resolution = 1 }\n[privacy]\ndrop = ["name", "comment", "note", "doctor", "remark"]\n'
        + "".join(f"[[analysis]]\n{a}\n" for a in asked),
        encoding="utf-8",
    )


def layers(data: bytes, name: str) -> Iterator[bytes]:
    """A file's bytes, and what is packed inside them: members of archives, embedded pictures,
    compressed streams, text.
    """
    yield data
    yield html.unescape(data.decode("utf-8", "replace")).encode()
    if data.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield archive.comment + b" ".join(
                i.filename.encode() + i.comment + i.extra for i in archive.infolist()
            )
            for member in archive.namelist():
                yield from layers(archive.read(member), member)
    for packed in re.findall(rb"base64,([A-Za-z0-9+/=\s]+)", data):
        yield from layers(base64.b64decode(packed), "picture")
    if data.startswith(b"%PDF"):
        for stream in re.findall(rb"stream\r?\n(.*?)endstream", data, re.S):
            try:
                yield zlib.decompress(stream.strip(b"\r\n"))
            except zlib.error:
                yield stream
        tool = shutil.which("pdftotext")
        if tool and name.endswith(".pdf"):
            yield subprocess.run(
                [tool, "-", "-"], input=data, capture_output=True, check=True
            ).stdout


def flown(data: bytes, name: str = "") -> list[str]:
    """The canaries found in some bytes, as text in the usual encodings, in either case."""
    found = set()
    for layer in layers(data, name):
        low = layer.lower()
        found |= {
            w
            for c in CANARIES.values()
            for w in (c, c[::-1])
            if w.encode() in low or w.encode("utf-16-le") in low
        }
        for encoded in (base64.b64encode, bytes.hex):
            found |= {
                c
                for c in CANARIES.values()
                if (e := encoded(c.encode()))
                and (e if isinstance(e, bytes) else e.encode()) in layer
            }
    return sorted(found)


class _Hook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append(bytes(self.requestline + str(self.headers), "utf-8") + body)  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()

    do_GET = do_POST

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def told() -> Iterator[tuple[int, str, list[bytes], Any]]:
    """A mail server and a webhook that keep what they are told."""
    hook = HTTPServer(("127.0.0.1", 0), _Hook)
    hook.asked = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=hook.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    with mail_server() as mails:
        yield mails.port, f"http://127.0.0.1:{hook.server_port}/hook", hook.asked, mails  # type: ignore[attr-defined]
    hook.shutdown()
    hook.server_close()
    thread.join()


def scheduled(folder: Path, port: int, audience: str) -> Path:
    notify = (
        '[notify]\non = ["failure", "success"]\n[notify.email]\nhost = "127.0.0.1"\nport ='
        f' {port}\nsecurity = "none"\nfrom = "r@clinic.test"\nto ='
        ' ["a@clinic.test"]\n[notify.webhook]\nurl_env = "HOOK"\n[notify.heartbeat]\nurl_env ='
        ' "HOOK"\n'
    )
    return write_schedule(
        folder, notify, audience=audience, formats=["html", "pdf", "docx", "tables"]
    )


def everything(
    folder: Path, schedule: Path, told: Any, *runs: tuple[int, str, str]
) -> dict[str, bytes]:
    """All that a schedule has let out: files and their names, the log, status, mails, webhooks."""
    _port, _url, asked, mails = told
    said = {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in (folder / "reports").rglob("*")
        if p.is_file()
    }
    said["names of files"] = "\n".join(said).encode()
    for form in ([], ["--json"]):
        code, out, err = finished(outcomes("status", schedule, *form))
        assert code in (0, 5)
        said[f"status {form}"] = (out + err).encode()
    said |= {f"log {i}": (out + err).encode() for i, (_, out, err) in enumerate(runs)}
    said |= {f"webhook {i}": body for i, body in enumerate(asked)}
    said |= {f"mail {i}": bytes(m) + m.get_content().encode() for i, m in enumerate(mails.messages)}
    return said


def test_the_search_finds_a_canary_wherever_it_hides(tmp_path: Path) -> None:
    bird = CANARIES["note"]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.xml", f"<x>{bird.upper()}</x>")
    svg = base64.b64encode(f"<svg>{bird}</svg>".encode()).decode()
    pdf = b"%PDF-1.7\nstream\n" + zlib.compress(bird.encode()) + b"\nendstream"
    for data in (
        bird.encode(),
        packed.getvalue(),
        f'src="data:image/svg+xml;base64,{svg}"'.encode(),
        pdf,
        bird.encode("utf-16"),
    ):
        assert flown(data) == [bird]
    assert flown(f"&#122;{bird[1:]}".encode()) == [bird]


@pytest.mark.parametrize("audience", ["internal", "share"])
def test_no_canary_flies_out_of_a_scheduled_run(audience: str, tmp_path: Path, told: Any) -> None:
    for extra in ("docx", "typst", "xlsxwriter"):
        pytest.importorskip(extra, reason=f"needs {extra} to write every format")
    seed(tmp_path)
    schedule = scheduled(tmp_path, told[0], audience)
    run = finished(outcomes("run-due", schedule, env={**os.environ, "HOOK": told[1]}))
    assert run[0] == 0, run
    said = everything(tmp_path, schedule, told, run)
    endings = {Path(n).suffix for n in said}
    assert {".html", ".pdf", ".docx", ".csv", ".xlsx", ".json"} <= endings
    assert {"mail 0", "webhook 0"} <= set(said)
    assert {n: birds for n, data in said.items() if (birds := flown(data, n))} == {}
    if audience == "share":
        (folder,) = (tmp_path / "reports").glob("2*")
        assert {p.suffix for p in (folder / "share").rglob("*") if p.is_file()} == {
            ".html",
            ".pdf",
            ".docx",
            ".csv",
            ".xlsx",
        }


#: Ways in which a run goes wrong with a patient's text at hand: in the program, on paper, or in the
#: file itself.
BROKEN = """
import outcomes, outcomes.reporting, outcomes.readers.columns
def broken(*args, **more):
    raise {error}
outcomes.{place} = broken
"""
WRONG = {
    "an exception while answering": (
        "internal",
        "PairedT.compute",
        'ValueError("zqname zqunread")',
    ),
    "an exception while drawing": (
        "share",
        "reporting._render",
        'RuntimeError("zqcomment zqpid003")',
    ),
    "an exception while reading": (
        "internal",
        "readers.columns.parse_column",
        'KeyError("zqdoctor")',
    ),
    "a disk that is full": (
        "share",
        "reporting._put",
        'OSError(28, "No space left on device", "zqnote.csv")',
    ),
}


@pytest.mark.parametrize("how", WRONG)
def test_no_canary_flies_out_of_a_run_that_fails(how: str, tmp_path: Path, told: Any) -> None:
    audience, place, error = WRONG[how]
    code = BROKEN.format(place=place, error=error)
    seed(tmp_path)
    schedule = scheduled(tmp_path, told[0], audience)
    run = finished(outcomes("run-due", schedule, env={**os.environ, "HOOK": told[1]}, code=code))
    said = everything(tmp_path, schedule, told, run)
    assert run[0] in (1, 5, 74), run
    assert {"mail 0", "webhook 0"} <= set(said)
    assert {n: birds for n, data in said.items() if (birds := flown(data, n))} == {}


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda t: t.replace('drop = ["name", ', "drop = ["), 4),  # names are not dropped any more
        (lambda t: t.replace("[columns]", '[columns]\nname = "nmber"'), 2),
    ],
)
def test_no_canary_flies_out_of_a_refusal(
    damage: Any, code: int, tmp_path: Path, told: Any
) -> None:
    seed(tmp_path)
    study = tmp_path / "study.toml"
    study.write_text(damage(study.read_text("utf-8")), encoding="utf-8")
    schedule = scheduled(tmp_path, told[0], "internal")
    run = finished(outcomes("run-due", schedule, env={**os.environ, "HOOK": told[1]}))
    assert run[0] == code, run
    assert {
        n: birds
        for n, data in everything(tmp_path, schedule, told, run).items()
        if (birds := flown(data, n))
    } == {}


@pytest.mark.parametrize(
    "damage",
    [
        lambda rows: [*rows[:7], rows[7] + ",zqcomment", *rows[8:]],  # a cell too many
        lambda rows: [*rows, rows[-1]],  # a patient's visit twice
        lambda rows: [*rows, ",zqname,baseline,5,"],  # nobody's row
        lambda rows: [
            *rows,
            "ZQPID001,zqname,week_8,5,",
        ],  # a code written otherwise, a visit nobody knows
        lambda rows: [
            *rows,
            '"zqcomment,zqname,baseline,5,',
        ],  # a quotation mark that is not closed
        lambda rows: [*rows, "zqpid999,zqname,zqcomment,5,"],  # a comment in the place of a visit
    ],
)
def test_no_canary_flies_out_of_a_file_that_cannot_be_read(
    damage: Any, tmp_path: Path, told: Any
) -> None:
    seed(tmp_path)
    file = tmp_path / "scores.csv"
    file.write_text(
        "\n".join(damage(file.read_text("utf-8").splitlines())) + "\n", encoding="utf-8"
    )
    schedule = scheduled(tmp_path, told[0], "internal")
    run = finished(outcomes("run-due", schedule, env={**os.environ, "HOOK": told[1]}))
    assert run[0] not in (0, 1), run
    said = everything(tmp_path, schedule, told, run)
    assert {n: birds for n, data in said.items() if (birds := flown(data, n))} == {}
    assert (
        not list((tmp_path / "reports").glob("2*"))
        and json.loads(said["status ['--json']"])["exit_code"] == 5
    )
