"""Rules about ratings of change (PGIC): which side is better differs between copies in use."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from outcomes.checks.rules import rule
from outcomes.core.outcome import Outcome
from outcomes.study.scores import main_score, ratings
from outcomes.study.study import Issue, Study

#: Fewer patients than this with both values say nothing of the direction of a rating.
FEWEST = 8
#: The share of patients whose rating must contradict their change for levels alone to say so.
MOST = 0.8


@rule
def rating_direction(study: Study) -> Iterator[Issue]:
    """A rating of change that runs against the change in the main score, or whose better side is
    not declared: asked, never turned round.
    """
    for rating in ratings(study):
        if not rating.better:
            text = (
                f"{rating.title} is a rating of change without a better side. Is its lowest answer"
                f' the best? Declare better = "lower" or "higher" under [outcomes] {rating.name}.'
            )
            yield Issue("rating_direction", text, 1, "warning", column=rating.name)
            continue
        main = study.outcome(main_score(study))
        if main.of_change or not main.better or len(study.keys) > 2:
            continue
        rho, n, p = _agreement(study, rating, main)
        against = n >= FEWEST and rho < 0 and p < 0.05
        if against or _levels(study, rating, main):
            yield Issue("rating_direction", _asks(rating, main), n, "warning", column=rating.name)


def _levels(study: Study, rating: Outcome, main: Outcome) -> bool:
    """Whether most patients' main score improved while most ratings at their last visit lie on the
    worse half of the scale, or the other way round.
    """
    moved, rated = _last(study, rating, main)
    if not np.isfinite(rating.low + rating.high) or len(moved) < FEWEST:
        return False
    gain = moved if main.better == "higher" else -moved
    good = rated - (rating.low + rating.high) / 2
    good = good if rating.better == "higher" else -good
    against = (gain > 0) & (good < 0), (gain < 0) & (good > 0)
    return max(float(a.mean()) for a in against) >= MOST


def _last(study: Study, rating: Outcome, main: Outcome) -> tuple[np.ndarray, np.ndarray]:
    """Change in the main score and rating at the last visit of each patient with both."""
    scores = study.wide(main.name)
    change = scores.sub(scores[study.baseline], axis=0)
    rated = study.wide(rating.name).where(change.notna())
    later = [v for v in study.visits if v != study.baseline]
    if not later:
        return np.empty(0), np.empty(0)
    last = rated[later].ffill(axis=1).iloc[:, -1]
    moved = change.where(rated.notna())[later].ffill(axis=1).iloc[:, -1]
    both = (last.notna() & moved.notna()).to_numpy()
    return moved.to_numpy(float)[both], last.to_numpy(float)[both]


def _agreement(study: Study, rating: Outcome, main: Outcome) -> tuple[float, int, float]:
    """Spearman's correlation of rating and change, both turned so that more is better, at the last
    visit of each patient with both; the number of patients; its P.
    """
    from scipy.stats import spearmanr

    y, x = _last(study, rating, main)
    if len(x) < FEWEST or np.ptp(x) == 0 or np.ptp(y) == 0:
        return 0.0, len(x), 1.0
    sign = 1.0 if rating.better == main.better else -1.0
    found = spearmanr(x, y)
    return sign * float(found.statistic), len(x), float(found.pvalue)


def _asks(rating: Outcome, main: Outcome) -> str:
    side = "lowest" if rating.better == "lower" else "highest"
    if rating.instrument:
        how = f'reverse = ["change"] under [instruments] {rating.instrument}'
    else:
        other = "higher" if rating.better == "lower" else "lower"
        how = f'better = "{other}" under [outcomes] {rating.name}'
    return (
        f"{rating.title} runs against the change in {main.title}: patients whose {main.title}"
        f" improved gave worse ratings. Is the {side} answer really the best in your copy? If"
        f" not, declare {how}."
    )
