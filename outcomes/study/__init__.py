"""Data and what their columns mean: `Study`."""

from outcomes.study.study import (
    CONTROLLED,
    DESIGNS,
    GROUPS,
    KEYS,
    InstrumentUse,
    Issue,
    Pairs,
    Study,
)

__all__ = ["CONTROLLED", "DESIGNS", "GROUPS", "KEYS", "InstrumentUse", "Issue", "Pairs", "Study"]
