"""What a report may need to know of a question, whoever wrote it: said by the question, never read
off its name.
"""

from __future__ import annotations

from enum import Enum, auto


class Trait(Enum):
    """One thing that a question does. `Analysis.traits` lists those of a kind of question."""

    DESCRIBES_PATIENTS = auto()  # Table 1 and scores at each visit
    COURSE = auto()  # means over the visits
    RESPONDERS = auto()  # shares of patients that reached a stated improvement
    HARMS = auto()  # side effects of everybody
    SEPARATE_GROUPS = auto()  # each patient is in one of the groups that it compares
    CROSSOVER = auto()  # within patients, period allowed for
    RANKS = auto()  # its size is a typical value, not a mean
    MODELLED = auto()  # its changes and differences are coefficients of a fitted model
    USES_ALL_SCORES = auto()  # a model in which patients with some scores missing count
    HANDLES_MISSING = auto()  # fills, tips or sets aside missing scores in a way of its own
    SHOWS_MISSING = auto()  # missing scores laid open
    TIPPING_POINT = auto()
    REGRESSION_TO_MEAN = auto()
    MANY_WAYS = auto()  # the same question asked in several ways
    LINEAR = auto()  # its main estimate is linear in the scores, with a variance quadratic in them
    RATINGS = auto()  # fits a rating of change (PGIC): counts answers or compares their order
    COUNTS_FAILURES = auto()  # an intercurrent event can count as a failure whatever the score
    WORST_RANK = auto()  # only the order counts, so that a failure can have the worst rank
