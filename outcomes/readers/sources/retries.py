"""Asking again where an answer failed for a reason that may pass."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from outcomes.core.errors import SourceError

log = logging.getLogger("outcomes")
#: Seconds waited before the second, third and fourth time.
WAITS = (1.0, 3.0, 9.0)
#: The longest wait that a server can ask for, in seconds.
LONGEST = 60.0
T = TypeVar("T")


class PassingError(Exception):
    """What went wrong and may pass; `wait` is how long the server asks to wait, in seconds."""

    def __init__(self, words: str, wait: float = 0.0) -> None:
        super().__init__(words)
        self.words, self.wait = words, wait


def pause(seconds: float) -> None:
    """Wait."""
    time.sleep(seconds)


@contextmanager
def unlogged(*names: str) -> Iterator[None]:
    """Keep what a library logs from the screen and from files: it may hold values or addresses."""
    loggers = [logging.getLogger(name) for name in names]
    before = [(one.propagate, list(one.handlers)) for one in loggers]
    for one in loggers:
        one.propagate, one.handlers = False, [logging.NullHandler()]
    try:
        yield
    finally:
        for one, (propagate, handlers) in zip(loggers, before, strict=True):
            one.propagate, one.handlers = propagate, handlers


def retried(ask: Callable[[], T], place: str) -> T:
    """The answer, asked for up to four times while the reason of a failure may pass.

    Raises SourceError with the last reason.
    """
    for i in range(len(WAITS) + 1):
        try:
            return ask()
        except PassingError as wrong:
            if i == len(WAITS):
                raise SourceError(
                    f"{place}: {wrong.words}, also when asked {len(WAITS) + 1} times. Nothing was"
                    " read. Try again later."
                ) from None
            wait = min(max(WAITS[i], wrong.wait), LONGEST)
            log.info("%s: %s; asked again in %d s.", place, wrong.words, wait)
            pause(wait)
    raise AssertionError("unreachable")
