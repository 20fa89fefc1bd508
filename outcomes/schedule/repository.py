"""Which commit of a git repository a study's folder stood at, where it stands in one."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from outcomes.config.regular import read_bytes
from outcomes.core.errors import OutcomesError

TIMEOUT = 20  # seconds


def git_state(study_file: Path) -> dict[str, Any]:
    """The commit, and whether a tracked file beside the study file (or the study file itself) is
    not as committed.

    Where there is nothing to tell, `absent` says why: git is not installed, the folder is in no
    repository, there is no commit yet, or git refused. It writes nothing, names no file,
    and runs nothing that the repository's own configuration names (filters, hooks, a monitor).
    """
    git = shutil.which("git")
    if git is None:
        return {"absent": "git is not installed"}
    try:
        head = _ask(git, study_file, "rev-parse", "--verify", "HEAD^{commit}")
        tree = _ask(git, study_file, "ls-tree", "-r", "-z", "HEAD", "--", ".")
        home = _ask(git, study_file, "rev-parse", "--git-dir")
    except (OSError, subprocess.TimeoutExpired):
        return {"absent": "git did not answer"}
    if home.returncode:
        outside = "not a git repository" in home.stderr
        return {
            "absent": "in no git repository" if outside else "git refused to look at this folder"
        }
    if head.returncode:
        return {"absent": "no commit yet"}
    folder, committed = study_file.absolute().parent, _committed(tree.stdout)
    changed = any(not _as_committed(folder / n, sha) for n, sha in committed.items())
    tracked = study_file.name in committed and tree.returncode == 0
    return {"commit": head.stdout.strip(), "dirty": changed or not tracked}


def _committed(listed: str) -> dict[str, str]:
    """The files of a commit by name; a submodule is none."""
    found = {}
    for line in listed.split("\0"):
        about, _, name = line.partition("\t")
        if name and about.split()[1] == "blob":
            found[name] = about.split()[2]
    return found


def _as_committed(path: Path, sha: str) -> bool:
    """Whether a file has the content of the commit, hashed here: git would run the repository's
    own filters.
    """
    try:
        data = os.readlink(path).encode() if path.is_symlink() else read_bytes(path)
    except (OSError, OutcomesError):
        return False
    algorithm = "sha1" if len(sha) == 40 else "sha256"
    return any(
        hashlib.new(algorithm, b"blob %d\0" % len(d) + d, usedforsecurity=False).hexdigest() == sha
        for d in (data, data.replace(b"\r\n", b"\n"))
    )


def _ask(git: str, study_file: Path, *words: str) -> subprocess.CompletedProcess[str]:
    # a run started from a git hook must not be told of that hook's repository; the words must be
    # English
    mine = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    return subprocess.run(
        [
            git,
            "-c",
            "core.fsmonitor=false",
            "-c",
            "protocol.allow=never",
            "-C",
            str(study_file.absolute().parent),
            *words,
        ],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=TIMEOUT,
        env={
            **mine,
            "LC_ALL": "C",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_LITERAL_PATHSPECS": "1",
        },
    )
