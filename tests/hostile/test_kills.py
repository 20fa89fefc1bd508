"""A few killed runs of every command that writes; the programme takes any seed and number."""

from __future__ import annotations

import os
import sys

import pytest

from outcomes.config import atomic
from tests.hostile.kills import attack

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes of POSIX")


def test_a_killed_run_leaves_old_files_or_new_ones() -> None:
    found, count = attack(8, 3)
    assert not found, "\n".join(found)
    assert count.total() == 8


@pytest.mark.slow
def test_many_killed_runs_leave_old_files_or_new_ones() -> None:
    found, _ = attack(500, 4)
    assert not found, "\n".join(found)


def test_the_attack_sees_files_that_are_half_written(monkeypatch: pytest.MonkeyPatch) -> None:
    def straight(files: list[atomic._File], folders: list[object]) -> None:
        for file in files:
            handle = atomic.os.open(file.target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            atomic.os.write(handle, file.data)
            atomic.os.fsync(handle)

    monkeypatch.setattr(atomic, "_commit", straight)
    found, _ = attack(8, 3)
    assert any("neither old nor new" in f for f in found), sys.platform
