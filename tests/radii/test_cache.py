"""Tables on disk: faults, races and kills cost time and a warning, never a wrong table."""

from __future__ import annotations

import errno
import multiprocessing
import os
import resource
import signal
import sys
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
import radii.cache_upkeep
from levelset.build import build_table
from levelset.table import LookupTable
from levelset.table_file import save_table
from numerics.errors import InvalidInputError
from radii.cache import CacheWarning, Problem, fetch
from radii.cache_folder import CACHE_VARIABLE, cache_folder
from radii.cache_upkeep import clear, entries
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


def forged(content: bytes) -> bytes:
    """Rows that the lookup would be led out of, with a digest that is right."""
    table = build()
    arrays = table.compiled.arrays
    bins = np.append(arrays.bins[:-1], arrays.bins[-1] + (1 << 40))
    bad = replace(table, compiled=replace(table.compiled, arrays=replace(arrays, bins=bins)))
    path = cache_folder() / "forged"
    save_table(bad, path, PROBLEM.specification())
    return path.read_bytes()


@pytest.mark.parametrize("damage", [truncated, empty, flipped, edited, forged])
def test_a_damaged_file_is_reported_and_built_again(
    folder: Path, damage: Callable[[bytes], bytes]
) -> None:
    good = fetch(PROBLEM, build)
    path = only_file(folder)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.warns(CacheWarning, match="will be built again") as warned:
        again = fetch(PROBLEM, build)
    assert len(warned) == 1
    assert same(again, good)
    assert same(fetch(PROBLEM, forbidden), good)


@pytest.mark.parametrize("link", [False, True], ids=["a folder", "a broken link"])
def test_what_is_no_file_is_reported_and_the_table_returned(folder: Path, link: bool) -> None:
    path = folder / f"{PROBLEM.key()}.safetensors"
    folder.mkdir(parents=True)
    path.symlink_to(folder / "nowhere") if link else path.mkdir()
    with pytest.warns(CacheWarning) as told:
        assert same(fetch(PROBLEM, build), build())
    expected = ["will be built again"] if link else ["will be built again", "could not be kept"]
    for warning, text in zip(told, expected, strict=True):
        assert text in str(warning.message)
    # A link is replaced, a folder stays in the way.
    assert path.is_dir() != link
    assert path.is_symlink() is False


def test_every_single_flipped_byte_is_noticed(folder: Path) -> None:
    fetch(PROBLEM, build)
    path = only_file(folder)
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    # The length of the header, its first and last bytes, the digest, the arrays' ends; then any.
    digest = content.index(b'"sha256"')
    places = [*range(8), 8, 8 + length - 1, digest + 12, 8 + length, len(content) - 1]
    for place in [*places, *np.random.default_rng(2).integers(0, len(content), 60)]:
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
    assert [entry.fault is None for entry in entries()].count(False) == 1


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


def test_a_file_beyond_its_limit_is_reported_and_the_table_returned(folder: Path) -> None:
    """As a quota would: the kernel refuses to go on in the middle of the file."""

    def ask() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            table = fetch(PROBLEM, build)
        told = [str(w.message) for w in caught if issubclass(w.category, CacheWarning)]
        good = len(told) == 1 and "File too large" in told[0] and same(table, build())
        os._exit(0 if good else 1)

    process = fork.Process(target=ask)
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert [p.suffix for p in folder.iterdir()] == [".lock"]


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ("~/radii tables", "home/radii tables/tables"),
        ("near/by", "work/near/by/tables"),
        ("", "home/.cache/radii/tables"),
    ],
)
def test_the_folder_is_found_from_what_the_variable_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str, where: str
) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv(CACHE_VARIABLE, value)
    if value or sys.platform == "linux":
        assert cache_folder() == tmp_path / where
    fetch(PROBLEM, build)
    assert same(fetch(PROBLEM, forbidden), build())


def test_an_unknown_home_is_reported_and_the_table_returned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, "~nobody-of-that-name/tables")
    with pytest.warns(CacheWarning, match="home directory is unknown"):
        assert same(fetch(PROBLEM, build), build())
    with pytest.raises(InvalidInputError, match=CACHE_VARIABLE):
        list(entries())


