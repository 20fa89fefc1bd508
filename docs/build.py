"""Build the site: `python docs/build.py` writes build/site/index.html. Needs the extra `docs`;
works offline.

The pages of docs/ and those made from the code, the notebooks and the sample are gathered in
build/site-source. Sphinx turns them into HTML, any warning is an error, and every link inside the
site is followed afterwards.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]
os.environ.setdefault("MPLBACKEND", "Agg")


def main(target: Path = ROOT / "build" / "site") -> int:
    """Gather the pages, build them, follow the links; 0 where nothing is wrong."""
    from site_pages.gather import gather
    from site_pages.links import broken

    source = gather(ROOT, target.with_name(f"{target.name}-source"))
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-W",
        "--keep-going",
        "-q",
        "-E",
        "-b",
        "html",
        str(source),
        str(target),
    ]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False
    )
    wrong = broken(target)
    for line in wrong:
        print(line, file=sys.stderr)
    if done.returncode or wrong:
        return 1
    print(f"Site: {target / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*(Path(a).resolve() for a in sys.argv[1:2])))
