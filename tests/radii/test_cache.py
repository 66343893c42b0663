"""Tables on disk: faults, races and kills cost time and a warning, never a wrong table."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import levelset.table_info
import numerics.array_file
import radii
import radii.cache
from levelset.build import build_table
from levelset.table import LookupTable
from radii.cache import CACHE_VARIABLE, CacheWarning, Problem, cache_folder, fetch
from smoothing.norms import LpNorm
from tests.levelset.stand_in_rays import GaussianRay

fork = multiprocessing.get_context("fork")

NOISE = radii.SmoothingDistribution.parse("norm(x, 2)**2/2", dim=3)
PROBLEM = Problem(NOISE, LpNorm(2), (0.5, 1.0, 2.0), 1e-6, 2000)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    return tmp_path / "tables"


def build() -> LookupTable:
    return build_table(GaussianRay(), radii=PROBLEM.radii, smoothing=NOISE, adversary=LpNorm(2))


def forbidden() -> LookupTable:
    raise AssertionError("the table was built a second time")


def counted(note: Path, seconds: float = 0.0) -> Callable[[], LookupTable]:
    """A build that leaves a line behind."""

    def run() -> LookupTable:
        with note.open("a") as file:
            file.write("built\n")
        time.sleep(seconds)
        return build()

    return run


def same(one: LookupTable, other: LookupTable) -> bool:
    tails = np.geomspace(1e-9, 0.5, 1000)
    return one.info == other.info and np.array_equal(one.radius(tail=tails), other(tail=tails))


def only_file(folder: Path) -> Path:
    (path,) = folder.glob("*.safetensors")
    return path


def test_a_table_is_built_once_and_then_read(folder: Path) -> None:
    first = fetch(PROBLEM, build)
    assert same(fetch(PROBLEM, forbidden), first)
    assert cache_folder() == folder


def truncated(content: bytes) -> bytes:
    return content[: len(content) // 2]


def empty(content: bytes) -> bytes:
    return b""


def flipped(content: bytes) -> bytes:
    # In the middle of the rows of the lookup, where a wrong bit would be a wrong radius.
    place = len(content) * 3 // 4
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def edited(content: bytes) -> bytes:
    """As somebody who wants another theorem would."""
    assert content.count(b"Cohen et al. 2019") == 1
    return content.replace(b"Cohen et al. 2019", b"Nobody et al 2019")


@pytest.mark.parametrize("damage", [truncated, empty, flipped, edited])
def test_a_damaged_file_is_reported_and_built_again(
    folder: Path, damage: Callable[[bytes], bytes]
) -> None:
    good = fetch(PROBLEM, build)
    path = only_file(folder)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.warns(CacheWarning, match="will be built again"):
        again = fetch(PROBLEM, build)
    assert same(again, good)
    assert same(fetch(PROBLEM, forbidden), good)


def test_every_single_flipped_byte_is_noticed(folder: Path) -> None:
    fetch(PROBLEM, build)
    path = only_file(folder)
    content = path.read_bytes()
    for place in np.random.default_rng(2).integers(0, len(content), 60):
        changed = bytearray(content)
        changed[place] ^= 0xFF
        path.write_bytes(bytes(changed))
        with pytest.warns(CacheWarning):
            assert radii.cache._read(path, PROBLEM) is None


def test_a_file_under_another_problems_name_is_not_taken_for_it(folder: Path) -> None:
    fetch(PROBLEM, build)
    wider = replace(PROBLEM, radii=(0.5, 3.0))
    only_file(folder).rename(folder / f"{wider.key()}.safetensors")
    with pytest.warns(CacheWarning, match="problem asked for"):
        fetch(wider, build)


def parse(psi: str, **settings: Any) -> radii.SmoothingDistribution:
    return radii.SmoothingDistribution.parse(psi, **{"dim": 3, **settings})


@pytest.mark.parametrize(
    "changed",
    [
        replace(PROBLEM, smoothing=parse("norm(x, 2)**2/3")),
        replace(PROBLEM, smoothing=parse("norm(x, 2)**2/2", dim=4)),
        replace(PROBLEM, smoothing=parse("norm(x, 2)**2/2", scale=np.nextafter(1.0, 2))),
        replace(PROBLEM, smoothing=parse("norm(x, 2)**2/2", support="norm(x, 2) <= 9")),
        replace(PROBLEM, adversary=LpNorm(1)),
        replace(PROBLEM, radii=(0.5, 1.0, np.nextafter(2.0, 3))),
        replace(PROBLEM, radii=None),
        replace(PROBLEM, relative_loss=1e-7),
        replace(PROBLEM, max_radii=1000),
    ],
)
def test_another_problem_never_finds_the_table(folder: Path, changed: Problem) -> None:
    fetch(PROBLEM, build)
    built: list[int] = []

    def noted() -> LookupTable:
        built.append(1)
        return build()

    fetch(changed, noted)
    assert built == [1]
    assert len(list(folder.glob("*.safetensors"))) == 2


def test_another_algorithm_never_finds_the_table(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch(PROBLEM, build)
    monkeypatch.setattr(radii.cache, "ALGORITHM_VERSION", levelset.table_info.ALGORITHM_VERSION + 1)
    note = folder / "note"
    fetch(PROBLEM, counted(note))
    assert note.read_text() == "built\n"
    assert [entry.fault is None for entry in radii.cache.entries()].count(False) == 1


def test_ten_processes_build_a_table_once(folder: Path) -> None:
    folder.mkdir(parents=True)
    note = folder / "note"

    def ask() -> None:
        table = fetch(PROBLEM, counted(note, seconds=0.3))
        os._exit(0 if same(table, build()) else 1)

    processes = [fork.Process(target=ask) for _ in range(10)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * 10
    assert note.read_text() == "built\n"


def killed_while(action: Callable[[], Any], ready: Path) -> None:
    """Run in a process that is killed as soon as it says that it is at the place in question."""
    process = fork.Process(target=action)
    process.start()
    for _ in range(1000):
        if ready.exists():
            break
        time.sleep(0.01)
    assert ready.exists()
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join(10)


def test_a_kill_in_the_middle_of_a_build_leaves_no_table(folder: Path) -> None:
    folder.mkdir(parents=True)
    killed_while(lambda: fetch(PROBLEM, counted(folder / "ready", seconds=60)), folder / "ready")
    assert not list(folder.glob("*.safetensors"))
    assert same(fetch(PROBLEM, build), build())


def test_a_kill_in_the_middle_of_writing_leaves_no_table(folder: Path) -> None:
    folder.mkdir(parents=True)
    ready = folder / "ready"

    def stall(_: int) -> None:
        ready.touch()
        time.sleep(60)

    def action() -> None:
        numerics.array_file.os.fsync = stall  # type: ignore[attr-defined]
        fetch(PROBLEM, build)

    killed_while(action, ready)
    assert not list(folder.glob("*.safetensors"))
    assert len(list(folder.glob(".*.partial"))) == 1
    assert same(fetch(PROBLEM, build), build())
    # The next builder sweeps up.
    assert not list(folder.glob(".*.partial"))


def test_a_full_disk_is_reported_and_the_table_returned(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(numerics.array_file.os, "fsync", full)
    with pytest.warns(CacheWarning, match="No space left"):
        table = fetch(PROBLEM, build)
    assert same(table, build())
    assert not [p for p in folder.iterdir() if p.suffix != ".lock"]


def test_an_unusable_folder_is_reported_and_the_table_returned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "file"))
    with pytest.warns(CacheWarning, match=f"set {CACHE_VARIABLE}"):
        assert same(fetch(PROBLEM, build), build())


def test_a_folder_that_cannot_be_written_still_gives_what_it_has(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch(PROBLEM, build)

    def refused(*_: Any, **__: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("filelock.FileLock.acquire", refused)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fetch(PROBLEM, forbidden)
    with pytest.warns(CacheWarning, match="Permission denied"):
        fetch(replace(PROBLEM, radii=(1.0,)), build)


def test_an_error_of_the_build_is_not_taken_for_an_error_of_the_cache(folder: Path) -> None:
    def failing() -> LookupTable:
        raise OSError("from the build")

    with pytest.raises(OSError, match="from the build"):
        fetch(PROBLEM, failing)
    assert same(fetch(PROBLEM, build), build())


def test_verify_and_clear(folder: Path) -> None:
    fetch(PROBLEM, build)
    fetch(replace(PROBLEM, radii=(1.0,)), build)
    path = folder / f"{PROBLEM.key()}.safetensors"
    path.write_bytes(flipped(path.read_bytes()))
    (folder / ".x.safetensors.1.partial").touch()
    faults = [entry.fault for entry in radii.cache.entries()]
    assert len(faults) == 2
    assert faults.count(None) == 1
    assert radii.cache.clear() == 2
    assert list(folder.iterdir()) == []
