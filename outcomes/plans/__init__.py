"""Plans: questions in order, families, the estimand, ready-made plans, and frozen ones."""

from outcomes.plans.frozen import FrozenPlan, freeze, with_frozen
from outcomes.plans.frozen_comparison import deviations
from outcomes.plans.ready_made import (
    before_after,
    courses,
    crossover,
    follow_up,
    parallel,
    ready_made,
    routes,
    side_effects,
    starter,
    suggest,
    with_plan,
)

__all__ = [
    "FrozenPlan",
    "before_after",
    "courses",
    "crossover",
    "deviations",
    "follow_up",
    "freeze",
    "parallel",
    "ready_made",
    "routes",
    "side_effects",
    "starter",
    "suggest",
    "with_frozen",
    "with_plan",
]
