"""What the status of a server's answer means, in words."""

from __future__ import annotations

from collections.abc import Mapping

from outcomes.core.errors import SourceError
from outcomes.readers.sources.retries import PassingError

_PASSING = {429: "it asks for fewer requests", 502: "", 503: "it is busy", 504: "", 500: ""}


def refuse_status(
    status: int, headers: Mapping[str, str], place: str, secret: str, right: str
) -> None:
    """Nothing for an answer that was given.

    Raises PassingError where it may be given when asked again, SourceError else.
    """
    if 200 <= status < 300:
        return
    if status in _PASSING:
        words = _PASSING[status] or "it had an error of its own"
        raise PassingError(f"{words} (HTTP {status})", _seconds(headers.get("Retry-After", "")))
    if 300 <= status < 400:
        raise SourceError(
            f"{place} sends on to another address (HTTP {status}), which is not followed: the"
            f" {secret} would go there. Write the address it ends at, if it is the right one."
        )
    said = {
        400: "does not understand the request. Are its parameters the right ones?",
        401: f"does not accept the {secret}. Is it the right one, and still valid?",
        403: f"does not allow this. Has the account of the {secret} {right}?",
        404: "has nothing at this address. Is it the right one?",
        410: "no longer has what it pointed to. Try again.",
    }.get(status, "refused the request.")
    raise SourceError(f"{place} {said} (HTTP {status}.) Nothing was read.")


def _seconds(text: str) -> float:
    return float(text) if text.strip().isdigit() else 0.0
