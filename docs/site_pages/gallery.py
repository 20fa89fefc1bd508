"""The gallery: every question asked of the sample, with its code, sentence, table and pictures."""

from __future__ import annotations

import warnings
from pathlib import Path

import matplotlib.pyplot as plt

import outcomes as oc
from site_pages.gallery_examples import EXAMPLES, STUDIES

HEAD = """# Gallery

This page shows what each question gives back: its code, its sentence, its table and its pictures, all made from the
[invented sample](../sample-data.md) while this site was built. Nothing here says anything about ketamine.
"""


def write(root: Path, folder: Path) -> None:
    """Write a page for each family of questions, and one that lists them."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for family, examples in EXAMPLES.items():
        slug = family.lower().replace(",", "").replace(" ", "-")
        parts = [
            f"# {family}\n\nThis page shows questions of this family on the invented sample, with"
            " code and answer.\n"
        ]
        for title, code in examples.items():
            parts.append(_example(root, folder, slug, title, code))
        (folder / f"{slug}.md").write_text("\n".join(parts), "utf-8")
        rows.append((slug, family, tuple(examples)))
    listed = "\n".join(
        f"| [{family}]({slug}.md) | {', '.join(names)} |" for slug, family, names in rows
    )
    tree = "\n".join(slug for slug, _, _ in rows)
    index = (
        f"{HEAD}\n| family | examples |\n| --- | ---"
        f" |\n{listed}\n\n```{{toctree}}\n:hidden:\n\n{tree}\n```\n"
    )
    (folder / "index.md").write_text(index, "utf-8")


def source(name: str, code: str) -> str:
    """The whole program of an example, as a reader would type it."""
    return (
        f'import outcomes as oc\n\nstudy = oc.read_study("{STUDIES[name]}")\n{code}\nresult ='
        " question.run(study)"
    )


def answer(root: Path, name: str, code: str) -> oc.Result:
    """What an example gives on the sample below the root."""
    space: dict[str, object] = {}
    text = source(name, code).replace(f'"{STUDIES[name]}"', repr(str(root / STUDIES[name])))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exec(compile(text, f"gallery example ({name})", "exec"), space)
    result = space["result"]
    assert isinstance(result, oc.Result)
    return result


def _example(root: Path, folder: Path, slug: str, title: str, example: tuple[str, str]) -> str:
    name, code = example
    result = answer(root, name, code)
    if result.failed:
        raise SystemExit(f"Gallery, {title}: {result.failed}")
    text = source(name, code) + "\nresult.sentence()\noc.table(result)"
    text += "".join(f'\noc.plot(result, "{kind}")' for kind in result.pictures)
    kind = type(result.analysis).__name__
    parts = [
        f"## {title}\n",
        f"{result.analysis.question()} ([{kind}](../methods.md#{kind.lower()}))\n",
        f"```python\n{text}\n```\n",
        f"> {result.sentence()}\n",
        f'<div class="result" tabindex="0">\n{oc.table(result)._repr_html_()}\n</div>\n',
    ]
    for picture in result.pictures:
        file = f"{slug}-{title.lower().replace(' ', '-')}-{picture}.png".replace(",", "")
        figure = oc.plot(result, picture).figure
        figure.savefig(folder / file, dpi=90)
        plt.close("all")
        alt = result.sentence().replace("[", "(").replace("]", ")").replace("\n", " ")
        parts.append(f"![{alt}]({file})\n")
    return "\n".join(parts)
