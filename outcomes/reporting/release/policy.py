"""Which counts are hidden and how the others are rounded: thresholds of published rules."""

from __future__ import annotations

from dataclasses import dataclass

from outcomes.core.language import say
from outcomes.reporting.release.rules import LEAST_DF


@dataclass(frozen=True)
class Policy:
    """A disclosure rule: counts up to `hidden` are not shown, others are rounded to `base`."""

    name: str
    hidden: int
    base: int = 5
    source: str = ""

    @property
    def least(self) -> int:
        """The fewest patients a mean or a difference between two reports may rest on."""
        return self.hidden + 1

    @property
    def words(self) -> str:
        """The rule in a sentence."""
        return say(
            "Counts of {hidden} or fewer are hidden, other counts are rounded to the nearest"
            " {base}, percentages come from rounded counts, means rest on at least {least}"
            " patients, and no minimum, maximum or single patient is shown.",
            hidden=self.hidden,
            base=self.base,
            least=max(self.least, LEAST_DF + 1),
        )


PRESETS = {
    p.name: p
    for p in (
        Policy(
            "opensafely",
            7,
            source="OpenSAFELY statistical disclosure control (docs.opensafely.org)",
        ),
        Policy("nhs", 7, source="NHS Digital, Hospital Episode Statistics disclosure rules, 2018"),
        Policy(
            "cms", 10, source="CMS cell size suppression policy (resdac.org), with rounding added"
        ),
        Policy(
            "ukllc",
            9,
            source=(
                "UK Longitudinal Linkage Collaboration: fewer than 10, zero included, with rounding"
                " added"
            ),
        ),
        Policy("acro", 9, source="ACRO defaults: at least 10, rounding base 5"),
    )
}
