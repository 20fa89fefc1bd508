"""Answers with blanks are scored as whole numbers where that is all they are: the same scores as by
floating-point numbers, for every instrument.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from outcomes import instrument
from outcomes.questionnaires import answers
from outcomes.questionnaires.model import shipped

ROWS = 400


@pytest.mark.parametrize("id", shipped())
@pytest.mark.parametrize("strict", [False, True])
def test_blanks_change_no_score(id, strict, monkeypatch):
    kind = instrument(id)
    rng = np.random.default_rng(7)
    frame = pd.DataFrame(
        {
            i.code: rng.integers(int(i.low), int(min(i.high, 200)), ROWS, endpoint=True).astype(
                float
            )
            for i in kind.items
        }
    )
    frame = frame.mask(rng.random(frame.shape) < 0.05)
    frame.iloc[3, 0] = min(kind.items[0].high + 1, 1e6)  # refused
    options = {o.name: "US" for o in kind.options if not o.default}
    quick = kind.score(frame, strict=strict, **options)
    monkeypatch.setattr(answers, "_whole", lambda x, low, high: (None, None))
    slow = kind.score(frame, strict=strict, **options)
    pd.testing.assert_frame_equal(quick.values, slow.values, rtol=1e-12)
    pd.testing.assert_frame_equal(quick.prorated, slow.prorated)
    assert quick.problems == slow.problems
    assert quick.values.notna().any(axis=None) or id == "mme"  # of doses within its limits
