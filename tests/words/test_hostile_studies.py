"""Every question asked of studies that are hard on it: an answer or a refusal in words, no number
that is none in any of them, and directions that agree with the signs.
"""

from __future__ import annotations

import re
import warnings

import pytest

import outcomes as oc
from outcomes.core.direction import direction
from tests.words.hostile import HOSTILE
from tests.words.situations import SITUATIONS, asked, words
from tests.words.test_every_reading import KINDS, NEVER, UNDERSCORE

SLIPS = NEVER | {
    # whole: 0.1 points is no slip in any style
    "one of several": r"(?<![\d.,·−–/])1 (patients|visits|pairs|points|questions|sites|infusions)\b",
    "a P of nothing": r"\b[Pp] ?= ?0?[.·]0+(?!\d)",
    "a negative number needed": r"NNT (-|−)",
    "minus nothing": r"(?<!\d)[−-]0([.·]0*)?(?![\d.·])",
    "a number in the notation of a computer": r"\d[eE][+-]?\d\d",
}
#: Of many draws or whole plans: a few of the studies are enough by default.
LONG = ("Robustness", "TippingPoint", "Imputed", "ReferenceBased", "Bootstrap", "SideBySide")
FEW = ("scores near 5,000", "half begin at 0", "no week 4", "sparse", "3 patients")
CASES = [
    pytest.param(name, case, marks=() if _now else pytest.mark.slow)
    for name in KINDS
    for case in HOSTILE
    for _now in [case in FEW and name not in LONG]
]


@pytest.mark.parametrize(("name", "case"), CASES)
def test_a_hostile_study_is_answered_or_refused_in_words(name, case):
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        result = oc.Plan(asked(name, SITUATIONS[0])).run(HOSTILE[case](name))[0]
    said = list(words(result))
    said += [(style, result.sentence(style)) for style in ("apa", "bmj", "lancet")]
    result.to_frame()
    slips = [(slip, t) for slip, found in SLIPS.items() for _, t in said if re.search(found, t)]
    assert slips == []
    assert [t for _, t in said if re.search(UNDERSCORE, t) and "Not answered" not in t] == []
    silent = [
        e.said for e in result.estimates if e.value != e.value and e.p != e.p and not e.reason
    ]
    assert silent == []
    for e in result.estimates:
        word = direction(e, result.outcome)
        if word not in ("", "not clear"):
            better = (e.value > e.measure.null) == (result.outcome.better == "higher")
            assert (word == "improved" or word.startswith("better with")) == better, e.said
