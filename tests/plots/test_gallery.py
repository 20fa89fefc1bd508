"""The gallery: one page, from the same examples as the site, that needs no network."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from outcomes import cli
from outcomes.gallery import examples, made
from outcomes.gallery.examples import EXAMPLES
from outcomes.plots import caption

FEW = {
    "Before and after": {"Mean change": EXAMPLES["Before and after"]["Mean change"]},
    "Groups": {"Difference of two arms": EXAMPLES["Groups"]["Difference of two arms"]},
}


class Loads(HTMLParser):
    """What a page would fetch, and its pictures with their words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.alts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        for name in ("src", "data", "srcset"):
            if name in given and not str(given[name]).startswith("data:image/png;base64,"):
                self.fetched.append(str(given[name]))
        if tag in ("script", "link", "iframe"):
            self.fetched.append(tag)
        if tag == "img":
            self.alts.append(given.get("alt") or "")


@pytest.fixture
def page(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> str:
    """The page that the command writes, of two examples."""
    monkeypatch.setattr(made, "EXAMPLES", FEW)
    assert cli.main(["gallery", "--out", str(tmp_path / "new" / "gallery"), "--quiet"]) == 0
    said = capsys.readouterr().out.strip()
    assert said == f"Gallery: {tmp_path / 'new' / 'gallery' / 'gallery.html'}"
    return Path(said.removeprefix("Gallery: ")).read_text("utf-8")


def test_the_page_has_every_example_with_code_sentence_table_and_pictures(page: str) -> None:
    shown = [(e, r, kinds) for e, r, kinds in made.answered()]
    assert [e.title for e, *_ in shown] == ["Mean change", "Difference of two arms"]
    loads = Loads(page)
    assert loads.fetched == []
    for e, r, kinds in shown:
        assert e.shown(kinds) in html.unescape(page)
        assert loads.alts.count(r.sentence()) == len(kinds) > 0
        assert all(caption(r, kind) in html.unescape(page) for kind in kinds)
    assert page.count("<table") == 2


def test_each_further_kind_of_picture_is_shown_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(made, "EXAMPLES", FEW)
    kinds = [k for *_, k in made.answered()]
    assert kinds[0][0] == "slopes" and "waterfall" in kinds[0]
    assert kinds[1][0] == "forest" and "raincloud" not in kinds[1], "shown before"


def test_the_code_of_an_example_is_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    import matplotlib.pyplot as plt

    monkeypatch.chdir(Path(__file__).resolve().parents[2])
    example = examples()[0]
    space: dict[str, object] = {}
    exec(compile(example.shown(()), "example", "exec"), space)
    assert space["result"].sentence() == example.answer().sentence()
    plt.close("all")


def test_without_the_sample_it_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from outcomes.core.errors import DataError

    monkeypatch.setattr(made, "__file__", str(tmp_path / "a" / "b" / "made.py"))
    with pytest.raises(DataError, match="Install outcomes again"):
        made.sample_folder()


def test_the_titles_are_places_of_their_own() -> None:
    from outcomes.gallery.page import place_name

    places = [(e.family, place_name(e.title)) for e in examples()]
    assert len(set(places)) == len(places)
    assert all(re.fullmatch(r"[a-z0-9-]+", p) for _, p in places)
