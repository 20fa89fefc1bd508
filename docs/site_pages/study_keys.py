"""The keys of a study file, from what its reader knows."""

from __future__ import annotations

from outcomes.readers.studyfile import SECTIONS

HEAD = """# Keys of the study file

This page lists every section of a study file and the keys that may stand in it, as its reader knows them. What they mean,
with an example of each, stands in [The study file](../study-file.md).

| section | keys |
| --- | --- |
"""


def page() -> str:
    """The whole page."""
    rows = []
    for section, keys in SECTIONS.items():
        name = f"[[{section}]]" if section == "analysis" else f"[{section}]"
        listed = ", ".join(f"`{k}`" for k in keys) if keys else "names of your own"
        rows.append(f"| `{name}` | {listed} |")
    return HEAD + "\n".join(rows) + "\n"
