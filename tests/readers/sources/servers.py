"""Small local servers that speak the API of REDCap and of FHIR, and fail in the ways that servers
do.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "0123456789ABCDEF0123456789ABCDEF"
FHIR = "application/fhir+json"


@dataclass
class Answer:
    """What a server answers; `cut` sends that many bytes fewer than it announces."""

    body: bytes = b""
    status: int = 200
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    cut: int = 0


Handle = Callable[[str, str, dict[str, list[str]], Any], Answer]


@dataclass
class Local:
    """A server that runs, and what it was asked."""

    url: str
    asked: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)


@contextlib.contextmanager
def serving(handle: Handle, tls: ssl.SSLContext | None = None) -> Iterator[Local]:
    """A server on a free port of this computer."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            parts = urlsplit(self.path)
            said = parse_qs(parts.query or body, keep_blank_values=True)
            local.asked.append(f"{self.command} {self.path}")
            local.tokens += [self.headers.get("Authorization", ""), *said.get("token", [])]
            answer = handle(self.command, parts.path, said, self.headers)
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.kind)
            self.send_header("Content-Length", str(len(answer.body)))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            if answer.cut:
                self.wfile.write(answer.body[: -answer.cut])
                self.close_connection = True
            else:
                self.wfile.write(answer.body)

        do_GET = do_POST = do_DELETE = _do

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    local = Local(f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield local
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Redcap:
    """A REDCap project: a raw export and its data dictionary, given out by the API's rules.

    `wrong` takes the number of the request and its answer, and spoils it.
    """

    def __init__(
        self, raw: str, dictionary: str, wrong: Callable[[int, Answer], Answer] | None = None
    ):
        self.rows = list(csv.DictReader(io.StringIO(raw)))
        self.first = next(iter(self.rows[0]))
        heads = [
            "field_name",
            "form_name",
            "section_header",
            "field_type",
            "field_label",
            "select_choices_or_calculations",
            "field_note",
            "text_validation_type_or_show_slider_number",
            "text_validation_min",
            "text_validation_max",
            "identifier",
            "branching_logic",
            "required_field",
            "custom_alignment",
            "question_number",
            "matrix_group_name",
            "matrix_ranking",
            "field_annotation",
        ]
        table = list(csv.reader(io.StringIO(dictionary)))
        place = {_api(h): j for j, h in enumerate(table[0])}
        self.fields = [
            {h: row[place[h]] if h in place else "" for h in heads} for row in table[1:] if row
        ]
        self.wrong, self.count = wrong or (lambda _, answer: answer), 0
        self.asked_fields: list[list[str]] = []

    def __call__(self, method: str, path: str, said: dict[str, list[str]], headers: Any) -> Answer:
        """One request."""
        self.count += 1
        return self.wrong(self.count, self._right(method, path, said))

    def _right(self, method: str, path: str, said: dict[str, list[str]]) -> Answer:
        def one(name: str) -> str:
            return said.get(name, [""])[0]

        if method != "POST" or path != "/api/":
            return Answer(b"<html>", 404, "text/html")
        if one("token") != TOKEN:
            error = {"error": "You do not have permissions to use the API"}
            return Answer(json.dumps(error).encode(), 403)
        if one("content") == "metadata":
            return Answer(json.dumps(self.fields).encode())
        records = _listed(said, "records")
        fields = _listed(said, "fields")
        self.asked_fields.append(fields)
        fixed = {self.first, *(c for c in self.rows[0] if c.startswith("redcap_"))}
        if one("exportDataAccessGroups").lower() not in ("true", "1"):
            fixed.discard("redcap_data_access_group")
        fixed.discard("redcap_survey_identifier")
        names = {f["field_name"] for f in self.fields}
        columns = [
            c
            for c in self.rows[0]
            if c in fixed
            or (
                c.partition("___")[0]
                in names | {c for c in self.rows[0] if c.endswith("_complete")}
                and (not fields or c.partition("___")[0] in fields)
            )
        ]
        chosen = [r for r in self.rows if not records or r[self.first] in records]
        return Answer(json.dumps([{c: r[c] for c in columns} for r in chosen]).encode())


def _api(heading: str) -> str:
    known = {
        "Variable / Field Name": "field_name",
        "Choices, Calculations, OR Slider Labels": "select_choices_or_calculations",
        "Identifier?": "identifier",
        "Required Field?": "required_field",
        "Branching Logic (Show field only if...)": "branching_logic",
        "Question Number (surveys only)": "question_number",
        "Matrix Ranking?": "matrix_ranking",
    }
    return known.get(heading, heading.lower().replace(" ", "_"))


def _listed(said: dict[str, list[str]], name: str) -> list[str]:
    """A list as PHP's forms write it: name[0], name[1] …"""
    found = [
        (int(k[len(name) + 1 : -1]), v[0]) for k, v in said.items() if k.startswith(f"{name}[")
    ]
    return [v for _, v in sorted(found)] or [v for v in said.get(name, []) if v]


class Fhir:
    """A FHIR server with these resources; `wrong` spoils the answer to a request by its number."""

    def __init__(
        self, resources: list[dict[str, Any]], wrong: Callable[[int, Answer], Answer] | None = None
    ):
        self.resources, self.wrong, self.count = resources, wrong or (lambda _, a: a), 0
        self.polls = 0
        self.deleted: list[str] = []

    def __call__(self, method: str, path: str, said: dict[str, list[str]], headers: Any) -> Answer:
        """One request."""
        self.count += 1
        if headers.get("Authorization") != f"Bearer {TOKEN}":
            return Answer(b"{}", 401, FHIR)
        host = f"http://{headers['Host']}"
        return self.wrong(self.count, self._right(method, path, said, host))

    def _right(self, method: str, path: str, said: dict[str, list[str]], host: str) -> Answer:
        parts = path.removeprefix("/fhir/").split("/")
        if method == "DELETE":
            self.deleted.append(path)
            return Answer(b"", 202, FHIR)
        if parts[-1] == "$export":
            return Answer(b"", 202, FHIR, {"Content-Location": f"{host}/fhir/job/1"})
        if parts[0] == "job":
            self.polls += 1
            if self.polls < 3:
                return Answer(b"", 202, FHIR, {"Retry-After": "1"})
            kinds = sorted(
                {r["resourceType"] for r in self.resources}
                & {"Observation", "QuestionnaireResponse"}
            )
            output = [
                {"type": k, "url": f"{host}/fhir/file/{k}", "count": len(self._of(k))}
                for k in kinds
            ]
            return Answer(
                json.dumps({"transactionTime": "t", "output": output, "error": []}).encode()
            )
        if parts[0] == "file":
            lines = "".join(json.dumps(r) + "\n" for r in self._of(parts[1]))
            return Answer(lines.encode(), 200, "application/fhir+ndjson")
        if parts[-1] == "$everything":
            mine = [
                r
                for r in self.resources
                if r.get("subject", {}).get("reference") == f"Patient/{parts[1]}"
            ]
            return self._page([*self._of("Patient", parts[1]), *mine], path, said, host)
        return self._page(self._of(parts[0]), path, said, host)

    def _of(self, kind: str, code: str = "") -> list[dict[str, Any]]:
        return [r for r in self.resources if r["resourceType"] == kind and code in ("", r["id"])]

    def _page(
        self, found: list[dict[str, Any]], path: str, said: dict[str, list[str]], host: str
    ) -> Answer:
        start, size = int(said.get("_offset", ["0"])[0]), int(said.get("_count", ["500"])[0])
        link = []
        if start + size < len(found):
            url = f"{host}{path}?_offset={start + size}&_count={size}"
            link = [{"relation": "next", "url": url}]
        bundle = {
            "resourceType": "Bundle",
            "type": "searchset",
            "total": len(found),
            "link": [{"relation": "self", "url": f"{host}{path}"}, *link],
            "entry": [
                {"resource": r, "search": {"mode": "match"}} for r in found[start : start + size]
            ],
        }
        return Answer(json.dumps(bundle).encode(), 200, FHIR)
