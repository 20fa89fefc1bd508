"""The gallery: every question asked of the sample, with its code, sentence, table and pictures."""

from __future__ import annotations

from pathlib import Path

import outcomes as oc
from outcomes.gallery.made import Example, answered
from outcomes.gallery.page import place_name, png

HEAD = """# Gallery

This page shows what each question gives back: its code, its sentence, its table and its pictures, all made from the
[invented sample](../sample-data.md) while this site was built. Nothing here says anything about ketamine. The same as one
page on your own computer, without network: `outcomes gallery --out gallery`.
"""


def write(root: Path, folder: Path) -> None:
    """Write a page for each family of questions, and one that lists them."""
    folder.mkdir(parents=True, exist_ok=True)
    pages: dict[str, list[str]] = {}
    names: dict[str, list[str]] = {}
    for example, result, pictures in answered(root / "data" / "sample"):
        pages.setdefault(example.family, []).append(_example(folder, example, result, pictures))
        names.setdefault(example.family, []).append(example.title)
    for family, parts in pages.items():
        head = (
            f"# {family}\n\nThis page shows questions of this family on the invented sample, with"
            " code and answer.\n"
        )
        (folder / f"{place_name(family)}.md").write_text("\n".join([head, *parts]), "utf-8")
    listed = "\n".join(
        f"| [{family}]({place_name(family)}.md) | {', '.join(shown)} |"
        for family, shown in names.items()
    )
    tree = "\n".join(map(place_name, names))
    index = (
        f"{HEAD}\n| family | examples |\n| --- | ---"
        f" |\n{listed}\n\n```{{toctree}}\n:hidden:\n\n{tree}\n```\n"
    )
    (folder / "index.md").write_text(index, "utf-8")


def _example(folder: Path, example: Example, result: oc.Result, pictures: tuple[str, ...]) -> str:
    if result.failed:
        raise SystemExit(f"Gallery, {example.title}: {result.failed}")
    kind = type(result.analysis).__name__
    parts = [
        f"## {example.title}\n",
        f"{result.analysis.question()} ([{kind}](../methods.md#{kind.lower()}))\n",
        f"```python\n{example.shown(pictures)}\n```\n",
        f"> {result.sentence()}\n",
        f'<div class="result" tabindex="0">\n{oc.table(result)._repr_html_()}\n</div>\n',
    ]
    for picture in pictures:
        file = f"{place_name(example.family)}-{place_name(example.title)}-{picture}.png"
        (folder / file).write_bytes(png(result, picture))
        alt = result.sentence().replace("[", "(").replace("]", ")").replace("\n", " ")
        parts.append(f"![{alt}]({file})\n")
    return "\n".join(parts)
