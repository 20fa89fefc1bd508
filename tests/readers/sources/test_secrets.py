"""Secrets come from the environment or a keyring, and stand in no file, message, log or snapshot."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import pytest

import outcomes as oc
from outcomes.cli import main
from outcomes.core.errors import MissingExtraError, SourceError, StudyError
from outcomes.readers.source import Source
from outcomes.readers.sources.secrets import secret

SECRET = "hunter2-is-a-secret"
ROLES = '[roles]\npatient = "id"\n'


@pytest.mark.parametrize(
    "said",
    [
        {"database": "postgresql://a@h/d", "table": "s", "password": SECRET},
        {"database": f"postgresql://a:{SECRET}@h/d", "table": "s"},
        {"database": f"postgresql://a@h/d?password={SECRET}", "table": "s"},
        {"redcap": "https://h/api/", "token": SECRET},
        {"redcap": f"https://h/api/?token={SECRET}"},
        {"redcap": f"https://{SECRET}@h/api/"},
        {"fhir": "https://h/r4", "resource": "Observation", "token": SECRET},
        {"fhir": f"https://a:{SECRET}@h/r4", "resource": "Observation"},
        {"fhir": f"https://h/r4?access_token={SECRET}", "resource": "Observation"},
        {"fhir": "https://h/r4", "resource": "Observation", "search": {"access_token": SECRET}},
        {"fhir": "https://h/r4", "resource": "Observation", "token": "env:"},
    ],
)
def test_a_secret_in_a_study_file_is_refused_and_never_repeated(
    said: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(StudyError) as told:
        Source.of(said, tmp_path)
    assert "never stands in a file" in str(told.value) and SECRET not in str(told.value)
    inside = ", ".join(
        f"{k} = {v!r}" if isinstance(v, str) else f"{k} = {{ access_token = {SECRET!r} }}"
        for k, v in said.items()
    )
    (tmp_path / "study.toml").write_text(f"[data]\nscores = {{ {inside} }}\n{ROLES}", "utf-8")
    assert main(["check", str(tmp_path / "study.toml")]) == 2
    assert SECRET not in "".join(capsys.readouterr())


@pytest.mark.parametrize("address", ["https://h:port/r4", "https://h:99999/r4", "https://[h/r4"])
@pytest.mark.parametrize("field", ["fhir", "redcap", "database"])
def test_an_address_without_a_real_host_and_port_is_refused(
    field: str, address: str, tmp_path: Path
) -> None:
    with pytest.raises(StudyError, match=f"'{field}' is not an address"):
        Source.of({field: address, "resource": "Observation"}, tmp_path)


def test_a_secret_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_TOKEN", SECRET)
    assert secret("token", "env:A_TOKEN") == SECRET
    assert secret("token", "") == ""
    monkeypatch.setenv("A_TOKEN", "")
    with pytest.raises(SourceError, match="A_TOKEN is not set, or is empty"):
        secret("token", "env:A_TOKEN")


def test_a_secret_comes_from_a_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    import keyring
    from keyring.errors import KeyringError, NoKeyringError

    def kept(service: str, user: str) -> str | None:
        if service == "closed":
            raise NoKeyringError(SECRET)
        return SECRET if (service, user) == ("redcap", "pain/clinic") else None

    assert issubclass(NoKeyringError, KeyringError)
    monkeypatch.setattr(keyring, "get_password", kept)
    assert secret("token", "keyring:redcap/pain/clinic") == SECRET
    with pytest.raises(SourceError, match="has no entry 'redcap'"):
        secret("token", "keyring:redcap/nobody")
    with pytest.raises(SourceError, match="cannot be opened") as told:
        secret("token", "keyring:closed/x")
    assert SECRET not in str(told.value)


@pytest.mark.parametrize(
    "package, said, extra",
    [
        ("sqlalchemy", {"database": "sqlite:///a.db", "table": "s"}, "sql"),
        ("pg8000.dbapi", {"database": "postgresql://a@localhost/d", "table": "s"}, "sql"),
        ("redcap", {"redcap": "https://h/api/", "token": "env:REDCAP_TOKEN"}, "redcap"),
        ("httpx", {"fhir": "https://h/r4", "resource": "Observation"}, "fhir"),
        ("keyring", {"redcap": "https://h/api/", "token": "keyring:a/b"}, "keyring"),
    ],
)
def test_an_extra_that_is_not_installed_is_named(
    package: str, said: dict[str, Any], extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MissingExtraError, match=rf"outcomes\[{extra}\]"):
        oc.read_table(said, patient="id")


def test_narwhals_is_named_where_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "narwhals", None)
    with pytest.raises(MissingExtraError, match=r"outcomes\[frames\]"):
        oc.read_table(types.SimpleNamespace(columns=["id"]), patient="id")
