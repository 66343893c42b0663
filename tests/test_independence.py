"""The engine derives; it does not recognise: without the named families it derives the same."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import radii

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("numerics", "smoothing", "differential", "radii")

#: Potentials that are families of the literature, as text.
DENSITIES = [
    ("norm(x, 2)**2/2", None, "l2"),
    ("norm(x, 1)", None, "l1"),
    ("norm(x, 1)", None, "linf"),
    ("norm(x, oo)**2 + log(norm(x, oo))/2", None, "l1"),
    ("coordinate_sum(abs(t)**(1/2))", None, "l1"),
    ("12*log(1 + norm(x, oo))", None, "linf"),
    ("coordinate_sum(2*log(1 + abs(t)))", None, "l1"),
    ("norm(x, 2)", None, "l2"),
    ("0", "norm(x, oo) <= 1", "linf"),
    ("0", "norm(x, 2) <= 1", "l2"),
]
TAILS = [1e-6, 0.01, 0.3]

SCRIPT = """
import json, sys
import radii
assert "smoothing.families" not in sys.modules
found = []
for psi, support, adversary in json.loads(sys.argv[1]):
    q = radii.SmoothingDistribution.parse(psi, dim=10, support=support)
    R = radii.derive(q, adversary)
    found.append([R.route, str(R.formula), R.is_closed_form, [float(R(tail=s)) for s in TAILS]])
print(json.dumps(found))
""".replace("TAILS", repr(TAILS))


def derived_here() -> list[list[object]]:
    found: list[list[object]] = []
    for psi, support, adversary in DENSITIES:
        q = radii.SmoothingDistribution.parse(psi, dim=10, support=support)
        radius = radii.derive(q, adversary)
        values = [float(radius(tail=s)) for s in TAILS]
        found.append([radius.route, str(radius.formula), radius.is_closed_form, values])
    return found


def test_deleting_the_families_changes_nothing_in_what_is_derived(tmp_path: Path) -> None:
    expected = derived_here()
    for package in PACKAGES:
        # With the machine code cached beside the sources, or it would all be compiled again.
        shutil.copytree(ROOT / package, tmp_path / package)
    for compiled in (tmp_path / "smoothing" / "__pycache__").glob("families.*"):
        compiled.unlink()
    (tmp_path / "smoothing" / "families.py").unlink()
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(DENSITIES)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json.loads(json.dumps(expected))


def test_importing_radii_imports_neither_torch_nor_plots() -> None:
    """Their import costs seconds; the budget itself is measured in benchmarks/."""
    code = "import sys, radii; print([m for m in ('torch', 'matplotlib', 'ray', 'scipy.stats') "
    code += "if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
