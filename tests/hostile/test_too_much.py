"""Files that are small and become large: refused by what they say of themselves, in little memory
and time.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import struct
import zipfile
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyreadstat
import pytest

from outcomes.core.errors import DataError
from outcomes.readers.draft import guess_study
from outcomes.readers.files import read_file
from outcomes.readers.formats.statistical import read_statistical
from outcomes.readers.source import Source
from tests.bounds import ends
from tests.readers import books
from tests.readers.test_opendocument import cell, document

LONG = 200_000  # letters of one text
CELLS = 20_000  # cells that repeat it


def parquet(folder: Path) -> Path:
    texts = pa.DictionaryArray.from_arrays(
        pa.array([0] * CELLS, pa.int32()), pa.array(["A" * LONG])
    )
    pq.write_table(
        pa.table({"id": [str(i) for i in range(CELLS)], "x": texts}), folder / "a.parquet"
    )
    return folder / "a.parquet"


def xlsx(folder: Path) -> Path:
    rows = "".join(
        f'<row r="{i}"><c r="A{i}" t="s"><v>0</v></c></row>' for i in range(1, CELLS + 1)
    )
    shared = f'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" uniqueCount="1"><si><t>{"A" * LONG}</t></si></sst>'
    return books.raw(folder / "a.xlsx", rows, [("xl/sharedStrings.xml", shared.encode())])


def ods(folder: Path) -> Path:
    repeated = cell("A" * LONG, ' table:number-columns-repeated="100"')
    row = (
        f'<table:table-row table:number-rows-repeated="{CELLS // 100}">{repeated}</table:table-row>'
    )
    return document(folder / "a.ods", {"Scores": [row]})


def zsav(folder: Path) -> Path:
    path = folder / "a.zsav"
    frame = pd.DataFrame({"id": ["a", "b"] * 50, "x": [1.0, 2.0] * 50})
    pyreadstat.write_sav(frame, str(path), compress=True)
    assert len(read_statistical(path).columns) == 2
    data = path.read_bytes()
    path.write_bytes(data[:-8] + struct.pack("<I", 0xFFFFFFF0) + data[-4:])
    return path


def gz(folder: Path) -> Path:
    (folder / "a.csv.gz").write_bytes(gzip.compress(b"id,x\n" + bytes(60_000_000)))
    return folder / "a.csv.gz"


def zip_of_xlsx(folder: Path) -> Path:
    inner = xlsx(folder).read_bytes()
    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("scores.xlsx", inner)
    return folder / "a.zip"


@pytest.mark.parametrize("make", [parquet, xlsx, ods, zsav, gz, zip_of_xlsx])
def test_what_unpacks_to_too_much_is_refused(make, tmp_path: Path) -> None:
    path = make(tmp_path)
    assert path.stat().st_size < 2_000_000
    with ends(), pytest.raises(DataError, match="is refused"):
        read_file(Source.of(path.name, tmp_path))


def test_a_long_text_that_is_there_once_is_read(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as few:
        few.setattr(f"{__name__}.CELLS", 3)
        assert len(read_file(Source.of(parquet(tmp_path).name, tmp_path))) == 3


@pytest.mark.parametrize("name", ["..", "a" * 300 + ".csv"])
def test_no_name_in_an_archive_leads_anywhere(name: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as package:
        package.writestr(name, "id,visit,x\na,pre,1\na,post,2\n")
    with pytest.raises(DataError):
        read_file(Source.of("a.zip", tmp_path))


@pytest.mark.parametrize("kind", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2, zipfile.ZIP_DEFLATED])
def test_an_archive_that_is_damaged_within_is_said(kind: int, tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", kind) as package:
        package.writestr("a.csv", "id,visit,x\n" + "a,pre,1\n" * 500)
    data = bytearray(out.getvalue())
    data[50:80] = bytes(b ^ 255 for b in data[50:80])
    (tmp_path / "a.zip").write_bytes(bytes(data))
    with pytest.raises(DataError, match="damaged"):
        read_file(Source.of("a.zip", tmp_path))


@pytest.mark.parametrize("column", ["id", "visit", "pain", "remark"])
def test_a_cell_of_a_megabyte_in_any_column(column: str, tmp_path: Path) -> None:
    rows = [{"id": f"p{i}", "visit": v, "pain": str(i), "remark": "ok"}
            for i in range(9) for v in ("pre", "post")]  # fmt: skip
    rows[3][column] = "Aa1@." * 200_000
    pd.DataFrame(rows).to_csv(tmp_path / "a.csv", index=False)
    with ends(), contextlib.suppress(DataError):
        guess_study(tmp_path / "a.csv")


@pytest.mark.slow
def test_twenty_thousand_columns(tmp_path: Path) -> None:
    n = 20_000
    lines = [",".join(["id", *(f"x{j}" for j in range(n))])]
    lines += [",".join([f"p{i}", *["5"] * n]) for i in range(4)]
    (tmp_path / "a.csv").write_text("\n".join(lines) + "\n")
    with ends(120):
        table = read_file(Source.of("a.csv", tmp_path))
    assert len(table.columns) == n + 1
