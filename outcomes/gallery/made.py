"""The examples as programs that run: what a reader types, and what it gives on the sample."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from outcomes.core.errors import DataError
from outcomes.core.result import Result
from outcomes.gallery.examples import EXAMPLES, STUDIES
from outcomes.plots import kinds


@dataclass(frozen=True)
class Example:
    """One question of the gallery: its family, title, the study it is asked of, and its code."""

    family: str
    title: str
    study: str
    code: str

    @property
    def program(self) -> str:
        """The program up to the answer, as a reader would type it."""
        return (
            f'import outcomes as oc\n\nstudy = oc.read_study("{STUDIES[self.study]}")\n{self.code}'
            "\nresult = question.run(study)"
        )

    def shown(self, pictures: tuple[str, ...]) -> str:
        """The whole program: the answer, its sentence, its table, and these pictures."""
        drawn = "".join(f'\noc.plot(result, "{kind}")' for kind in pictures)
        return f"{self.program}\nresult.sentence()\noc.table(result){drawn}"

    def answer(self, folder: Path | None = None) -> Result:
        """What the program gives on the sample, which is in `folder` (default: the shipped one).

        A warning is an error: the gallery shows what works.
        """
        place = (folder or sample_folder()) / Path(STUDIES[self.study]).relative_to("data/sample")
        space: dict[str, object] = {}
        text = self.program.replace(f'"{STUDIES[self.study]}"', repr(str(place)))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            exec(compile(text, f"gallery example ({self.title})", "exec"), space)
        result = space["result"]
        assert isinstance(result, Result)
        return result


def examples() -> tuple[Example, ...]:
    """All examples, family by family.

    >>> examples()[0].title
    'The patients'
    """
    return tuple(
        Example(family, title, *example)
        for family, listed in EXAMPLES.items()
        for title, example in listed.items()
    )


def answered(folder: Path | None = None) -> Iterator[tuple[Example, Result, tuple[str, ...]]]:
    """Each example with its answer and the pictures to show: the answer's own, and those further
    kinds that no example before has shown.
    """
    seen: set[str] = set()
    for example in examples():
        result = example.answer(folder)
        more = [k for k in kinds(result) if k not in result.pictures and k not in seen]
        pictures = (*result.pictures, *more)
        seen |= set(pictures)
        yield example, result, pictures


def sample_folder() -> Path:
    """Where the invented sample is: in the installed package, or in the source beside it.

    Raises DataError where neither is there.
    """
    package = Path(__file__).resolve().parents[1]
    for place in (package / "sample", package.parent / "data" / "sample"):
        if (place / "study.toml").exists():
            return place
    raise DataError(
        f"The invented sample is not there: neither {package / 'sample'} nor data/sample beside"
        " the package. Install outcomes again, or run this in a copy of its source."
    )
