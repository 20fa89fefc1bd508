"""What an installation brings: licences, the lock file, and the bill of materials."""

from __future__ import annotations

import importlib.util
import json
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
spec = importlib.util.spec_from_file_location("make_trust", ROOT / "docs" / "make_trust.py")
assert spec is not None and spec.loader is not None
make = importlib.util.module_from_spec(spec)
spec.loader.exec_module(make)

COPYLEFT = re.compile(r"(?<!L)\b(A?GPL)|(?<!Lesser )General Public License|Affero", re.IGNORECASE)


@pytest.mark.parametrize("name", make.run_time())
def test_nothing_under_the_gpl_is_installed(name: str) -> None:
    assert not COPYLEFT.search(make.licence(name)), make.licence(name)


@pytest.mark.parametrize(
    "words", ["GPL-3.0-or-later", "AGPL-3.0", "GNU General Public License v2 (GPLv2)"]
)
def test_copyleft_is_recognised(words: str) -> None:
    assert COPYLEFT.search(words)
    assert not COPYLEFT.search("LGPL-2.1")


LINE = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)(?: ;[^\\]*)? \\$", re.MULTILINE)


def locked() -> dict[str, str]:
    return dict(LINE.findall(make.LOCK.read_text("utf-8")))


def test_the_lock_file_holds_every_dependency_at_a_version_that_is_allowed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = project["dependencies"] + [w for e in make.EXTRAS for w in extras[e]]
    have = {canonicalize_name(n): v for n, v in locked().items()}
    for text in wanted:
        one = Requirement(text)
        assert one.specifier.contains(have[canonicalize_name(one.name)]), text


def test_everything_in_the_lock_file_has_a_hash_and_is_in_the_bill_of_materials() -> None:
    blocks = re.split(r"\n(?=[A-Za-z])", make.LOCK.read_text("utf-8"))[1:]
    assert [b.splitlines()[0] for b in blocks if "--hash=sha256:" not in b] == []
    assert len(blocks) >= len(locked()) > 80
    bill = json.loads(make.SBOM.read_text("utf-8"))
    assert bill["bomFormat"] == "CycloneDX"
    assert {(c["name"], c["version"]) for c in bill["components"]} >= set(locked().items())


def test_the_page_of_licences_names_every_package() -> None:
    text = make.LICENCES.read_text("utf-8")
    assert [n for n in make.run_time() if f"| {n} |" not in text] == []
