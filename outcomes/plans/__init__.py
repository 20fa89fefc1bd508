"""Plans: questions in order, families, the estimand, and ready-made plans."""

from outcomes.plans.ready_made import (
    before_after,
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
    "before_after",
    "crossover",
    "follow_up",
    "parallel",
    "ready_made",
    "routes",
    "side_effects",
    "starter",
    "suggest",
    "with_plan",
]
