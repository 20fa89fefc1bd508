"""Commands for files that leave the clinic's hands: pseudonyms for codes, tables without dates."""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from outcomes.cli import output
from outcomes.config import atomic
from outcomes.core.errors import StudyError
from outcomes.readers import pseudonyms as codes
from outcomes.readers.draft import patient_codes
from outcomes.readers.studyfile import read_deidentified
from outcomes.tables.grid import safe_cell


def pseudonyms(args: argparse.Namespace) -> int:
    """Replace patients' codes by pseudonyms, and keep key and table apart."""
    data, apart = Path(args.data), Path(args.apart)
    if apart.resolve() == data.resolve().parent:
        raise StudyError(
            "--apart is the folder of the data: whoever has the data would have the key too. Name"
            " another folder."
        )
    target = Path(args.to) if args.to else data.with_name(f"{data.stem}.coded.csv")
    output.must_be_writable(target.parent)
    _free(target, args.force)
    frame, column = patient_codes(data, patient=args.patient, sheet=args.sheet)
    place = apart / "pseudonyms.key"
    key = codes.key_of(place) if place.exists() else codes.new_key()
    written = frame[column].str.strip()
    called = codes.pseudonyms(written.tolist(), key)
    table = pd.DataFrame({"code": list(called), "pseudonym": list(called.values())})
    coded = frame.assign(**{column: written.map(called).fillna("")})
    files: dict[str, bytes | str] = {
        "pseudonyms.key": key + b"\n",
        f"{data.stem}.pseudonyms.csv": _csv(table),
        str(target.resolve()): _csv(coded),
    }
    atomic.write_all(apart, files, private=tuple(files))
    print(
        f"With pseudonyms: {target.resolve()}\nKey and table (keep them apart, give them to"
        f" nobody): {apart.resolve()}\nOnly the column '{column}' was changed: names, dates and"
        " other columns are as they were."
    )
    return 0


def export(args: argparse.Namespace) -> int:
    """Write the tables of a study without patients' codes and dates."""
    if not args.deidentified:
        raise StudyError(
            "export writes patients' rows: say --deidentified, which replaces codes by pseudonyms"
            " and moves each patient's dates. For scores with their codes: outcomes score."
        )
    tables = read_deidentified(args.study, codes.key_of(args.key))
    files = {f"{name}.csv": _csv(frame) for name, frame in tables.items()}
    for name in files:
        _free(Path(args.to) / name, args.force)
    atomic.write_all(args.to, files, private=tuple(files))
    print(
        f"De-identified tables: {Path(args.to).resolve()}\nCodes are pseudonyms and dates are"
        " moved; who knows a patient's scores may still know the patient. Columns under [privacy]"
        " drop are left out."
    )
    return 0


def _free(target: Path, force: bool) -> None:
    if target.exists() and not force:
        raise StudyError(
            f"{target} is already there. Choose another name with --to, or replace it with --force."
        )


def _csv(frame: pd.DataFrame) -> str:
    words = {c: frame[c].map(safe_cell) for c in frame}
    made = frame.assign(**words).rename(columns=safe_cell)
    return str(made.to_csv(index=False, lineterminator="\n"))
