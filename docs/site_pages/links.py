"""Follow every link of the built site that stays inside it, and find what a page would ask the
network for.
"""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

#: Attributes by which a browser fetches something without being asked to.
_FETCHED = {
    ("script", "src"),
    ("img", "src"),
    ("iframe", "src"),
    ("source", "src"),
    ("link", "href"),
}
#: Kinds of <link> that only say something and fetch nothing.
_SAID = {"canonical", "next", "prev", "index", "search", "author", "help", "glossary"}


class _Page(HTMLParser):
    """Ids of a page, its links, and what it loads."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: set[str] = {"", "top"}
        self.links: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {k: v or "" for k, v in attrs}
        self.ids.update(said[k] for k in ("id", "name") if k in said)
        if tag == "a" and "href" in said:
            self.links.append(said["href"])
        for name in ("src", "href"):
            if (
                (tag, name) in _FETCHED
                and name in said
                and not set(said.get("rel", "").split()) & _SAID
            ):
                self.loads.append(said[name])


def broken(site: Path) -> list[str]:
    """One line for each link that leads nowhere, and for each thing that is loaded from
    elsewhere.
    """
    pages = {
        file.resolve(): _read(file) for file in site.rglob("*.html") if "_static" not in file.parts
    }
    wrong = []
    for file, page in pages.items():
        here = file.relative_to(site.resolve())
        for link in (*page.links, *page.loads):
            part = urlsplit(link)
            if part.scheme or part.netloc:
                if link in page.loads and part.scheme != "data":
                    wrong.append(f"{here} loads {link} from the network")
                continue
            to = (file.parent / unquote(part.path)).resolve() if part.path else file
            to = to / "index.html" if to.is_dir() else to
            if not to.exists():
                wrong.append(f"{here}: {link} is not there")
            elif to in pages and unquote(part.fragment) not in pages[to].ids:
                wrong.append(f"{here}: {link} has no such place")
    return sorted(set(wrong))


def _read(file: Path) -> _Page:
    page = _Page()
    page.feed(file.read_text("utf-8"))
    return page
