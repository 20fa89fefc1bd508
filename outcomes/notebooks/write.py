"""A template and a study in, a notebook out.

A template is Markdown: text, and fenced Python as code cells. The first code cell holds the
options, one a line (`NAME = value  # what it is`), and gets the study's own values; an option that
nothing else uses is left out. What stands between `<!-- if WORD -->` (or `<!-- if not WORD -->`)
and `<!-- end -->` is kept for studies of which WORD is (not) true
(`outcomes.notebooks.kinds.words`).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from outcomes.config import atomic
from outcomes.core.errors import DataError, StudyError, unknown
from outcomes.notebooks.kinds import KINDS, options, words
from outcomes.readers import read_study

CONDITION = re.compile(r"<!-- if (not )?(\w+) -->\n(.*?)<!-- end -->\n", re.DOTALL)
CODE = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
OPTION = re.compile(r"^([A-Z_]+) = (.*?)(  # .*)?\n?$")
WIDTH = 60


def write_notebook(kind: str, study: str | Path, to: str | Path, *, force: bool = False) -> Path:
    """Write the notebook of this kind for a study file; it is not run yet.

    Raises StudyError for an unknown kind or a file that is there already, and what reading the
    study or a question the notebook asks says about a study that does not fit.
    """
    if kind not in KINDS:
        raise StudyError(unknown("kind of notebook", kind, KINDS))
    target = Path(to)
    if target.suffix != ".ipynb":
        raise StudyError(f"--to ends in .ipynb; got '{target.name}'.")
    if not target.parent.is_dir():
        raise DataError(f"There is no folder '{target.parent}' to write to.")
    if target.exists() and not force:
        raise StudyError(
            f"{target} is already there. Choose another name with --to, or replace it with --force."
        )
    read = read_study(study).ready
    values = {"STUDY": _relative(Path(study), target.parent), **options(kind, read)}
    return atomic.write(target, notebook(template(kind), values, words(read, values)))


def template(kind: str) -> str:
    """The text of a kind's template."""
    return (Path(__file__).parent / f"{KINDS[kind].file}.md").read_text("utf-8")


def notebook(text: str, values: Mapping[str, Any], true: Collection[str] = ()) -> str:
    """The notebook as JSON: sections of `true` words kept, `values` put into the options.

    >>> import json
    >>> text = "# Pain\\n\\n```python\\nAFTER = 'w4'  # the visit\\n```\\n"
    >>> text += "\\n```python\\nprint(AFTER)\\n```\\n"
    >>> json.loads(notebook(text, {"AFTER": "w8"}))["cells"][1]["source"]
    ['AFTER = "w8"  # the visit']
    """
    kept = CONDITION.sub(lambda m: m[3] if (m[2] in true) != bool(m[1]) else "", text)
    cells = [_cell(i, kind, source) for i, (kind, source) in enumerate(_parts(kept))]
    first, *others = (c for c in cells if c["cell_type"] == "code")
    used = set(re.findall(r"\w+", " ".join(line for c in others for line in c["source"])))
    lines = [
        _filled(line.rstrip("\n"), values) for line in first["source"] if _option(line) in used
    ]
    first["source"] = "\n".join(lines).splitlines(keepends=True)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    content = {
        "cells": cells,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _parts(text: str) -> Iterator[tuple[str, str]]:
    """Cells in order: code as fenced, text cut before each heading."""
    for i, part in enumerate(CODE.split(text)):
        if i % 2:
            yield "code", part.rstrip("\n")
        else:
            for piece in re.split(r"^(?=#+ )", part, flags=re.MULTILINE):
                if piece.strip():
                    yield "markdown", re.sub(r"\n{3,}", "\n\n", piece.strip())


def _cell(number: int, kind: str, source: str) -> dict[str, Any]:
    cell = {
        "cell_type": kind,
        "id": f"cell-{number:02d}",
        "metadata": {},
        "source": source.splitlines(keepends=True),
    }
    return cell | {"execution_count": None, "outputs": []} if kind == "code" else cell


def _option(line: str) -> str:
    """The name of the option that a line sets; empty where it sets none."""
    found = OPTION.match(line)
    return found[1] if found else ""


def _filled(line: str, values: Mapping[str, Any]) -> str:
    """An option's line with the study's value."""
    found = OPTION.match(line)
    if not found or found[1] not in values:
        return line
    value, comment = values[found[1]], found[3] or ""
    text = _python(value)
    if (
        isinstance(value, list) and len(text) > WIDTH
    ):  # one an indented line, the comment on the first
        text, comment = f"[{comment}\n" + "".join(f"    {_python(v)},\n" for v in value) + "]", ""
    return f"{found[1]} = {text}{comment}"


def _python(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_python, value))}]"
    return repr(value)


def _relative(study: Path, folder: Path) -> str:
    """The study file as seen from the notebook's folder; the full path where there is no way
    between them (drives).
    """
    try:
        return Path(os.path.relpath(study.resolve(), folder.resolve())).as_posix()
    except ValueError:
        return study.resolve().as_posix()
