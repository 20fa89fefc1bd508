"""Why an unattended run stops, each with an exit code that a scheduler or a monitor can act on."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

from outcomes.core.errors import OutcomesError

#: What each exit code of `run-due` means, in words that a notice may carry.
MEANINGS = MappingProxyType(
    {
        0: "done",
        1: "a fault in the program itself",
        2: "the schedule, the study file or its plan is wrong",
        3: "a data file is missing or cannot be read",
        4: (
            "columns may identify a patient, or a report for sharing would reveal one, so nothing"
            " was made"
        ),
        5: (
            "the data did not pass the checks before publishing, or a question could not be"
            " answered"
        ),
        6: "the report is in its folder, but the notice could not be delivered",
        69: (
            "a database or server could not be reached, refused, or did not give its rows whole,"
            " so nothing was read"
        ),
        74: "the reports folder cannot be written (disk full, or no permission)",
        75: "another run is at work; try later",
    }
)


class LockedError(OutcomesError):
    """Another run holds the reports folder."""

    exit_code = 75


class StaleError(OutcomesError):
    """The input looks stale, cut short or wrong, so no report is published from it.

    `reasons` are the gates' own words: counts, rules and the newest date, never a patient's cell.
    """

    exit_code = 5

    def __init__(self, reasons: Sequence[str], advice: Sequence[str] = ()) -> None:
        super().__init__(" ".join((*reasons, *advice)))
        self.reasons = tuple(reasons)


class DeliveryError(OutcomesError):
    """A notice or heartbeat did not reach its receiver."""

    exit_code = 6
