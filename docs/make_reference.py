"""Write the reference parts of docs/study-file.md and docs/schedule.md: `python
docs/make_reference.py`.
"""

from __future__ import annotations

from pathlib import Path

from outcomes.config.fields import reference
from outcomes.readers.study_form import DATA, FAMILIES, FAMILY, SECTIONS, SOURCE
from outcomes.schedule.schedule_form import NEWEST
from outcomes.schedule.schedule_form import SECTIONS as SCHEDULE

BEGIN, END = (
    "<!-- made by docs/make_reference.py: do not edit by hand -->",
    "<!-- end of what is made -->",
)
#: Declarations that are shown after the section that they belong to.
AFTER = {DATA.name: SOURCE, FAMILIES.name: FAMILY}


#: The sections of each page.
PAGES = {
    "study-file.md": tuple(
        s for section in SECTIONS for s in (section, AFTER.get(section.name)) if s
    ),
    "schedule.md": (*SCHEDULE[:3], NEWEST, *SCHEDULE[3:]),
}


def page(name: str, text: str) -> str:
    """The page with its reference part as the declaration has it."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{reference(PAGES[name])}\n{END}{after}"


if __name__ == "__main__":
    for name in PAGES:
        target = Path(__file__).with_name(name)
        target.write_text(page(name, target.read_text("utf-8")), encoding="utf-8")
