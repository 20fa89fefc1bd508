"""The documents say what the code does."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_the_methods_page_is_up_to_date():
    code = (
        "import sys; sys.path.insert(0, 'docs'); import make_methods; print(make_methods.page(),"
        " end='')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        encoding="utf-8",
    )
    assert done.stdout == (ROOT / "docs/methods.md").read_text("utf-8"), (
        "run: python docs/make_methods.py"
    )


def test_the_reference_of_study_and_schedule_files_is_up_to_date():
    for name, row in (
        ("study-file.md", "| `order` | a list of texts or"),
        ("schedule.md", "| `port` | a whole number from"),
        ("how-to/millions-of-patients.md", "refused in words; read the study whole | `NOf1` |"),
    ):
        code = (
            "import sys, pathlib; sys.path.insert(0, 'docs'); import"
            f" make_reference;print(make_reference.page('{name}',"
            f" pathlib.Path('docs/{name}').read_text('utf-8')), end='')"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            encoding="utf-8",
        )
        assert row in done.stdout
        assert done.stdout == (ROOT / "docs" / name).read_text("utf-8"), (
            "run: python docs/make_reference.py"
        )


def test_the_example_of_the_study_file_is_toml_with_known_sections():
    from outcomes.readers.study_form import SECTIONS

    text = (ROOT / "docs/study-file.md").read_text("utf-8")
    example = tomllib.loads(re.search(r"```toml\n(.*?)```", text, re.DOTALL).group(1))
    assert set(example) <= {s.name for s in SECTIONS}


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


def test_the_example_of_the_study_file_works_as_it_stands(tmp_path):
    """With data that have its columns (and an instrument of one's own), its every line is taken."""
    import outcomes as oc

    text = (ROOT / "docs/study-file.md").read_text("utf-8")
    example = re.search(r"```toml\n(.*?)```", text, re.DOTALL).group(1)
    for optional in ("sample = true", 'date_order = "dmy"', 'ids = "trim"'):
        assert f"# {optional}" in example
        example = example.replace(f"# {optional}", optional)
    (tmp_path / "study.toml").write_text(example, "utf-8")
    own = (
        (ROOT / "outcomes/questionnaires/library/phq2.toml")
        .read_text("utf-8")
        .replace('id = "phq2"', 'id = "mine"')
    )
    (tmp_path / "mine.toml").write_text(own, "utf-8")
    columns = {
        "nrs_avg": 10,
        "nrs_worst": 10,
        "isi_total": 28,
        "pk": 50,
        "age": 90,
        "initials_of_site": 1,
        "free_text": 1,
    }
    columns |= {
        f"promis29_{i.code}": 5 for i in oc.instrument("promis29").items if i.code != "intensity"
    }
    columns |= (
        {f"phq9_{i}": 3 for i in range(1, 10)}
        | {f"eq5d_{i}": 5 for i in ("mo", "sc", "ua", "pd", "ad")}
        | {"mine_1": 3, "mine_2": 3}
    )
    rows = [
        [
            f"{p:03d}",
            visit,
            *[str(1 + (p + v + k) % high) for k, high in enumerate(columns.values())],
        ]
        for p in range(6)
        for v, visit in enumerate(("baseline", "week_4", "week_12"))
    ]
    lines = [["patient_id", "visit", *columns], *rows]
    (tmp_path / "scores.csv").write_text("\n".join(map(",".join, lines)) + "\n")
    ids = [f"{p:03d}" for p in range(6)]
    (tmp_path / "patients.csv").write_text(
        "patient_id,diagnosis\n" + "".join(f"{i},CRPS\n" for i in ids)
    )
    (tmp_path / "infusions.csv").write_text(
        "patient_id,infusion,date\n" + "".join(f"{i},1,03/04/2024\n{i},2,10/04/2024\n" for i in ids)
    )
    (tmp_path / "side_effects.csv").write_text("patient_id,infusion,event\n000,1,nausea\n")
    study = oc.read_study(tmp_path / "study.toml")
    assert study.infusions["day"].tolist() == [0, 7] * 6
    assert {
        "pain_nrs_average",
        "promis29_pain_interference",
        "phq9_total",
        "eq5d5l_index",
        "isi_total",
        "mine_total",
        "headache",
    } <= set(study.outcome_names)
    assert not oc.Plan.of(study).run(study).failed


def test_the_python_of_the_readme_runs(tmp_path, monkeypatch):
    code = re.search(
        r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL
    ).group(1)
    exec(
        compile(
            code.replace('"infusions.html"', f'r"{tmp_path}/infusions.html"'), "README.md", "exec"
        ),
        {},
    )
    assert (tmp_path / "infusions.html").stat().st_size > 10_000


def test_what_the_documents_tell_to_type_exists():
    """Commands and options in README and the pages are those of the program; files named are
    there.
    """
    from outcomes.cli.arguments import parser

    known = next(
        a
        for a in parser()._actions
        if hasattr(a, "choices") and a.choices and "report" in a.choices
    ).choices
    for page in (
        "README.md",
        "CONTRIBUTING.md",
        *[p.relative_to(ROOT).as_posix() for p in (ROOT / "docs").rglob("*.md")],
    ):
        text = (ROOT / page).read_text("utf-8")
        for command, rest in re.findall(
            r"(?:^|[`/])outcomes ([a-z][a-z-]+)([^`\n|]*)", text, re.MULTILINE
        ):
            if command in known:
                options = {o for a in known[command]._actions for o in a.option_strings}
                assert set(re.findall(r"(?<!\S)--[a-z-]+", rest.split("#")[0])) <= options, (
                    f"{page}: outcomes {command}{rest}"
                )
        for command in re.findall(r"`outcomes ([a-z][a-z-]*)", text):
            assert command in known, f"{page}: outcomes {command}"
    contributing = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    for path in re.findall(r"`((?:outcomes|docs|tests|benchmarks)/[\w/.]*)`", contributing):
        assert (ROOT / path.replace("ID", "isi")).exists(), path
