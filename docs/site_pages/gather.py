"""Put every page of the site into one folder: written ones, made ones, notebooks."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from outcomes.plans.plan import kinds
from site_pages import api, command_line, gallery, questions

#: Pages made from the code: their place in the site, and what makes them.
MADE: dict[str, Callable[[], str]] = {
    "which-question.md": questions.page,
    "reference/questions.md": questions.fields,
    "reference/command-line.md": command_line.page,
}
#: Files of the repository that are pages of the site, and what they are called there.
TAKEN = {
    "CONTRIBUTING.md": "contributing/recipes.md",
    "CHANGELOG.md": "changes.md",
    "data/sample/README.md": "sample-data.md",
}


def gather(root: Path, target: Path) -> Path:
    """Write the site's source below the target, afresh, and return it."""
    if target.exists():
        shutil.rmtree(target)
    docs = root / "docs"
    copied = shutil.ignore_patterns("__pycache__", "*.py", "site_pages")
    shutil.copytree(docs, target, ignore=copied)
    shutil.copy(docs / "conf.py", target / "conf.py")
    for file, page in TAKEN.items():
        shutil.copy(root / file, target / page)
    (target / "tutorials").mkdir(exist_ok=True)
    for book in sorted((root / "notebooks").glob("*.ipynb")):
        shutil.copy(book, target / "tutorials" / book.name)
    for page, make in MADE.items():
        _write(target / page, make())
    for page, text in api.pages().items():
        _write(target / "reference" / "api" / page, text)
    gallery.write(root, target / "gallery")
    _tree(
        target / "notebooks.md",
        [f"tutorials/{b.stem}" for b in sorted((root / "notebooks").glob("*.ipynb"))],
    )
    instruments = target / "instruments.md"  # a place in a page is written so that Sphinx finds it
    instruments.write_text(
        re.sub(r'<a id="(\w+)"></a>\n\n', r"(\1)=\n", instruments.read_text("utf-8")), "utf-8"
    )
    for page in target.rglob("*.md"):
        page.write_text(_links(page.read_text("utf-8"), page.relative_to(target)), "utf-8")
    return target


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")


def _tree(page: Path, names: list[str]) -> None:
    """Give a page the pages below it."""
    tree = "\n".join(names)
    page.write_text(
        f"{page.read_text('utf-8')}\n```{{toctree}}\n:hidden:\n\n{tree}\n```\n", "utf-8"
    )


def _links(text: str, page: Path) -> str:
    """The page with its links to files of the repository turned into links of the site."""
    up = os.path.relpath(".", page.parent)
    text = re.sub(r"\]\((?:\.\./)+notebooks/(\w+\.ipynb)\)", rf"]({up}/tutorials/\1)", text)
    for file, name in TAKEN.items():
        text = re.sub(rf"\]\((?:\.\./)+{re.escape(file)}\)", f"]({up}/{name})", text)
    if page.parts[0] == "coming-from":
        text = _questions(text, up)
    return text


def _questions(text: str, up: str) -> str:
    """The page with the names of questions in its tables turned into links to their methods."""

    def link(m: re.Match[str]) -> str:
        return f"[`{m[1]}`]({up}/methods.md#{m[1].lower()})" if m[1] in kinds() else m[0]

    return re.sub(
        r"^\|.*\|$", lambda row: re.sub(r"`(\w+)`", link, row[0]), text, flags=re.MULTILINE
    )
