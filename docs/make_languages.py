"""Renew the catalogues in `outcomes/core/languages/`: every message of the code is in each, in its
place; a new one without a translation, a stale one not at all.

    .venv/bin/python docs/make_languages.py

A test fails while a translation is empty: fill in `msgstr` and run it again.
"""

from __future__ import annotations

import ast
import importlib
import json
import pkgutil
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "outcomes"
FOLDER = PACKAGE / "core" / "languages"
#: Functions whose first argument is a message, by name.
ONE = ("say", "message", "fixed", "score_words", "of")
#: Functions whose first two are its singular and plural.
TWO = ("say_n", "message_n")
#: The numbers of plural forms, as gettext writes them.
PLURALS = dict.fromkeys(("de", "es", "pt", "nl"), "nplurals=2; plural=(n != 1);") | {
    "fr": "nplurals=2; plural=(n > 1);"
}
#: Context, English text, its plural ("" where it has none).
Message = tuple[str, str, str]


def messages() -> dict[Message, str]:
    """Every message of the code, each with the file it is in."""
    found = dict[Message, str]()
    for path in sorted(PACKAGE.rglob("*.py")):
        where = path.relative_to(ROOT).as_posix()
        for m in _of_tree(ast.parse(path.read_text("utf-8"))):
            found.setdefault(m, where)
    for path in sorted(PACKAGE.rglob("*.j2")):
        for text in re.findall(r'say\("([^"]+)"\)', path.read_text("utf-8")):
            found.setdefault(("", text, ""), path.relative_to(ROOT).as_posix())
    for text, where in names():
        found.setdefault(("name", text, ""), where)
    return found


def _of_tree(tree: ast.AST) -> Iterator[Message]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        owner = getattr(getattr(node.func, "value", None), "id", "")
        texts = [
            a.value if isinstance(a, ast.Constant) and isinstance(a.value, str) else None
            for a in node.args
        ]
        if called == "of" and owner != "Phrase":
            continue
        if called in ONE and texts[:1] and texts[0]:
            context = texts[1] if len(texts) > 1 and texts[1] == "name" else ""
            yield context or "", texts[0], ""
        elif called in TWO and len(texts) > 1 and texts[0] and texts[1]:
            yield "", texts[0], texts[1]
        elif called == "named" and texts[:1] and texts[0]:
            yield "name", texts[0], ""
        elif called == "Mark" and len(texts) > 1 and texts[1]:  # what a caption says of a mark
            yield "", texts[1], ""


def names() -> Iterator[tuple[str, str]]:
    """The names that data files and classes give: of scores, units, questions, kinds of numbers."""
    sys.path.insert(0, str(ROOT))
    import outcomes.analyses
    from outcomes.analyses.question import Analysis
    from outcomes.core.estimate import REASONS
    from outcomes.core.measure import Measure

    for found in pkgutil.walk_packages(outcomes.analyses.__path__, "outcomes.analyses."):
        importlib.import_module(found.name)
    open_ = [Analysis]
    while open_:
        one = open_.pop()
        open_ += one.__subclasses__()
        short = vars(one).get("short", "")
        if isinstance(short, str) and short and one.__module__.startswith("outcomes."):
            yield short, one.__module__
    yield from ((m.value, "outcomes/core/measure.py") for m in Measure if m.value)
    yield from ((text, "outcomes/core/estimate.py") for text in REASONS.values())
    for path in sorted((PACKAGE / "questionnaires" / "library").glob("*.toml")):
        about = tomllib.loads(path.read_text("utf-8"))
        where = path.relative_to(ROOT).as_posix()
        for text in _of_instrument(about):
            yield text, where


def _of_instrument(about: dict[str, object]) -> Iterator[str]:
    for table in (about, *about.get("scores", ()), *about.get("flags", ())):  # type: ignore[attr-defined]
        for key in ("title", "unit", "message"):
            text = table.get(key)
            if isinstance(text, str) and _words(text):
                yield text


def _words(text: str) -> bool:
    """Whether a name has an ordinary word in it: PHQ-9 and EQ VAS are the same everywhere."""
    return bool(re.search(r"[a-z]{3}", text)) and text not in PROPER


#: Names of questionnaires, which every language keeps.
PROPER = (
    "Fatigue Severity Scale",
    "IMMPACT framework",
    "Neck Disability Index",
    "Oswestry Disability Index",
    "PROMIS Global Health",
    "PROMIS Pain Interference",
    "PROPr",
    "Roland-Morris Disability Questionnaire",
    "Tampa Scale for Kinesiophobia",
    "WHODAS 2.0, 12 items",
    "painDETECT",
)


def written(code: str, translated: dict[Message, tuple[str, ...]]) -> str:
    """A catalogue as text, in the order of the code."""
    q = lambda text: json.dumps(text, ensure_ascii=False)  # noqa: E731
    lines = [
        'msgid ""',
        'msgstr ""',
        q(f"Language: {code}\n"),
        q("Content-Type: text/plain; charset=UTF-8\n"),
        q(f"Plural-Forms: {PLURALS[code]}\n"),
        "",
    ]
    for m, where in sorted(messages().items(), key=lambda item: (item[1], item[0])):
        context, one, many = m
        forms = translated.get(m, ("",) * (2 if many else 1))
        lines.append(f"#: {where}")
        lines += [f"msgctxt {q(context)}"] if context else []
        lines.append(f"msgid {q(one)}")
        if many:
            lines.append(f"msgid_plural {q(many)}")
            lines += [f"msgstr[{i}] {q(form)}" for i, form in enumerate(forms)]
        else:
            lines.append(f"msgstr {q(forms[0])}")
        lines.append("")
    return "\n".join(lines)


def there(code: str) -> dict[Message, tuple[str, ...]]:
    """The translations that a catalogue has."""
    sys.path.insert(0, str(ROOT))
    from outcomes.core.language import read_catalogue

    path = FOLDER / f"{code}.po"
    if not path.exists():
        return {}
    texts = read_catalogue(path.read_text("utf-8")).texts
    plural = {(c, one): many for c, one, many in messages() if many}
    made = {}
    for key, forms in texts.items():
        context, _, one = key.rpartition("\x04")
        made[context, one, plural.get((context, one), "")] = forms
    return made


def main() -> None:
    """Write every catalogue again."""
    for code in PLURALS:
        (FOLDER / f"{code}.po").write_text(written(code, there(code)), "utf-8")


if __name__ == "__main__":
    main()
