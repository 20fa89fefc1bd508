"""A database or server as a study file says it, and what it gave."""

from __future__ import annotations

import hashlib
import json
import ssl
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from outcomes.config.regular import must_be_regular
from outcomes.core.errors import StudyError
from outcomes.readers.sources import form
from outcomes.readers.sources.secrets import must_be_reference, must_be_search, must_hold_no_secret

#: Hosts that are this computer, to which a connection need not be encrypted.
OWN = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Live:
    """Where rows are asked for, and which; `kind` is database, redcap or fhir, `secret` where its
    password or token is.
    """

    kind: str
    address: str
    secret: str = field(default="", repr=False)
    query: str = ""
    table: str = ""
    fields: tuple[str, ...] = ()
    resource: str = ""
    pull: str = "search"
    search: tuple[tuple[str, tuple[str, ...]], ...] = ()
    group: str = ""
    page: int = 500
    timeout: int = 60
    ca: Path | None = None
    folder: Path = Path()

    @classmethod
    def of(cls, said: Mapping[str, Any], folder: Path, resource: str = "") -> Live:
        """From the fields of a table of [data]. Raises StudyError for what does not go together,
        and for a secret that stands in the file.
        """
        (kind,) = (k for k in form.PLACES if k in said)
        for name in said:
            if name not in (kind, *form.TAKES[kind]):
                there = ", ".join(form.TAKES[kind])
                raise StudyError(f"[data] '{name}' says nothing about '{kind}'. There is: {there}.")
        address = str(said[kind])
        must_be_search(said.get("search", {}))
        must_hold_no_secret(kind, address)
        hidden = "password" if kind == "database" else "token"
        given: dict[str, Any] = {
            k: said[k] for k in ("query", "table", "group", "pull") if k in said
        }
        given |= {k: int(said[k]) for k in ("page", "timeout") if k in said}
        if "ca" in said:
            given["ca"] = folder / said["ca"]
        live = cls(
            kind,
            address,
            must_be_reference(hidden, str(said.get(hidden, ""))),
            fields=tuple(map(str, said.get("fields", ()))),
            search=_parameters(said.get("search", {})),
            resource=resource if kind == "fhir" else "",
            folder=folder,
            **given,
        )
        return live._checked()

    def _checked(self) -> Live:
        if self.kind == "database":
            if bool(self.query.strip()) == bool(self.table.strip()):
                raise StudyError(
                    "[data] a database needs a query or a table, one of them: table ="
                    ' "scores", or query = "SELECT …".'
                )
            return self
        parts = urlsplit(self.address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise StudyError(
                f"[data] '{self.kind}' is an address that begins with https://, such as"
                f" {next(f for f in form.FIELDS if f.name == self.kind).example}."
            )
        if parts.scheme == "http" and parts.hostname not in OWN:
            raise StudyError(
                f"[data] '{self.kind}': http:// is not encrypted, and answers of patients and the"
                " token would cross the network in the open. Use https://."
            )
        if parts.query or parts.fragment:
            raise StudyError(
                f"[data] '{self.kind}' is the base address alone, without ? and #; parameters go"
                " into their own fields."
            )
        if self.kind == "fhir" and self.group and self.pull != "export":
            raise StudyError('[data] group goes with pull = "export".')
        if self.kind == "fhir" and not self.resource:
            raise StudyError(
                '[data] a FHIR server needs the resource to read: resource = "Observation", or'
                ' "QuestionnaireResponse".'
            )
        return self

    def trusted(self) -> ssl.SSLContext:
        """What certificates are checked against. Raises StudyError where `ca` holds none."""
        try:
            if self.ca:
                must_be_regular(self.ca, StudyError)
            return ssl.create_default_context(cafile=str(self.ca) if self.ca else None)
        except (OSError, ssl.SSLError):
            raise StudyError(
                f"[data] ca: {self.ca and self.ca.name} is not there, or holds no certificates"
                " (PEM text that begins with BEGIN CERTIFICATE)."
            ) from None

    @property
    def file(self) -> Path | None:
        """The file of an SQLite database; None for a server."""
        parts = urlsplit(self.address)
        if self.kind != "database" or parts.scheme != "sqlite":
            return None
        name = unquote(parts.path).removeprefix("/")
        if parts.netloc or parts.query or not name:
            raise StudyError('[data] an SQLite database is written as "sqlite:///registry.sqlite".')
        return self.folder / name

    @property
    def place(self) -> str:
        """The database or server in words, without user and parameters."""
        parts = urlsplit(self.address)
        if self.kind == "database" and not parts.hostname:
            return f"the database {Path(parts.path).name}"
        name = {"database": "the database", "redcap": "REDCap", "fhir": "the FHIR server"}[
            self.kind
        ]
        port = f":{parts.port}" if parts.port else ""
        return f"{name} at {parts.hostname}{port}"

    @property
    def digest(self) -> str:
        """A hash of what is asked for, without secrets and without how long it may take."""
        said = asdict(self)
        for name in ("secret", "page", "timeout", "ca", "folder"):
            del said[name]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Pull:
    """What a database or server gave: the bytes of a file of it, by its ending, and the cells left
    out by name of column.

    The files are ``.csv`` (and ``.dictionary.csv``) or ``.ndjson``.
    """

    files: Mapping[str, bytes]
    rows: int
    left_out: Mapping[str, int] = field(default_factory=dict)


def _parameters(said: Mapping[str, Any]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple(
        (str(k), tuple(map(str, v)) if isinstance(v, list | tuple) else (str(v),))
        for k, v in said.items()
    )
