"""How a journal writes numbers, P and intervals; and the style that is in force."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import MappingProxyType

from outcomes.core.errors import AnalysisError, unknown


@dataclass(frozen=True, slots=True)
class Style:
    """A journal's way to write statistics.

    `letter` is that of P, `gap` what stands beside an equals sign, `zero` whether P has a zero
    before the point, `least` below which only "less than" is said, `two_figures` whether P has two
    significant figures (else two or three digits), `three` whether it always has three digits,
    `point` the decimal mark, `confidence` how an interval is announced, `to` what stands between
    its limits, `brackets` what is around them.
    """

    name: str
    letter: str = "P"
    gap: str = ""
    zero: bool = False
    least: str = ".001"
    three: bool = False
    two_figures: bool = False
    point: str = "."
    confidence: str = "CI, "
    to: str = " to "
    brackets: tuple[str, str] = ("", "")
    #: Whether numbers that cannot be above 1, such as a correlation, have no zero before the point.
    bare: bool = False


#: The house's own (AMA without spaces, so that a cell keeps its number whole) and four journals'.
#:
#: * AMA Manual of Style, 11th edition (2020), 19.5 and 18.7.1: P with a capital, no zero before the
#:   point, two digits, three below .01 or where two would round it across .05; "P < .001";
#:   "95% CI, 1.2 to 3.4" with "to" between the limits where one may be negative.
#: * APA Publication Manual, 7th edition (2020), 6.36 and 6.41-6.44: p in lower case, spaces around
#:   signs, two or three digits (three here), no zero before the point of p and r, which cannot
#:   exceed 1; "95% CI [1.2, 3.4]".
#: * The BMJ, house style and statistics checklist for authors: P with a capital, a zero before the
#:   point, exact, "P<0.001"; "95% confidence interval 1.2 to 3.4".
#: * The Lancet, formatting guidelines for electronic submission: decimal points midline (23·4); p
#:   in lower case, to two significant figures unless p<0·0001; "95% CI 1·2 to 3·4".
STYLES = MappingProxyType(
    {
        "": Style(""),
        "ama": Style("ama", gap=" "),
        "apa": Style(
            "apa", "p", " ", three=True, confidence="CI ", to=", ", brackets=("[", "]"), bare=True
        ),
        "bmj": Style("bmj", zero=True, confidence="confidence interval "),
        "lancet": Style(
            "lancet", "p", zero=True, least=".0001", two_figures=True, point="·", confidence="CI "
        ),
    }
)

#: The names that a study file or an argument may give.
STYLE_NAMES = tuple(name for name in STYLES if name)

_IN_FORCE: ContextVar[Style] = ContextVar("style", default=STYLES[""])


def style_of(name: str = "") -> Style:
    """The style of a name; without one, that in force. Raises AnalysisError for an unknown name.

    >>> style_of("lancet").point
    '·'
    """
    if not name:
        return _IN_FORCE.get()
    if not isinstance(name, str) or name not in STYLES:
        raise AnalysisError(unknown("style", str(name), STYLE_NAMES))
    return STYLES[name]


@contextmanager
def written_in(name: str) -> Iterator[Style]:
    """Every number, P and interval that is written inside has this style; "" keeps the one in
    force.

    >>> from outcomes.core.wording import interval
    >>> with written_in("apa"):
    ...     interval(1.2, 3.4, level=0.95)
    '95% CI [1.2, 3.4]'
    """
    token = _IN_FORCE.set(style_of(name))
    try:
        yield _IN_FORCE.get()
    finally:
        _IN_FORCE.reset(token)
