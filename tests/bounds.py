"""A bound that tells work without end from work on a slow machine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

# Not a figure of speed (those are in benchmarks/): what must end here costs at most a few seconds
# on any machine, and what the tests guard against costs minutes to hours.
SECONDS = 60


@contextmanager
def ends(seconds: float = SECONDS) -> Iterator[None]:
    begun = time.process_time()
    yield
    used = time.process_time() - begun
    assert used < seconds, f"{used:.0f} CPU seconds"
