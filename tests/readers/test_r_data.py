"""Data frames that R 4 has saved: read without R. The files were made by

d <- data.frame(patient = sprintf("K%03d", rep(1:6, each = 2)),
  visit = factor(rep(c("pre", "post"), 6), levels = c("pre", "post")),
  nrs = as.vector(rbind(7:12 - 3, 3)), n = c(1L, NA, 3:12), done = rep(c(TRUE, FALSE, NA), 4),
  day = as.Date("2025-03-01") + c(0, 28, 1, NA, 3, 31, 4, 32, 5, 33, 6, 34),
  at = as.POSIXct("2025-03-01 10:30:00", tz = "Europe/Berlin") + (0:11) * 3600)
d$nrs[2] <- NA
saveRDS(d, "clinic_r.rds")
e <- d[1:3, ]; rownames(e) <- c("a", "b", "c")
save(e, file = "clinic_r_named.RData", compress = "xz")
"""

from __future__ import annotations

import gzip
import sys

import pytest

import outcomes as oc
from outcomes.core.errors import DataError, MissingExtraError
from outcomes.readers.draft import guess_study
from outcomes.readers.files import read_file
from outcomes.readers.source import Source
from tests.shared import EXPORTS

SAVED = EXPORTS / "clinic_r.rds"


def test_values_are_read_as_r_shows_them():
    table = read_file(Source(SAVED))
    rows = [
        ["K001", "pre", "4", "1", "TRUE", "2025-03-01", "2025-03-01 10:30:00"],
        ["K001", "post", "", "", "FALSE", "2025-03-29", "2025-03-01 11:30:00"],
        ["K002", "pre", "5", "3", "", "2025-03-02", "2025-03-01 12:30:00"],
        ["K002", "post", "3", "4", "TRUE", "", "2025-03-01 13:30:00"],
    ]
    assert table.frame.head(4).to_numpy(object).tolist() == rows
    assert len(table) == 12 and table.address(0, "nrs") == "row 1, column nrs"
    assert table.name == "clinic_r.rds" and table.size == SAVED.stat().st_size


def test_names_of_rows_are_a_column():
    table = read_file(Source(EXPORTS / "clinic_r_named.RData"))
    assert table["row_names"].tolist() == ["a", "b", "c"] and len(table.columns) == 8


def test_a_study_is_made_of_it():
    _, study, problem = guess_study(SAVED)
    assert study is not None, problem
    assert study.enrolled == 6 and study.visits == ("pre", "post")
    read = oc.read_table(
        SAVED,
        patient="patient",
        visit="visit",
        visits=["pre", "post"],
        instruments={"pain_nrs": {"average": "nrs"}},
        drop=["day", "at"],
    )
    asked = oc.PairedT("pain_nrs_average", before="pre", after="post").run(read)
    assert asked.main.value == pytest.approx((3 * 5 - (5 + 6 + 7 + 8 + 9)) / 5)


def test_what_is_no_data_frame_is_said(tmp_path):
    for content in (b"", b"X\n\0\0\0\3", gzip.compress(bytes(3_000_000)), SAVED.read_bytes()[:150]):
        path = tmp_path / "scores.rds"
        path.write_bytes(content)
        with pytest.raises(DataError, match="damaged|holds 0 data frames|unpacks to more|empty"):
            read_file(Source(path))


def test_without_the_library_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "rdata", None)
    with pytest.raises(MissingExtraError, match=r"outcomes\[rdata\]"):
        read_file(Source(SAVED))
