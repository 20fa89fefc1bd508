"""Settings are declared once; what is read, refused, explained and written first comes from the
declaration.
"""

from __future__ import annotations

import tomllib
from datetime import datetime

import pytest

from outcomes.config import fields, toml
from outcomes.config.fields import (
    DATE,
    FILE,
    NUMBER,
    TABLE,
    TEXT,
    TEXTS,
    WHOLE,
    YES,
    Field,
    Section,
)
from outcomes.core.errors import StudyError
from outcomes.readers.study_form import FAMILY, SECTIONS, SOURCE
from outcomes.schedule.schedule_form import SECTIONS as SCHEDULE

MAIL = Section(
    "notify.mail",
    "A mail server",
    (
        Field("host", TEXT, "its name", '"smtp.example.org"', needed=True, shown=True),
        Field("port", WHOLE, "the port", "587", default=587, least=1, most=65535),
        Field(
            "kinds",
            TEXTS,
            "what is told",
            '["failure"]',
            allowed=("failure", "success"),
            default=("failure",),
        ),
        Field("start", DATE, "from when", "2026-10-01"),
    ),
)
TOP = Section(
    "notify",
    "Who is told",
    (Field("on", YES, "whether", "true", default=False, shown=True),),
    shown=True,
)


def read(text: str) -> dict[str, object]:
    return fields.read_file((TOP, MAIL), toml.parse(text, "a.toml"))


def test_values_defaults_and_tables_within_tables() -> None:
    said = read('[notify]\non = true\n[notify.mail]\nhost = "h"\nkinds = ["success"]')
    assert said["notify"] == {"on": True}
    assert said["notify.mail"] == {"host": "h", "port": 587, "kinds": ("success",), "start": None}
    assert read("")["notify.mail"] == {
        "host": None,
        "port": 587,
        "kinds": ("failure",),
        "start": None,
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[notfy]", "a.toml, line 1: No section 'notfy'. There is: notify. Did you mean 'notify'?"),
        ("notify = 3", "a.toml, line 1: notify is written as [notify], with its keys below."),
        ("[notify]\non = 1", "a.toml, line 2, [notify]: 'on' is true or false, such as on = true."),
        (
            "[notify.mail]\nport = 25",
            "line 1: [notify.mail] needs 'host', a text in quotes, such as host = ",
        ),
        ('[notify.mail]\nhost = ""', "line 1: [notify.mail] needs 'host'"),
        (
            '[notify.mail]\nhost = "h"\nport = true',
            "line 3, [notify.mail]: 'port' is a whole number from 1 to 65535",
        ),
        ('[notify.mail]\nhost = "h"\nport = 0', "'port' is a whole number from 1 to 65535; got 0."),
        (
            '[notify.mail]\nhost = "h"\nkinds = ["succes"]',
            "No kinds 'succes'. There is: failure, success. Did you mean",
        ),
        ('[notify.mail]\nhost = "h"\nkinds = [1]', "'kinds' is a list of texts"),
        ('[notify.mail]\nhost = "h"\nstart = 2026-10-01T06:00:00', "'start' is a date"),
        (
            '[notify.mail]\nhost = "h"\nprot = 1',
            "No key 'prot'. There is: host, port, kinds, start. Did you mean 'port'?",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_line_and_how_it_is_written(text: str, words: str) -> None:
    with pytest.raises(StudyError) as caught:
        read(text)
    assert words in str(caught.value)


def test_kinds_take_what_they_say() -> None:
    assert not NUMBER.takes(float("nan")) and not NUMBER.takes(True) and NUMBER.takes(float("inf"))
    assert not DATE.takes(datetime(2026, 1, 1)) and not TEXTS.takes("abc") and TABLE.takes({})
    assert FILE.takes("a.csv") and not FILE.takes(3)


def test_a_file_name_has_no_control_characters() -> None:
    with pytest.raises(StudyError, match="without control characters"):
        fields.read(SOURCE, {"file": "a\nb.csv"}, toml.Document())


def test_a_long_key_is_not_repeated_whole() -> None:
    with pytest.raises(StudyError) as caught:
        read(f"[notify]\n{'x' * 5000} = 1")
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "section", [*SECTIONS, SOURCE, FAMILY, *SCHEDULE], ids=lambda s: s.title or s.name
)
def test_every_example_passes_its_own_field(section: Section) -> None:
    for field in [*section.fields, *([section.entry] if section.entry else [])]:
        assert field.meaning and not field.meaning.endswith(".")
        if field.example:
            value = tomllib.loads(f"x = {field.example}")["x"]
            fields.check(field, value, toml.Document(), (field.name,))


def test_the_commented_file_shows_what_is_needed_and_comments_the_rest() -> None:
    text = fields.commented((TOP, MAIL), {"notify": {"on": False}}, head=["Look at it."])
    assert tomllib.loads(text) == {"notify": {"on": False}}
    assert text.startswith("# Look at it.\n") and "# Who is told" in text
    everything = "\n".join(line.removeprefix("# ") for line in text.splitlines()[1:])
    assert read(everything)["notify.mail"]["port"] == 587  # type: ignore[index]


def test_the_reference_names_every_key_once() -> None:
    page = fields.reference((TOP, MAIL))
    assert "### `[notify.mail]`" in page
    assert "| `port` | a whole number from 1 to 65535 | the port | `587` | `587` |" in page
    assert (
        '| `kinds` | a list of `failure`, `success` | what is told | `["failure"]` |'
        ' `["failure"]` |' in page
    )
    assert "| `host` | a text in quotes | its name | needed |" in page
