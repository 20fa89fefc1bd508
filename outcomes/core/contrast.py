"""What an estimate is about: which visit, which group against which reference, which subgroup,
which event.
"""

from __future__ import annotations

from dataclasses import dataclass


class Versus(str):
    """One group against another, as fields; as text it is 'ketamine - placebo'.

    >>> pair = Versus.of("ketamine", "placebo")
    >>> str(pair), pair.group, pair.reference
    ('ketamine - placebo', 'ketamine', 'placebo')
    """

    __slots__ = ("group", "reference")
    group: str
    reference: str

    @classmethod
    def of(cls, group: object, reference: object) -> Versus:
        """The pair of two groups; the reference is subtracted."""
        made = cls(f"{group} - {reference}")
        made.group, made.reference = str(group), str(reference)
        return made

    def __reduce__(self) -> tuple[object, ...]:
        return Versus.of, (self.group, self.reference)


@dataclass(frozen=True, slots=True)
class Contrast:
    """The place of an estimate: each field is "" where it does not apply.

    `group` is an arm, route or treatment; `reference` the one that it is compared with. `visit` is
    where the score was taken, `from_visit` what a change is counted from. `subgroup` is a part of
    the patients, `event` a side effect.
    """

    visit: str = ""
    from_visit: str = ""
    group: str = ""
    reference: str = ""
    subgroup: str = ""
    event: str = ""
