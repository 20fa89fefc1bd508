"""Which commit of a git repository a study's folder stood at, where it stands in one."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

TIMEOUT = 20  # seconds


def git_state(study_file: Path) -> dict[str, Any]:
    """The commit, and whether a tracked file beside the study file (or the study file itself) is
    not as committed.

    Where there is nothing to tell, `absent` says why: git is not installed, the folder is in no
    repository, there is no commit yet, or git refused. It writes nothing and names no file.
    """
    git = shutil.which("git")
    if git is None:
        return {"absent": "git is not installed"}
    try:
        said = _ask(
            git,
            study_file,
            "status",
            "--porcelain=v2",
            "--branch",
            "--untracked-files=no",
            "--",
            ".",
        )
        tracked = _ask(git, study_file, "ls-files", "--error-unmatch", "--", study_file.name)
    except (OSError, subprocess.TimeoutExpired):
        return {"absent": "git did not answer"}
    if said.returncode:
        outside = "not a git repository" in said.stderr
        return {
            "absent": "in no git repository" if outside else "git refused to look at this folder"
        }
    lines = said.stdout.splitlines()
    commit = next(
        (line.split()[-1] for line in lines if line.startswith("# branch.oid ")), "(initial)"
    )
    if commit == "(initial)":
        return {"absent": "no commit yet"}
    changed = any(not line.startswith("#") for line in lines)
    return {"commit": commit, "dirty": changed or tracked.returncode != 0}


def _ask(git: str, study_file: Path, *words: str) -> subprocess.CompletedProcess[str]:
    # a run started from a git hook must not be told of that hook's repository; the words must be
    # English
    mine = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    return subprocess.run(
        [git, "-c", "core.fsmonitor=false", "-C", str(study_file.absolute().parent), *words],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=TIMEOUT,
        env={**mine, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_LITERAL_PATHSPECS": "1"},
    )
