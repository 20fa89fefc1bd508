"""Write what an IT department asks for: `python docs/make_trust.py` (needs the `trust` extra, and a
package registry).

* `requirements.lock`: the tested set of packages of this system, each with its hashes. Install exactly these with
  `pip install --require-hashes -r requirements.lock`.
* `docs/validation/sbom.cdx.json`: the same set as a bill of materials (CycloneDX).
* `docs/validation/licences.md`: the licence of every package that `pip install outcomes` brings.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, distribution, distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements.lock"
SBOM = ROOT / "docs" / "validation" / "sbom.cdx.json"
LICENCES = ROOT / "docs" / "validation" / "licences.md"
EXTRAS = ("test", "notebooks")
COMMAND = "python docs/make_trust.py"

HEAD = """# Licences

This page lists every package that `pip install outcomes` brings, with the licence that the package
states. It is written by `docs/make_trust.py`; `tests/test_trust.py` keeps packages under the GPL or
AGPL out.

| package | licence |
| --- | --- |
"""


def run_time(name: str = "outcomes") -> list[str]:
    """Every package that an installation without extras brings, found from what is installed."""
    found: dict[str, None] = {}
    waiting = [name]
    while waiting:
        for text in distribution(waiting.pop()).requires or ():
            wanted = Requirement(text)
            key = canonicalize_name(wanted.name)
            if key in found or (wanted.marker and not wanted.marker.evaluate({"extra": ""})):
                continue
            try:
                distribution(key)
            except PackageNotFoundError:  # for another system
                continue
            found[key] = None
            waiting.append(key)
    return sorted(found)


def licence(name: str) -> str:
    """The licence as the package states it: its expression, else its classifiers, else its text."""
    about = distribution(name).metadata
    if about.get("License-Expression"):
        return about["License-Expression"]
    said = [c for c in about.get_all("Classifier") or () if c.startswith("License ::")]
    if said:
        return "; ".join(c.rpartition(" :: ")[2] for c in said)
    return (about.get("License") or "not stated").splitlines()[0]


def page() -> str:
    rows = "".join(f"| {n} | {licence(n)} |\n" for n in run_time())
    return HEAD + rows


def lock() -> None:
    """Pin what is installed here, which is what the tests ran with."""
    here = {d.metadata["Name"]: d.version for d in distributions()}
    with tempfile.TemporaryDirectory() as folder:
        tested = Path(folder) / "tested.txt"
        lines = [f"{n}=={v}" for n, v in sorted(here.items()) if n != "outcomes"]
        tested.write_text("\n".join(lines), encoding="utf-8")
        compiler = (sys.executable, "-m", "uv", "pip", "compile", "--quiet")
        shown = ("--generate-hashes", "--strip-extras", "--no-annotate", "--no-emit-index-url")
        extras = [f"--extra={e}" for e in EXTRAS]
        words = ("--constraints", str(tested), "--output-file", LOCK.name, "pyproject.toml")
        subprocess.run(
            [*compiler, *shown, "--custom-compile-command", COMMAND, *extras, *words],
            cwd=ROOT,
            check=True,
        )


def sbom() -> None:
    words = ["-m", "cyclonedx_py", "requirements", LOCK.name, "--output-reproducible"]
    subprocess.run([sys.executable, *words, "-o", str(SBOM)], cwd=ROOT, check=True)
    bill = json.loads(SBOM.read_text("utf-8"))
    for component in bill["components"]:  # where it is fetched from; hashes are in the lock
        component.pop("externalReferences", None)
    bill["metadata"].pop("tools", None)
    SBOM.write_text(json.dumps(bill, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    lock()
    sbom()
    LICENCES.write_text(page(), encoding="utf-8")
