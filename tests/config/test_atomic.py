"""Files are there as a whole or not at all, whatever the disk refuses."""

from __future__ import annotations

import errno
import multiprocessing
import os
import stat
import sys
import time
from pathlib import Path

import pytest

from outcomes.config import atomic
from outcomes.core.errors import OutputError
from tests.config.faults import STEPS, disk, tree

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="permissions and special files of POSIX")
FILES = {"tables/a.csv": b"a,b\n" * 9, "snapshot.json": "{}", "report.html": b"<p>" * 99}


def old(folder: Path) -> None:
    (folder / "tables").mkdir()
    for name in FILES:
        (folder / name).write_bytes(b"old " + name.encode())


def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, there: bool) -> list[str]:
    place = tmp_path / "counted"
    place.mkdir()
    if there:
        old(place)
    with monkeypatch.context() as m:
        counted = disk(m)
        atomic.write_all(place, FILES)
    return counted.asked


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT])
@pytest.mark.parametrize("half", [False, True], ids=["at once", "half written"])
@pytest.mark.parametrize("there", [False, True], ids=["new", "replaced"])
def test_whatever_the_disk_refuses_everything_is_as_it_was(
    there: bool, half: bool, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = calls(tmp_path, monkeypatch, there=there)
    assert set(asked) == set(STEPS) - (set() if there else {"link"})
    assert [asked.count(s) for s in ("write", "replace")] == [3, 3]
    assert asked.count("fsync") == 5  # three files, two folders
    for n in range(len(asked)):
        place = tmp_path / f"{there}{half}{n}"
        place.mkdir()
        if there:
            old(place)
        before = tree(place)
        with monkeypatch.context() as m:
            disk(m, n, half=half, code=code)
            if asked[n] == "link" and code in (errno.EROFS, errno.EDQUOT):
                atomic.write_all(place, FILES)  # a copy keeps the old file instead
                continue
            with pytest.raises(OutputError, match=os.strerror(code)):
                atomic.write_all(place, FILES)
        assert tree(place) == before, f"call {n}: {asked[n]}"
        atomic.write_all(place, FILES)
        assert tree(place).keys() - {"tables"} == set(FILES)


@POSIX
@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOTSUP])
def test_a_disk_that_cannot_flush_a_folder_is_no_broken_one(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shares of a network and of virtual machines refuse it for folders, not for files."""
    asked = calls(tmp_path, monkeypatch, there=False)
    for n in [n for n, step in enumerate(asked) if step == "fsync"]:
        place = tmp_path / str(n)
        place.mkdir()
        with monkeypatch.context() as m:
            disk(m, n, code=code)
            if n < asked.index("replace"):
                with pytest.raises(OutputError):
                    atomic.write_all(place, FILES)
            else:
                atomic.write_all(place, FILES)
        assert bool(tree(place)) == (n > asked.index("replace"))


def test_new_folders_are_removed_again_where_writing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as m:
        disk(m, 4)
        with pytest.raises(OutputError):
            atomic.write_all(tmp_path / "new" / "deep", FILES)
    assert tree(tmp_path) == {}


def test_files_get_their_places_in_the_order_given_and_only_when_all_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = calls(tmp_path, monkeypatch, there=False)
    assert max(i for i, s in enumerate(asked) if s == "write") < asked.index("replace")
    seen: list[str] = []
    replace = os.replace

    def watched(beside: Path, target: Path) -> None:
        seen.append(target.name)
        replace(beside, target)

    monkeypatch.setattr(atomic.os, "replace", watched)
    atomic.write_all(tmp_path / "place", FILES)
    assert seen == ["a.csv", "snapshot.json", "report.html"]


@POSIX
def test_private_files_are_readable_by_their_owner_alone_and_others_keep_their_permissions(
    tmp_path: Path,
) -> None:
    def mode(name: str) -> int:
        return stat.S_IMODE((tmp_path / name).stat().st_mode)

    umask = os.umask(0o022)
    try:
        (tmp_path / "kept.csv").touch(0o640)
        (tmp_path / "was_open.json").touch(0o644)
        atomic.write_all(
            tmp_path,
            dict.fromkeys(("kept.csv", "was_open.json", "new.csv", "secret.json"), "x"),
            private=("was_open.json", "secret.json"),
        )
    finally:
        os.umask(umask)
    assert [mode(n) for n in ("kept.csv", "was_open.json", "new.csv", "secret.json")] == [
        0o640,
        0o600,
        0o644,
        0o600,
    ]


@POSIX
def test_a_link_stays_and_the_file_it_leads_to_is_replaced(tmp_path: Path) -> None:
    real, link = tmp_path / "data" / "study.toml", tmp_path / "study.toml"
    real.parent.mkdir()
    real.write_text("old")
    link.symlink_to(real)
    atomic.write(link, "new")
    assert (
        link.is_symlink() and real.read_text() == "new" and [*tree(real.parent)] == ["study.toml"]
    )


@POSIX
def test_folders_fifos_and_devices_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "pipe", tmp_path / "folder", Path("/dev/null")):
        with pytest.raises(OutputError, match="not a regular file"):
            atomic.write(path, "x")


@POSIX
def test_what_a_killed_writer_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / ".outcomes-1a2b3c4d").write_text("half")
    (tmp_path / ".outcomes-notes").write_text("mine")
    atomic.write(tmp_path / "a.txt", "x")
    assert [*tree(tmp_path)] == [".outcomes-notes", "a.txt"]


def test_a_disk_without_second_names_gets_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", none)
    asked = calls(tmp_path, monkeypatch, there=True)
    place = tmp_path / "place"
    place.mkdir()
    old(place)
    before = tree(place)
    with monkeypatch.context() as m:
        disk(m, len(asked) - 1)  # all are renamed, and the folder cannot be flushed
        with pytest.raises(OutputError):
            atomic.write_all(place, FILES)
    assert tree(place) == before
    atomic.write_all(place, FILES)
    assert (place / "report.html").read_bytes() == FILES["report.html"] and len(tree(place)) == 4


def _hold(folder: str, ready: str) -> None:
    with atomic._alone([Path(folder)]):
        Path(ready).touch()
        time.sleep(1)


@POSIX
def test_two_writers_of_one_folder_wait_for_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, ready = tmp_path / "place", tmp_path / "ready"
    place.mkdir()
    other = multiprocessing.get_context("spawn").Process(
        target=_hold, args=(str(place), str(ready))
    )
    other.start()
    while not ready.exists():
        time.sleep(0.01)
    with monkeypatch.context() as m:
        m.setattr(atomic, "PATIENCE", 0.1)
        with pytest.raises(OutputError, match="Another run is writing"):
            atomic.write(place / "a.txt", "x")
    atomic.write(place / "a.txt", "x")
    other.join()
    assert [*tree(place)] == ["a.txt"]


def test_a_folder_is_published_after_all_in_it_has_reached_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "partial" / "share").mkdir(parents=True)
    (tmp_path / "partial" / "share" / "a").write_text("x")
    (tmp_path / "partial" / "manifest.json").write_text("{}")
    with monkeypatch.context() as m:
        counted = disk(m)
        atomic.publish(tmp_path / "partial", tmp_path / "run")
    assert counted.asked.count("fsync") == 5
    assert [*tree(tmp_path)] == ["run", "run/manifest.json", "run/share", "run/share/a"]