def test_an_unusable_folder_is_reported_and_the_table_returned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "file"))
    with pytest.warns(CacheWarning, match=f"set {CACHE_VARIABLE}") as told:
        assert same(fetch(PROBLEM, build), build())
    assert [warning.filename for warning in told] == [__file__]  # the line that asked


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
    (folder / f".{PROBLEM.key()}.safetensors.x1.partial").touch()
    faults = [entry.fault for entry in entries()]
    assert len(faults) == 2
    assert faults.count(None) == 1
    somebody_elses = folder / "model.safetensors"
    somebody_elses.touch()
    assert clear() == 2
    assert list(folder.iterdir()) == [somebody_elses]
    assert (list(entries()), clear()) == ([], 0)


def test_what_cannot_be_deleted_is_named_and_the_rest_is_deleted(folder: Path) -> None:
    fetch(PROBLEM, build)
    fetch(replace(PROBLEM, radii=(1.0,)), build)
    path = folder / f"{PROBLEM.key()}.safetensors"
    path.unlink()
    path.mkdir()
    with pytest.raises(InvalidInputError, match=f"1 of the .*{PROBLEM.key()}"):
        clear()
    assert [p for p in folder.iterdir() if p.suffix != ".lock"] == [path]


def test_listing_and_clearing_leave_a_build_alone(folder: Path) -> None:
    """A table is being built: it is neither listed nor in the way, and is kept when it is done."""
    other = replace(PROBLEM, radii=(1.0,))
    fetch(other, build)

    def building() -> LookupTable:
        assert [entry.fault for entry in entries()] == [None]
        assert clear() == 1
        assert list(entries()) == []
        return build()

    fetch(PROBLEM, building)
    assert same(fetch(PROBLEM, forbidden), build())


def test_a_file_that_goes_while_it_is_listed_is_no_fault(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch(PROBLEM, build)
    path = only_file(folder)
    monkeypatch.setattr(radii.cache_upkeep, "own_files", lambda: (path.unlink() or [path], []))
    assert list(entries()) == []


def test_a_lock_left_by_a_killed_process_is_no_obstacle(folder: Path) -> None:
    folder.mkdir(parents=True)
    ready = folder / "ready"

    def hold() -> None:
        with radii.cache._locked(folder / f"{PROBLEM.key()}.safetensors"):
            ready.touch()
            time.sleep(60)

    killed_while(hold, ready)
    assert (folder / f"{PROBLEM.key()}.lock").exists()
    assert same(fetch(PROBLEM, build), build())


def test_who_waits_for_long_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(radii.cache, "_PATIENCE", 0.1)
    folder.mkdir(parents=True)
    note = folder / "note"
    process = fork.Process(target=lambda: fetch(PROBLEM, counted(note, seconds=0.5)))
    process.start()
    while not note.exists():
        time.sleep(0.01)
    with pytest.warns(CacheWarning, match="is waited for"):
        fetch(PROBLEM, forbidden)
    process.join(10)
    assert note.read_text() == "built\n"


@pytest.mark.parametrize(
    ("other", "shared"),
    [
        ("0.5*norm(x,2)*norm(x, 2)", True),
        ("1 + norm(x, 2)**2/2 - 1", True),
        # The same density, which only mathematics knows: another table of the same radii.
        ("norm(x, 2)**2/2 + 1", False),
        ("coordinate_sum(t**2)/2", False),
    ],
)
def test_spellings_of_one_expression_share_a_table(other: str, shared: bool) -> None:
    noise = parse(other)
    assert (replace(PROBLEM, smoothing=noise).key() == PROBLEM.key()) == shared
    # What is sent to another process is the same problem there.
    again = radii.SmoothingDistribution.from_description(noise.describe())
    assert replace(PROBLEM, smoothing=again).key() == replace(PROBLEM, smoothing=noise).key()


def test_a_long_psi_is_a_problem_like_any_other(folder: Path) -> None:
    psi = " + ".join(f"norm(x, 2)**{2 * k}/{k}" for k in range(1, 40))
    problem = replace(PROBLEM, smoothing=parse(psi))
    table = build_table(
        GaussianRay(), radii=PROBLEM.radii, smoothing=problem.smoothing, adversary=LpNorm(2)
    )
    fetch(problem, lambda: table)
    assert same(fetch(problem, forbidden), table)
    assert len(problem.smoothing.psi_text) > 700


def test_a_psi_too_long_for_the_grammar_is_reported_and_the_table_returned(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = build()
    # A psi written with SymPy may be longer than what the grammar reads, 500 symbols and numbers.
    monkeypatch.setattr("smoothing.grammar.MAX_ATOMS", 2)
    with pytest.warns(CacheWarning, match=r"could not be kept.*too large"):
        assert fetch(PROBLEM, lambda: table) is table
    with pytest.raises(InvalidInputError, match="too large"):
        table.save(folder / "table")
