"""What is said about files and columns, by a study file or by arguments, before any is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from outcomes.readers import study_form as form
from outcomes.readers.cells import TextTable
from outcomes.readers.source import Source

#: The tables that a study may have, and the roles that a column may have.
TABLES = tuple(f.name for f in form.DATA.fields if f.inside)
ROLES = form.ROLES.names
#: What the columns of roles hold; "code" is a whole number where all are, else text.
ROLE_TYPES = dict.fromkeys(
    ("arm", "sequence", "site", "route", "event", "severity", "relation"), "category"
) | {
    "patient": "text",
    "visit": "text",
    "period": "code",
    "episode": "code",
    "infusion": "code",
    "day": "number",
    "dose": "number",
    "onset": "number",
    "serious": "yes/no",
    "date": "date",
}


@dataclass(frozen=True)
class Recipe:
    """All that is said about files, columns, visits and privacy: what a study file and `read_table`
    both come down to.
    """

    sources: Mapping[str, Source]
    roles: Mapping[str, Any]
    visits: tuple[str, ...] = ()
    baseline: str = ""
    visit_names: Mapping[str, str] = field(default_factory=dict)
    days: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    baseline_columns: Mapping[str, str] = field(default_factory=dict)
    several: str = ""
    include: Mapping[str, Any] = field(default_factory=dict)
    instruments: Mapping[str, Any] = field(default_factory=dict)
    outcomes: Mapping[str, Any] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    wide: Mapping[str, Any] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    date_order: str = ""
    ids: str = "exact"
    allow: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    folder: Path = Path()
    paper: Mapping[str, str] = field(default_factory=dict)
    study: Mapping[str, Any] = field(default_factory=dict)
    snapshot: Path | None = None

    def role(self, name: str, table: TextTable) -> str:
        """The column of a table that has this role, or an empty string."""
        if name not in self.roles and name in self.roles.values():
            return ""  # the column of that name has another role
        column = self.roles.get(name, name)
        return column if column in table.columns else ""
