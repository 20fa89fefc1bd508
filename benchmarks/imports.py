"""What `import outcomes` costs beside `import pandas`: fresh processes in turn, the ratio pair by
pair.

Run: .venv/bin/python benchmarks/imports.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time


def seconds(statement: str) -> float:
    """Wall time of a fresh interpreter that runs the statement."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return time.perf_counter() - start


TAB = """
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
import time
shell = InteractiveShell.instance()
shell.run_cell("import outcomes as oc")
with provisionalcompleter():
    list(shell.Completer.completions("str.", 4))  # jedi's own first import is not ours
    start = time.process_time()
    list(shell.Completer.completions("oc.", 3))
print(f"{time.process_time() - start:.2f}")
"""


def first_tab() -> float:
    """CPU seconds of the first `oc.<Tab>` of a session."""
    done = subprocess.run([sys.executable, "-c", TAB], check=True, capture_output=True, text=True)
    return float(done.stdout.splitlines()[-1])


def main(pairs: int = 9) -> None:
    """Print the median ratio."""
    seconds("import outcomes")  # warm the file cache and the byte code
    ratios, ours, theirs = [], [], []
    for _ in range(pairs):
        ours.append(seconds("import outcomes"))
        theirs.append(seconds("import pandas"))
        ratios.append(ours[-1] / theirs[-1])
    print(
        f"import outcomes {statistics.median(ours):.3f} s, import pandas"
        f" {statistics.median(theirs):.3f} s"
    )
    print(
        f"ratio: median {statistics.median(ratios):.2f} (min {min(ratios):.2f}, max"
        f" {max(ratios):.2f}); goal: at most 1.3"
    )
    print(f"first oc.<Tab>: {statistics.median(first_tab() for _ in range(3)):.2f} s of CPU")


if __name__ == "__main__":
    main()
