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
        if n >= FEWEST and rho < 0 and p < 0.05:
            yield Issue("rating_direction", _asks(rating, main), n, "warning", column=rating.name)


def _agreement(study: Study, rating: Outcome, main: Outcome) -> tuple[float, int, float]:
    """Spearman's correlation of rating and change, both turned so that more is better, at the last
    visit of each patient with both; the number of patients; its P.
    """
    from scipy.stats import spearmanr

    scores = study.wide(main.name)
    change = scores.sub(scores[study.baseline], axis=0)
    rated = study.wide(rating.name).where(change.notna())
    later = [v for v in study.visits if v != study.baseline]
    last = rated[later].ffill(axis=1).iloc[:, -1] if later else rated.iloc[:, 0] * np.nan
    moved = change.where(rated.notna())[later].ffill(axis=1).iloc[:, -1] if later else last
    both = (last.notna() & moved.notna()).to_numpy()
    x, y = last.to_numpy()[both], moved.to_numpy()[both]
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
        f" improved more gave worse ratings. Is the {side} answer really the best in your copy? If"
        f" not, declare {how}."
    )
