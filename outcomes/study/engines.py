"""Where the parts of a study are worked on: one after another, in processes of this machine, or on
several machines. An engine maps a function over the parts and adds up what it gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from outcomes.core.errors import MissingExtraError, StudyError, unknown

#: Called with the number of parts done and of all parts.
Progress = Callable[[int, int], None]


class Engine(Protocol):
    """A place to compute: the sum of a function over the parts, reported part by part."""

    def total(
        self, make: Callable[[Any], Any], parts: Sequence[Any], progress: Progress | None = None
    ) -> Any:
        """make(part) + make(part) + …, added in the order of the parts."""


@dataclass(frozen=True)
class SerialEngine:
    """One part after another: only one is in memory."""

    def total(
        self, make: Callable[[Any], Any], parts: Sequence[Any], progress: Progress | None = None
    ) -> Any:
        """The sum over the parts."""
        return added(map(make, parts), len(parts), progress)


@dataclass(frozen=True)
class ProcessEngine:
    """Several processes on this machine, by joblib; each has one part in memory. `workers` is how
    many (default: one a processor).
    """

    workers: int = 0

    def total(
        self, make: Callable[[Any], Any], parts: Sequence[Any], progress: Progress | None = None
    ) -> Any:
        """The sum over the parts. Raises MissingExtraError without joblib."""
        try:
            from joblib import Parallel, delayed
        except ImportError:
            raise MissingExtraError(
                "Processes need the parallel extra: pip install 'outcomes[parallel]'. Or choose"
                ' engine = "serial".'
            ) from None
        run = Parallel(n_jobs=self.workers or -1, return_as="generator", pre_dispatch="n_jobs")
        return added(run(delayed(make)(part) for part in parts), len(parts), progress)


@dataclass(frozen=True)
class DaskEngine:
    """Many machines, by a scheduler of dask.distributed that is already there (`scheduler`, its
    address; none: a local one with processes). A part whose worker is lost is done again.

    The workers need `outcomes` of the same version, and see the files under the same paths.
    """

    scheduler: str = ""

    def total(
        self, make: Callable[[Any], Any], parts: Sequence[Any], progress: Progress | None = None
    ) -> Any:
        """The sum over the parts. Raises MissingExtraError without dask."""
        try:
            from distributed import Client
        except ImportError:
            raise MissingExtraError(
                "Dask needs the cluster extra: pip install 'outcomes[cluster]'. Or choose"
                ' engine = "processes".'
            ) from None
        with Client(self.scheduler or None) as client:
            futures = [client.submit(make, part, pure=False, retries=3) for part in parts]
            return added((future.result() for future in futures), len(parts), progress)


@dataclass(frozen=True)
class SparkEngine:
    """Many machines, by Spark: the session that is there, else a new one of the configuration that
    the machine has.
    """

    def total(
        self, make: Callable[[Any], Any], parts: Sequence[Any], progress: Progress | None = None
    ) -> Any:
        """The sum over the parts. Raises MissingExtraError without pyspark."""
        try:
            from pyspark.sql import SparkSession
        except ImportError:
            raise MissingExtraError(
                "Spark needs the spark extra: pip install 'outcomes[spark]'. Or choose"
                ' engine = "processes".'
            ) from None
        context = SparkSession.builder.getOrCreate().sparkContext
        made = context.parallelize(list(parts), len(parts)).map(make).collect()
        return added(made, len(parts), progress)


ENGINES: dict[str, type[Any]] = {
    "serial": SerialEngine,
    "processes": ProcessEngine,
    "dask": DaskEngine,
    "spark": SparkEngine,
}


#: What may be said of each engine.
OPTIONS: dict[str, tuple[str, ...]] = {"processes": ("workers",), "dask": ("scheduler",)}


def engine(name: str, **options: Any) -> Engine:
    """The engine of this name. Raises StudyError that lists what there is.

    >>> engine("processes", workers=2)
    ProcessEngine(workers=2)
    """
    if name not in ENGINES:
        raise StudyError(unknown("engine", name, ENGINES))
    made: Engine = ENGINES[name](**options)
    return made


def added(made: Iterable[Any], n: int, progress: Progress | None) -> Any:
    """The sum of what the parts give, in their order: sums of 1, 2, 4 … parts, so that what has
    become large is seldom added to. Raises StudyError where there is no part.

    >>> added(iter("abcde"), 5, None)
    'abcde'
    """
    sums: list[tuple[int, Any]] = []
    for i, one in enumerate(made, 1):
        total, of = one, 1
        while sums and sums[-1][0] == of:
            total, of = sums.pop()[1] + total, 2 * of
        sums.append((of, total))
        if progress:
            progress(i, n)
    if not sums:
        raise StudyError("A study in parts has at least one part.")
    _, total = sums.pop()
    while sums:
        total = sums.pop()[1] + total
    return total
