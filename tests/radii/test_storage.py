"""Saved radii and tables: read back bit for bit, or refused with a reason; nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save as to_bytes

import radii
from levelset.build import build_table
from levelset.table import LookupTable
from levelset.table_file import FORMAT as TABLE_FORMAT
from numerics.array_file import read_file, write_arrays
from numerics.errors import InvalidInputError
from radii.radius_function import RadiusFunction
from radii.storage import FORMAT
from smoothing.norms import LpNorm
from tests.levelset.stand_in_rays import GaussianRay

NOISE = radii.SmoothingDistribution.parse("norm(x, 2)**2/2", dim=3)
TAILS = np.geomspace(1e-9, 0.5, 1000)


@pytest.fixture
def table_file(tmp_path: Path) -> Path:
    table = build_table(GaussianRay(), radii=[0.5, 1.0, 2.0], smoothing=NOISE, adversary=LpNorm(2))
    table.save(tmp_path / "table.safetensors")
    return tmp_path / "table.safetensors"


@cache
def derived() -> RadiusFunction:
    return radii.derive(NOISE, "l2")


@pytest.fixture
def radius_file(tmp_path: Path) -> Path:
    derived().save(tmp_path / "radius.safetensors")
    return tmp_path / "radius.safetensors"


def test_one_function_loads_both(table_file: Path, radius_file: Path) -> None:
    table, radius = radii.load(str(table_file)), radii.load(radius_file)
    assert isinstance(table, LookupTable)
    assert isinstance(radius, RadiusFunction)
    assert np.array_equal(table(tail=TAILS), LookupTable.load(table_file).radius(tail=TAILS))
    assert np.array_equal(radius(tail=TAILS), derived()(tail=TAILS))
    assert (table.smoothing, table.guarantee) == (NOISE, "conservative")
    assert not table.tails.flags.writeable
    with pytest.raises(InvalidInputError, match="needs 'radii-lookup-table"):
        LookupTable.load(radius_file)


def nothing(path: Path) -> None:
    path.unlink()


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def holding(content: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(content) and None


def metadata(**values: str) -> bytes:
    return to_bytes({"bins": np.zeros(3)}, metadata=values)


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        (nothing, "there is no such file"),
        (folder, "not a regular file"),
        (pipe, "not a regular file"),
        (holding(b""), "cut short, damaged or of another kind"),
        (holding(b"\xff" * 64), "cut short, damaged or of another kind"),
        (holding(b"rho,radius\n0.9,0.6\n"), "cut short, damaged or of another kind"),
        (holding(to_bytes({"weight": np.zeros(3)})), "without the header of this library"),
        (holding(metadata(format="pt")), "without the header of this library"),
        (holding(metadata(header="{}", sha256="0")), "digest does not match"),
    ],
)
def test_other_files_are_refused(
    table_file: Path, place: Callable[[Path], None], reason: str
) -> None:
    place(table_file)
    with pytest.raises(InvalidInputError, match=reason) as caught:
        radii.load(table_file)
    assert str(table_file) in str(caught.value)
    assert "build the table again" in str(caught.value)


def test_a_file_that_may_not_be_read_is_named(
    table_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refused)
    with pytest.raises(InvalidInputError, match="Permission denied"):
        radii.load(table_file)


@pytest.mark.parametrize("text", ["[" * 100_000, "[]", "1e999", '{"format": ["a"]}', "{}"])
def test_headers_that_are_no_headers_are_refused(tmp_path: Path, text: str) -> None:
    """With a digest that is right: JSON without end, of another type, or of another format."""
    from numerics.array_file import _digest

    path = tmp_path / "file"
    path.write_bytes(to_bytes({}, metadata={"header": text, "sha256": _digest(text, {})}))
    with pytest.raises(InvalidInputError, match="written by RadiusFunction"):
        radii.load(path)


def forge(path: Path, change: Callable[[dict[str, Any], dict[str, Any]], None]) -> None:
    """Change a file and give it a digest that is right again."""
    found: list[tuple[dict[str, Any], dict[str, Any]]] = []

    def take(header: Any, arrays: Any) -> None:
        found.append((dict(header), dict(arrays)))

    read_file(path, {FORMAT: take, TABLE_FORMAT: take}, made_by="a test", remedy="look")
    header, arrays = found[0]
    change(header, arrays)
    write_arrays(path, header, arrays)


def put(place: str, value: Any) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    """Set an entry of the header ("info.dim"), or the last element of an array."""

    def change(header: dict[str, Any], arrays: dict[str, Any]) -> None:
        if place in arrays:
            arrays[place] = np.append(arrays[place][:-1], value)
            return
        *way, last = place.split(".")
        for step in way:
            header = header[step]
        header[last] = value

    return change


def without(name: str) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    return lambda header, arrays: (header if name in header else arrays).pop(name)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        # The lookup would read outside its arrays; 46: a coarse bin of eight fine ones.
        (put("bins", (1 << 40) + 46), "bins point outside"),
        (put("offsets", 10**6), "do not cover"),
        (without("rows"), "it lacks 'rows'"),
        # The entries and what is said of them.
        (put("radii", np.nan), "radii are not finite"),
        (put("radii", 0.1), "increasing"),
        (put("radii", [2.0, 3.0]), "different lengths"),
        (put("tails", -1.0), "enclose"),
        (put("tails_upper", 0.0), "enclose"),
        (put("kappa", np.nan), "multipliers"),
        (without("kappa"), "it lacks 'kappa'"),
        (put("info.relative_loss", float("nan")), "relative_loss is nan"),
        (put("info.relative_error", "0"), "relative_error is '0'"),
        (put("info.proved_by", 1), "proved_by is 1"),
        (put("info.dim", 4), "dimension and norm"),
        (put("info.versions", 7), "not iterable"),
        (put("info.surprise", 7), "surprise"),
        (put("info.noise", "norm(x, 2"), "description must be"),
        (put("p", "inf"), "dimension and norm"),
        (put("p", "0.5"), "p must be"),
        (put("limit", "nan"), "the limit"),
    ],
)
def test_tables_that_no_build_makes_are_refused(
    table_file: Path, change: Callable[[Any, Any], None], reason: str
) -> None:
    forge(table_file, change)
    with pytest.raises(InvalidInputError, match=reason):
        radii.load(table_file)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (put("bins", (1 << 40) + 46), "bins point outside"),
        (put("errors", -1.0), "errors are not"),
        (put("route", "magic"), "no route 'magic'"),
        (put("guarantee", "statistical"), "with guarantee 'statistical'"),
        (without("references"), "it lacks 'references'"),
    ],
)
def test_radii_that_no_route_makes_are_refused(
    radius_file: Path, change: Callable[[Any, Any], None], reason: str
) -> None:
    forge(radius_file, change)
    with pytest.raises(InvalidInputError, match=reason):
        radii.load(radius_file)


def test_an_honest_forgery_is_read(table_file: Path) -> None:
    """So that the refusals above are due to what was changed."""
    before = radii.load(table_file)(tail=TAILS)
    forge(table_file, lambda header, arrays: None)
    assert np.array_equal(radii.load(table_file)(tail=TAILS), before)


def test_saved_files_can_be_read_by_whom_the_umask_lets(tmp_path: Path) -> None:
    old = os.umask(0o022)
    try:
        write_arrays(tmp_path / "shared", {"format": "none"}, {"a": np.zeros(2)})
    finally:
        os.umask(old)
    assert (tmp_path / "shared").stat().st_mode & 0o777 == 0o644
