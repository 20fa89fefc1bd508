"""No number of a ready-made plan or an example question moves unseen."""

from __future__ import annotations

import numpy as np
import pytest

from tests.golden.numbers import NAMES, VALUES, numbers, read

#: Agreement asked of every number: relative, and absolute for numbers near 0.
RELATIVE, ABSOLUTE = 1e-9, 1e-12


@pytest.mark.filterwarnings("ignore")
def test_every_number_is_as_it_was_written():
    now, then = numbers(), read()
    assert now[NAMES].astype(str).to_numpy().tolist() == then[NAMES].astype(str).to_numpy().tolist()
    moved = []
    for column in VALUES:
        a, b = now[column].to_numpy(float), then[column].to_numpy(float)
        same = np.isclose(a, b, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True)
        moved += [(*now.loc[i, NAMES], column, b[i], a[i]) for i in np.flatnonzero(~same)]
    assert moved == []
