"""The usual words of answers and the number that each stands for: short facts, in the languages of
clinics.
"""

from __future__ import annotations

import csv
import functools
import re
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType

from outcomes.questionnaires.model import LIBRARY


def plain_words(text: str) -> str:
    """An answer for comparing: without capitals, accents, marks and doubled spaces.

    >>> plain_words(" Más de la mitad de los DÍAS. "), plain_words("Not  at all")
    ('mas de la mitad de los dias', 'not at all')
    """
    plain = unicodedata.normalize("NFKD", text.casefold()).encode("ascii", "ignore").decode()
    return " ".join(re.findall(r"[a-z0-9]+", plain)) or " ".join(text.casefold().split())


@functools.cache
def answer_words(instrument: str) -> Mapping[str, float]:
    """What the usual words of an instrument's answers stand for, by `plain_words`; empty where the
    library knows none, or where they differ from question to question.

    >>> answer_words("phq9")["several days"], answer_words("gad7")["beinahe jeden tag"]
    (1.0, 3.0)
    """
    with (LIBRARY / "answer_words.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    return MappingProxyType(
        {
            plain_words(r["words"]): float(r["value"])
            for r in rows
            if instrument in r["instruments"].split()
        }
    )
