"""Write the shipped notebooks from their templates on the sample data, and run them: `python
notebooks/build.py [KIND ...]`.

Needs the test extra (nbclient). Text outputs are the same on every run; pictures may differ by the
fonts of the machine.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from outcomes.notebooks import KINDS, write_notebook

ROOT = Path(__file__).resolve().parents[1]


def shipped(kind: str, root: Path = ROOT) -> Path:
    """Where a kind's notebook on the sample data lies."""
    return root / "notebooks" / f"{KINDS[kind].file}.ipynb"


def build(kind: str, root: Path = ROOT) -> Path:
    """Write the kind's notebook on its sample study, not run yet."""
    return write_notebook(
        kind, root / "data" / "sample" / KINDS[kind].sample, shipped(kind, root), force=True
    )


def run(file: Path) -> nbformat.NotebookNode:
    """The notebook run from a clean kernel in its own folder, without traces of when and where.

    A report run sets the drawing backend of its process; a notebook draws as it does in JupyterLab.
    """
    book = nbformat.read(file, as_version=4)
    NotebookClient(
        book, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(file.parent)}}
    ).execute(env={k: v for k, v in os.environ.items() if k != "MPLBACKEND"})
    for cell in book.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            output.pop("execution_count", None) if output.output_type != "execute_result" else None
    book.metadata.language_info = {"name": "python"}
    return book


def main(kinds: list[str]) -> None:
    for kind in kinds or KINDS:
        file = build(kind)
        nbformat.write(run(file), file)
        print(f"{file.name} written.")


if __name__ == "__main__":
    main(sys.argv[1:])
