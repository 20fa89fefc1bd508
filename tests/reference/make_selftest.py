"""Write outcomes/validation/reference.json: the inputs and R's numbers that `outcomes selftest`
carries with it.

Run: .venv/bin/python -m tests.reference.make_selftest

From the reference table in this folder it takes, of every method, every option on its two smallest
data sets (at most 14 cases, 40 numbers of each). Taken are only data that are invented or hand-made
for this purpose, or printed in a paper (manifest: carrier licence "own" or "published table"); data
sets that come inside R packages, completed versions of them, and numbers of the package mmrm, stay
out. The R package and its version stand beside every case.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from pathlib import Path
from typing import TypeVar

import outcomes.validation
from outcomes.validation.cases import Case, difference, methods
from tests.shared import DATA, manifest, present_cases

T = TypeVar("T")
TARGET = Path(outcomes.validation.__file__).with_name("reference.json")
DATA_SETS_A_METHOD, CASES_A_METHOD, NUMBERS_A_CASE, LARGEST = 2, 14, 40, 8_000
SOURCE = (
    "R 4.2.2 and CRAN packages as named with each case; 'own' is a formula or an engine written in"
    " R for the battery. Data: invented with fixed seeds, hand-made, or printed in the literature."
)


def usable(case: Case, licence: dict[str, str]) -> bool:
    """Whether a case may be shipped: its data are free and small, and it is compared at all."""
    if (
        case.package == "mmrm"
        or case.method not in methods()
        or all(_apart(case, q) for q in case.expected)
    ):
        return False
    if not case.data.endswith(".csv"):
        return True  # the numbers are in the case's name
    free = licence[case.data] in ("own", "published table")
    return free and (DATA / case.data).stat().st_size <= LARGEST


def _apart(case: Case, quantity: str) -> bool:
    d = difference(case, quantity)
    return d is not None and math.isnan(d.rtol)


def chosen(cases: list[Case], licence: dict[str, str]) -> list[Case]:
    """Of every method, once for each option and each of its two smallest data sets (degenerate ones
    last).
    """
    by_method: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        if usable(case, licence):
            by_method[case.method].append(case)
    out: list[Case] = []
    for found in by_method.values():
        rows = {c.data: len(c.rows()) if c.data.endswith(".csv") else 0 for c in found}
        found.sort(
            key=lambda c: (c.name.startswith("deg_"), rows[c.data] < 9, rows[c.data], c.name)
        )
        data = list(dict.fromkeys(c.data for c in found))[:DATA_SETS_A_METHOD]
        once = {(c.options, c.data, c.package): c for c in reversed(found) if c.data in data}
        out += spread(list(reversed(once.values())), CASES_A_METHOD)
    return out


def spread(things: list[T], most: int) -> list[T]:
    """At most so many of them, evenly spaced."""
    return things if len(things) <= most else [things[i * len(things) // most] for i in range(most)]


def main() -> None:
    """Write the file and say how large it is."""
    licence = {name: about["carrier_licence"] for name, about in manifest().items()}
    cases = chosen(list(present_cases()), licence)
    texts = {
        c.data: (DATA / c.data).read_text(encoding="utf-8")
        for c in cases
        if c.data.endswith(".csv")
    }
    body = [
        {
            "name": c.name,
            "data": c.data,
            "method": c.method,
            "options": c.options,
            "package": c.package,
            "version": c.version,
            "inputs": c.inputs,
            "expected": dict(spread(list(c.expected.items()), NUMBERS_A_CASE)),
        }
        for c in cases
    ]
    lines = ",\n".join(json.dumps(c, ensure_ascii=False, separators=(",", ":")) for c in body)
    head = json.dumps(SOURCE)
    TARGET.write_text(
        f'{{"source": {head},\n"data": {json.dumps(texts)},\n"cases": [\n{lines}\n]}}\n',
        encoding="utf-8",
    )
    numbers = sum(len(c["expected"]) for c in body)
    print(
        f"{TARGET.name}: {len(body)} cases, {numbers} numbers, {len(texts)} data sets,"
        f" {TARGET.stat().st_size / 1024:.0f} kB"
    )


if __name__ == "__main__":
    main()
