"""Writes docs/instruments.md from the library: `python docs/make_instruments.py` (a test keeps it
up to date).
"""

from __future__ import annotations

from pathlib import Path

from outcomes import instrument, instruments
from outcomes.questionnaires.describe import as_markdown

TARGET = Path(__file__).with_name("instruments.md")
HEAD = """# Instruments

This page lists every questionnaire that can be scored, with its items, scores, thresholds, sources and terms. It is made from the
files in `outcomes/questionnaires/library/` by `docs/make_instruments.py`; do not edit it by hand.

Items are codes and neutral labels: no questionnaire's wording is here. Thresholds marked within-person classify patients, those
marked between-group judge a difference of means; both depend on population, anchor and first score, so read the citation.
Facts marked unverified were not seen in their source.
"""


def text() -> str:
    """The whole page."""
    table = instruments()
    rows = [
        "| id | instrument | domain | items | scores | missing items |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for r in table.itertuples():
        cells = (f"[{r.id}](#{r.id})", r.title, r.domain, str(r.items), r.scores, r[8])
        rows.append("| " + " | ".join(c.replace("|", "\\|") for c in cells) + " |")
    pages = [f'<a id="{id}"></a>\n\n{as_markdown(instrument(id))}' for id in table["id"]]
    return "\n".join([HEAD, *rows, "", *pages]).rstrip() + "\n"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
