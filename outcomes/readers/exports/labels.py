"""REDCap exports with labels: recognised by their headings, of which some stand there once a
form.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from outcomes.readers.cells import tidy


def has_labels(headings: Sequence[str]) -> bool:
    """Whether these are the headings of a REDCap export with labels, where questions stand in place
    of field names.

    >>> (
    ...     has_labels(["Record ID", "Event Name", "Sex", "Complete?", "Pain", "Complete?"]),
    ...     has_labels(["id", "visit", "nrs"]),
    ... )
    (True, False)
    """
    head = [tidy(c).casefold() for c in headings]
    blocks = {"repeat instrument", "repeat instance", "event name"} & set(head)
    return head.count("complete?") > 1 or (
        bool(blocks) and ("complete?" in head or any("(choice=" in c for c in head))
    )


def distinct(headings: Sequence[str]) -> list[str]:
    """The headings; those that a REDCap export with labels repeats ("Complete?" once a form) are
    numbered.

    >>> distinct(["Record ID", "Event Name", "Complete?", "Complete?"])
    ['Record ID', 'Event Name', 'Complete?', 'Complete? (2)']
    """
    if not has_labels(headings):
        return list(headings)
    seen: Counter[str] = Counter()
    made = []
    for name in map(tidy, headings):
        seen[name] += bool(name)
        made.append(f"{name} ({seen[name]})" if seen[name] > 1 else name)
    return made
