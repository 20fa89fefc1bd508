"""Data frames that R has saved (.rds, .RData): read as a frame is, within limits, and without R."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from outcomes.config.regular import read_bytes
from outcomes.core.errors import DataError, MissingExtraError
from outcomes.readers.cells import TextTable, fingerprint
from outcomes.readers.formats.frames import read_frame
from outcomes.readers.formats.packed import bounded

ENDINGS = (".rds", ".rda", ".rdata")
_PACKINGS: tuple[tuple[bytes, Callable[[io.BytesIO], Any]], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ", lzma.open),
)


def read_r_data(path: str | Path, *, last: int | None = None) -> TextTable:
    """The one data frame of a file that R has saved; row 1 is the first.

    Factors are read as their labels, dates as ISO dates, times in the zone they name (else in UTC).
    Row names that are texts are a column, `row_names`.

    Raises DataError for a file that is damaged, becomes too large, or holds no data frame or
    several; MissingExtraError without rdata.
    """
    path = Path(path)
    data = read_bytes(path)
    found = [v for v in _objects(path.name, data) if isinstance(v, pd.DataFrame)]
    if len(found) != 1:
        raise DataError(
            f"{path.name} holds {len(found)} data frames. In R, save the one with the scores:"
            " saveRDS(scores, 'scores.rds')."
        )
    frame = found[0]
    if pd.api.types.is_integer_dtype(frame.index.dtype):
        frame = frame.reset_index(drop=True)
    else:
        frame = frame.rename_axis(index="row_names")
    return replace(read_frame(frame, last=last), name=path.name, **fingerprint(data))


def _objects(name: str, data: bytes) -> list[Any]:
    try:
        import rdata
    except ImportError:
        raise MissingExtraError(
            f"{name} is R data, which needs the rdata extra: pip install 'outcomes[rdata]'. Or, in"
            " R: write.csv(scores, 'scores.csv', row.names = FALSE)."
        ) from None
    classes = {**rdata.conversion.DEFAULT_CLASS_MAP, "Date": _dates, "POSIXct": _times}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            parsed = rdata.parser.parse_data(_unpacked(name, data))
            made = rdata.conversion.convert(parsed, constructor_dict=classes)
    except DataError:
        raise
    except Exception:  # damaged data end in errors of many kinds
        raise DataError(
            f"{name} is damaged or holds something that is no data frame. In R, save the table"
            " alone: saveRDS(scores, 'scores.rds')."
        ) from None
    return list(made.values()) if isinstance(made, Mapping) else [made]


def _unpacked(name: str, data: bytes) -> bytes:
    for sign, opened in _PACKINGS:
        if data.startswith(sign):
            with opened(io.BytesIO(data)) as handle:
                return bounded(handle.read, name, len(data))
    return data


def _dates(days: Any, attributes: Mapping[str, Any]) -> Any:
    return pd.to_datetime(np.asarray(days, dtype=float), unit="D")


def _times(seconds: Any, attributes: Mapping[str, Any]) -> Any:
    zone = attributes.get("tzone")
    named = str(np.ravel(zone)[0]) if zone is not None and np.size(zone) else ""
    times = pd.to_datetime(np.asarray(seconds, dtype=float), unit="s", utc=True)
    return times.tz_convert(named or "UTC").tz_localize(None)
