"""Rules of the house that a reader of the code relies on, checked on the source itself."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

#: Floors from the ground up. A room may import itself and the rooms of the floors below it; the
#: engines share a floor and know nothing of each other.
FLOORS = (
    ("numerics",),
    ("smoothing",),
    ("differential", "levelset", "wulff"),
    ("radii",),
    ("nogo",),
    ("certify",),
)
ROOMS = tuple(room for floor in FLOORS for room in floor)

#: Upward doors, each explained where it stands.
DOORS = {
    ("radii/cli_recertify.py", "certify"),
    ("radii/cli_certify.py", "certify"),
    ("radii/cli_merge.py", "certify"),
    ("radii/cli_plot_curves.py", "certify"),
    ("radii/cli_derive.py", "nogo"),
    ("radii/cli_train.py", "certify"),
    ("radii/cli_attack.py", "certify"),
    ("radii/cli_nogo.py", "nogo"),
}

SOURCES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
IDS = [str(path.relative_to(ROOT)) for path in SOURCES]

#: What would turn text from outside into code or objects.
FORBIDDEN_BUILTINS = {"eval", "exec", "compile", "__import__"}
FORBIDDEN_MODULES = {"pickle", "dill", "cloudpickle", "shelve", "marshal"}


def imported_modules(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def test_every_room_was_found() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in SOURCES} == set(ROOMS)


@pytest.mark.parametrize("path", SOURCES, ids=IDS)
def test_imports_point_downwards(path: Path) -> None:
    name = path.relative_to(ROOT).as_posix()
    home = path.relative_to(ROOT).parts[0]
    level = next(i for i, floor in enumerate(FLOORS) if home in floor)
    closed = {room for floor in FLOORS[level:] for room in floor} - {home}
    opened = {module.split(".")[0] for module in imported_modules(parse(path))} & closed
    assert {(name, room) for room in opened} <= DOORS


@pytest.mark.parametrize("path", SOURCES, ids=IDS)
def test_only_the_certifier_knows_torch(path: Path) -> None:
    imported = {module.split(".")[0] for module in imported_modules(parse(path))}
    if path.relative_to(ROOT).parts[0] != "certify":
        assert "torch" not in imported


@pytest.mark.parametrize("path", SOURCES, ids=IDS)
def test_no_text_becomes_code(path: Path) -> None:
    tree = parse(path)
    assert not {module.split(".")[0] for module in imported_modules(tree)} & FORBIDDEN_MODULES
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        bare = call.func.id if isinstance(call.func, ast.Name) else ""
        assert bare not in FORBIDDEN_BUILTINS, f"line {call.lineno}"
        name = call.func.attr if isinstance(call.func, ast.Attribute) else bare
        assert name != "parse_expr", f"line {call.lineno}"
        # sympify evaluates strings; with strict=True it refuses them.
        strict = any(k.arg == "strict" and ast.unparse(k.value) == "True" for k in call.keywords)
        assert name != "sympify" or strict, f"line {call.lineno}"


def test_every_room_ships_its_types() -> None:
    assert [room for room in ROOMS if not (ROOT / room / "py.typed").is_file()] == []


def test_importing_radii_leaves_heavy_modules_alone() -> None:
    heavy = ("torch", "matplotlib", "numba", "ray", "sklearn", "scipy.special", "typer")
    program = f"import sys, radii; print([m for m in {heavy!r} if m in sys.modules])"
    loaded = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert loaded.stdout.strip() == "[]"
