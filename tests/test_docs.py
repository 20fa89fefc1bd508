"""The documents say what the code does."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_the_methods_page_is_up_to_date():
    code = "import sys; sys.path.insert(0, 'docs'); import make_methods; print(make_methods.page(), end='')"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, encoding="utf-8")
    assert done.stdout == (ROOT / "docs/methods.md").read_text("utf-8"), "run: python docs/make_methods.py"


def test_the_example_of_the_study_file_is_toml_with_known_sections():
    from outcomes.readers.studyfile import SECTIONS

    text = (ROOT / "docs/study-file.md").read_text("utf-8")
    example = tomllib.loads(re.search(r"```toml\n(.*?)```", text, re.DOTALL).group(1))
    assert set(example) <= set(SECTIONS)


def test_readme_opens_with_its_two_commands_each_doing_its_own_set_up():
    blocks = re.findall(r"```bash\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    assert "outcomes report data/sample/study.toml" in blocks[0]
    assert "pytest" in blocks[1]
    for block in blocks[:3]:
        assert block.startswith("python3 -m venv .venv && .venv/bin/python -m pip install")


def test_ci_runs_the_second_command_of_the_readme():
    script = "awk '/^```/{n++; next} n==3' README.md"
    assert script in (ROOT / ".ci/run").read_text("utf-8")
    done = subprocess.run(script, shell=True, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("pytest")
