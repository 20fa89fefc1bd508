"""The wording of errors, compared as a whole with `tests/snapshots/errors.txt`.

Each says what is wrong, what there is, what to do, and never a patient's value or code. After a
deliberate change: `SNAPSHOTS=write python -m pytest tests/test_error_wording.py`, and read the
difference.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

import outcomes as oc
from tests.clinic import STUDY, clinic, rows
from tests.readers.books import raw

SNAPSHOT = Path(__file__).parent / "snapshots" / "errors.txt"
#: Values and codes of patients that stand in the files below; none may stand in a message.
CANARIES = ("Zebulon", "Canarybird", "4711", "1951-03-04", "Q0", "q0", "87.5", "seven")

GOOD = rows([7, 7, 7, 7, 7, 7], [7, 7, 7, 7, 7, 7])
#: Each case: the scores file, the study file.
CASES: dict[str, tuple[str | bytes, str]] = {
    "empty file": (b"", STUDY),
    "headings only": ("id,visit,nrs\n", STUDY),
    "bytes that are no text": (b"\x00\x01\x02" * 99, STUDY),
    "rows of unequal length": (GOOD + "Q09,pre,7,7\n", STUDY),
    "a quotation mark left open": (GOOD + 'Q09,pre,"7\n', STUDY),
    "a column twice": (GOOD.replace("id,visit,nrs", "id,nrs,nrs"), STUDY),
    "a patient twice at a visit": (GOOD + "Q01,pre,87.5\n", STUDY),
    "codes that differ by capitals": (GOOD + "q01,pre,7\n", STUDY),
    "codes that differ by a space": (GOOD + " Q01,pre,7\n", STUDY),
    "a row without a patient": (GOOD + ",pre,7\n", STUDY),
    "a row without a visit": (GOOD + "Q09,,7\n", STUDY),
    "a visit that is not declared": (GOOD + "Q01,extra,7\n", STUDY),
    "a visit column that is none": (GOOD, STUDY.replace('visit = "visit"', 'visit = "nrs"')),
    "columns that identify": (
        GOOD.replace("nrs\n", "nrs,contact,dob\n").replace(
            ",7\n", ",7,Zebulon Canarybird,1951-03-04\n"
        ),
        STUDY,
    ),
    "surnames as codes": (GOOD.replace("Q00", "Zebulon").replace("Q01", "Canarybird"), STUDY),
    "ambiguous dates": ("id,visit,nrs,date\nQ01,pre,7,03/04/1951\nQ01,post,4,05/06/1951\n", STUDY),
    "no file": (GOOD, STUDY.replace("scores.csv", "scroes.csv")),
    "a kind that is not read": (GOOD, STUDY.replace("scores.csv", "old.sav")),
    "a wrong column of a role": (GOOD, STUDY.replace('"id"', '"idd"')),
    "a wrong column of an instrument": (GOOD, STUDY.replace('"nrs"', '"nsr"')),
    "an unknown role": (GOOD, STUDY.replace("visit = ", "vist = ")),
    "an unknown section": (GOOD, STUDY.replace("[visits]", "[vists]")),
    "an unknown key": (GOOD, STUDY.replace("order =", "ordre =")),
    "an unknown instrument": (GOOD, STUDY.replace("pain_nrs =", "pain_nsr =")),
    "an unknown design": (GOOD, STUDY.replace("[study]", '[study]\ndesign = "before/after"')),
    "an unknown method": (GOOD, STUDY.replace("PairedT", "PairdT")),
    "an unknown field of a method": (GOOD, STUDY.replace("before =", "befor =")),
    "a field that is missing": (GOOD, STUDY.replace('before = "pre"\n', "")),
    "a level that is none": (GOOD, STUDY + "level = 95\n"),
    "an unknown role of a question": (GOOD, STUDY + 'role = "main"\n'),
    "broken TOML": (GOOD, STUDY.replace("[roles]", "[roles")),
    "a section of the wrong kind": (GOOD, STUDY.replace("[[analysis]]", "[analysis]")),
    "no scores": (GOOD, STUDY.replace('scores = "scores.csv"', "")),
    "wide and long at once": (GOOD, STUDY + '[wide.suffix]\npre = "_pre"\n'),
    "an unknown patient column to drop": (GOOD, STUDY + '[privacy]\ndrop = ["nam"]\n'),
    "the patient column dropped": (GOOD, STUDY + '[privacy]\ndrop = ["id"]\n'),
    "an unknown choice for codes": (GOOD, STUDY.replace("[data]", '[data]\nids = "upper"')),
    "an unknown order of dates": (
        GOOD.replace("nrs\n", "nrs,date\n").replace(",7\n", ",7,1951-03-04\n"),
        STUDY.replace("[data]", '[data]\ndate_order = "ymm"'),
    ),
    "a baseline that is no visit": (GOOD, STUDY.replace("[visits]", '[visits]\nbaseline = "bsl"')),
}

#: Refusals of questions and answers; the study is sound.
QUESTIONS = {
    "a visit that is not there": (
        lambda s: oc.PairedT("pain_nrs", before="pre", after="pots").run(s)
    ),
    "an outcome that is not there": (
        lambda s: oc.PairedT("pian_nrs", before="pre", after="post").run(s)
    ),
    "a characteristic that is not there": lambda s: oc.Course("pain_nrs", by="route").run(s),
    "a picture that is not there": lambda s: oc.plot(oc.Course("pain_nrs").run(s), "pie"),
    "a report of another kind": lambda s: oc.write_report(s, oc.Plan(), "report.txt"),
    "a plan that holds no questions": lambda s: oc.Plan("PairedT"),  # type: ignore[arg-type]
    "a ready-made plan that is not there": lambda s: oc.plans.ready_made("crossing", s),
    "an instrument that is not there": lambda s: oc.instrument("phq-99"),
}


def said(folder: Path) -> str:
    """Every case and its message, as one text."""
    lines = []
    for name, (scores, study) in CASES.items():
        place = folder / re.sub(r"\W", "_", name)
        place.mkdir()
        (place / "old.sav").touch()
        lines.append(f"## {name}\n{refusal(clinic(place, scores, study), place)}")
    bomb = raw(folder / "bomb.xlsx", '<row r="1048576"><c r="XFD1048576"><v>4711</v></c></row>')
    lines.append(
        "## a workbook that claims a million"
        f" columns\n{told(lambda: oc.read_table(bomb, patient='id'), folder)}"
    )
    place = folder / "sound"
    place.mkdir()
    study = oc.read_study(clinic(place))
    lines += [
        f"## {name}\n{told(lambda ask=ask: ask(study), place)}" for name, ask in QUESTIONS.items()
    ]
    return "\n\n".join(lines) + "\n"


def refusal(file: Path, folder: Path) -> str:
    def ask() -> None:
        study = oc.read_study(file)
        oc.Plan.of(study)

    return told(ask, folder)


def told(ask, folder: Path) -> str:
    with pytest.raises(oc.OutcomesError) as caught:
        ask()
    error = caught.value
    text = str(error).replace(str(folder.resolve()), "FOLDER").replace(str(folder), "FOLDER")
    return f"{type(error).__name__}, exit code {error.exit_code}\n{text}"


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    return said(tmp_path_factory.mktemp("errors"))


def test_errors_say_what_they_said_before(text: str) -> None:
    # the lists of methods and instruments grow; what matters is that there is a list
    text = re.sub(
        r"(not valid TOML: )Expected[^(]*", r"\1… ", text
    )  # Python's own words, which change
    text = re.sub(r"(There is: )([\w-]+, ){12,}[\w-]+\.", r"\1… (many).", text)
    if os.environ.get("SNAPSHOTS") == "write":
        SNAPSHOT.write_text(text, "utf-8")
    assert text == SNAPSHOT.read_text("utf-8")


def test_no_error_holds_a_value_or_a_code_of_a_patient(text: str) -> None:
    assert [c for c in CANARIES if c in text] == []


def test_every_error_is_a_whole_sentence(text: str) -> None:
    for block in text.strip().split("\n\n"):
        message = block.split("\n", 2)[2]
        assert (
            message[0].isupper()
            or message[0] in "[0123456789'"
            or re.match(r"\w+\.(csv|toml|xlsx|sav)|level ", message)
        )
        assert message[-1] in ".)?", message
