"""Write the reference parts of docs/study-file.md, docs/schedule.md and the page on millions of
patients: `python docs/make_reference.py`.
"""

from __future__ import annotations

from pathlib import Path

from outcomes.analyses.question import Analysis
from outcomes.config.fields import reference
from outcomes.plans.plan import kinds
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


#: The page that says which questions a study in parts answers.
IN_PARTS = "how-to/millions-of-patients.md"


def in_parts() -> str:
    """What each question needs of a part, as the type that its `needs` and `sums` give."""
    of: dict[str, list[str]] = {"sums": [], "tally": [], "rows": [], "none": []}
    for name, kind in kinds().items():
        if not kind.__module__.startswith("outcomes."):
            continue
        given = str(kind.needs.__annotations__["return"])
        if kind.needs is Analysis.needs:
            of["none"].append(name)
        elif kind.sums is not Analysis.sums:
            of["sums"].append(name)
        else:
            of["tally" if "PatientValues" in given else "rows"].append(name)
    said = {
        "sums": "cross-products of scores by arm and set of visits (with covariates, or an empirical"
        " covariance: the tally)",
        "tally": "a tally: how many patients have which scores and characteristics",
        "rows": "the rows of the columns that are needed",
        "none": "nothing: refused in words; read the study whole",
    }
    rows = [f"| {said[k]} | {', '.join(f'`{n}`' for n in names)} |" for k, names in of.items()]
    return "\n".join(["| what a part gives | questions |", "| --- | --- |", *rows]) + "\n"


def page(name: str, text: str) -> str:
    """The page with its reference part as the declaration has it."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    made = in_parts() if name == IN_PARTS else reference(PAGES[name])
    return f"{before}{BEGIN}\n\n{made}\n{END}{after}"


if __name__ == "__main__":
    for name in (*PAGES, IN_PARTS):
        target = Path(__file__).parent / name
        target.write_text(page(name, target.read_text("utf-8")), encoding="utf-8")
