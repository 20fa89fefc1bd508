"""What each row of a pooled answer is, for code that picks one: the words are for people."""

from __future__ import annotations

from enum import Enum, auto


class Pooling(Enum):
    """A row of `pool`, `three_level`, `leave_one_out`, `meta_regression` or `pooled_logit`."""

    MEAN = auto()  # the mean over sites
    TRUNCATED = auto()  # the same, with a Hartung-Knapp factor of at least 1
    MODEL_BASED = auto()  # the same, with the error that the model gives
    SHARE = auto()  # the same as a share
    PREDICTION = auto()  # where a new site would lie
    TAU2 = auto()  # the variance between sites
    TAU = auto()
    I2 = auto()
    H2 = auto()
    TAU2_BETWEEN = auto()  # on three levels: between the units that sites belong to
    TAU_BETWEEN = auto()
    I2_BETWEEN = auto()
    TAU2_WITHIN = auto()  # on three levels: between the sites of one unit
    TAU_WITHIN = auto()
    I2_WITHIN = auto()
    Q = auto()  # the test that sites differ
    FACTOR = auto()  # the Hartung-Knapp factor
    COEFFICIENT = auto()  # of a moderator, and the intercept
    MODERATORS = auto()  # the test of all moderators
    R2 = auto()  # the share of the variance that moderators account for
    SITE = auto()  # one site's own value
    LEFT_OUT = auto()  # the mean without one site
    TAU2_LEFT_OUT = auto()  # the variance without one site
