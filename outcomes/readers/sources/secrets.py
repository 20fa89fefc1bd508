"""Passwords and tokens: from the environment or a keyring, never from a file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from urllib.parse import parse_qsl, urlsplit

from outcomes.core.errors import MissingExtraError, SourceError, StudyError

_WHERE = re.compile(r"env:(?P<name>[A-Za-z_][A-Za-z0-9_]*)|keyring:(?P<service>[^/]+)/(?P<user>.+)")
_PARAMETER = re.compile(r"pass(word)?|pwd|(\w+_)?(token|secret)|api_?key", re.I)
_SECRET = re.compile(r"pass|pwd|token|secret|key|auth|credential", re.I)


def must_be_reference(field: str, value: str) -> str:
    """The value, where it says where a secret is.

    Raises StudyError, which does not repeat the value, where it may be the secret itself.
    """
    if value and not _WHERE.fullmatch(value):
        name = f"REGISTRY_{field.upper()}"
        raise StudyError(
            f"[data] '{field}' holds a secret, or is not written as one: a secret never stands in a"
            f' file. Put it into an environment variable and write {field} = "env:{name}", or into'
            f' the system\'s keyring and write {field} = "keyring:SERVICE/USER". A {field} that'
            " stood in a file may have been seen: have it replaced."
        )
    return value


def must_hold_no_secret(field: str, address: str) -> None:
    """Raises StudyError where an address has a password or a token in it."""
    try:
        parts = urlsplit(address)
        inside = parts.password is not None or (parts.username is not None and field != "database")
        _ = parts.port  # raises where it is none
    except ValueError:
        raise StudyError(
            f"[data] '{field}' is not an address: look at its host and port, such as"
            " https://host:8443/path."
        ) from None
    asked = [name for name, _ in parse_qsl(parts.query, keep_blank_values=True)]
    if inside or any(_SECRET.search(name) for name in asked):
        one = "password" if field == "database" else "token"
        raise StudyError(
            f"[data] '{field}' has a secret in its address: a secret never stands in a file. Take"
            f' it out, put it into an environment variable, and write {one} = "env:NAME". What'
            " stood in a file may have been seen: have it replaced."
        )


def must_be_search(names: Iterable[str]) -> None:
    """Raises StudyError where a search parameter is a place for a secret."""
    if any(_PARAMETER.fullmatch(name) for name in names):
        raise StudyError(
            "[data] 'search' has a parameter for a secret: a secret never stands in a file. Put it"
            ' into an environment variable, and write token = "env:NAME". What stood in a file may'
            " have been seen: have it replaced."
        )


def secret(field: str, reference: str) -> str:
    """The secret, from where it is; nothing where nothing is said of one.

    Raises SourceError where it is not there, MissingExtraError without keyring.
    """
    found = _WHERE.fullmatch(must_be_reference(field, reference))
    if not found:
        return ""
    if name := found["name"]:
        value = os.environ.get(name, "")
        if not value:
            raise SourceError(
                f"[data] {field}: the environment variable {name} is not set, or is empty. Set it"
                " for the account that runs this (for a scheduled run, in its entry)."
            )
        return value
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        raise MissingExtraError(
            f"[data] {field}: a secret in the system's keyring needs the keyring extra: pip install"
            " 'outcomes[keyring]'. Or use an environment variable: \"env:NAME\"."
        ) from None
    try:
        kept = keyring.get_password(found["service"], found["user"])
    except KeyringError as wrong:
        raise SourceError(
            f"[data] {field}: the keyring of this account cannot be opened"
            f' ({type(wrong).__name__}). Unlock it, or use an environment variable: "env:NAME".'
        ) from None
    if not kept:
        raise SourceError(
            f"[data] {field}: the keyring has no entry '{found['service']}' for that user. To add"
            f" it: keyring set {found['service']} USER"
        )
    return str(kept)
