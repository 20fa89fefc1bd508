"""The rule about columns that may identify a patient."""

from __future__ import annotations

from collections.abc import Iterator

from outcomes.checks.rules import rule
from outcomes.readers.privacy import CLEAN
from outcomes.study.study import Issue, Study


@rule
def identifiers(study: Study) -> Iterator[Issue]:
    """What the privacy scan of the files found, and what was allowed by name."""
    privacy = study.settings.get("privacy")
    if privacy is None:
        return
    allowed = tuple(privacy.get("allow", ()))
    if allowed:
        yield Issue(
            "identifiers",
            f"Allowed by name although they may identify: {', '.join(allowed)}.",
            len(allowed),
            "warning",
        )
    else:
        yield Issue(
            "identifiers",
            f"Privacy scan: {CLEAN} among the columns read. This does not make the data anonymous.",
            0,
            "note",
        )
