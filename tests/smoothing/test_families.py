"""Families are names for psi, and nothing depends on them."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import sympy

from numerics.errors import AssumptionError, InvalidInputError
from smoothing import families
from smoothing.distribution import SmoothingDistribution
from smoothing.expressions import coordinate_sum, norm, t, x

SHAPES: dict[str, dict[str, Any]] = {
    "exp_lp": {"p": 3},
    "power_linf": {"a": 9},
    "power_l2": {"a": 9},
    "pareto": {"a": 3},
    "mixed_linf_l2": {"k": 1},
}


@pytest.mark.parametrize("name", families.__all__)
def test_every_family_is_a_density_and_its_text_rebuilds_it(name: str) -> None:
    noise = getattr(families, name)(4, **SHAPES.get(name, {}), sigma=0.5)
    assert noise.sigma == pytest.approx(0.5, rel=1e-12)
    assert SmoothingDistribution.from_description(noise.describe()) == noise


def test_families_are_only_a_psi() -> None:
    assert families.gaussian(3) == SmoothingDistribution(norm(x, 2) ** 2 / 2, dim=3)
    cubic = SmoothingDistribution(coordinate_sum(abs(t) ** 3), dim=3)
    assert families.exp_lp(3, p=3).structures == cubic.structures
    assert families.exp_lp(3, p=3.0) == families.exp_lp(3, p=sympy.Integer(3))


@pytest.mark.parametrize(
    ("name", "shape", "words"),
    [
        ("exp_linf", {"k": 1, "j": 3}, r"r\^-3 at r = 0, needs slower than r\^-3 in d=3"),
        ("exp_l1", {"k": -1}, "not integrable"),
        ("exp_lp", {"p": 0}, "does not decay"),
        ("power_linf", {"a": 3}, r"~ r\^-3 at infinity"),
        ("power_l2", {"k": 2, "a": 1.5}, r"~ r\^-3 at infinity"),
        ("pareto", {"a": 0}, r"~ t\^-1 at t = oo"),
        ("mixed_linf_l2", {"k": 3}, r"r\^-3 at r = 0"),
    ],
)
def test_shapes_without_a_density(name: str, shape: dict[str, Any], words: str) -> None:
    with pytest.raises(AssumptionError, match=words):
        getattr(families, name)(3, **shape)


@pytest.mark.parametrize("value", ["2", None, float("nan"), 1j])
def test_shapes_are_numbers(value: Any) -> None:
    with pytest.raises(InvalidInputError, match="a must be a real number"):
        families.pareto(3, a=value)


WITHOUT_FAMILIES = """
import sys
sys.modules["smoothing.families"] = None  # importing it now fails, as if the file were gone
import radii
noise = radii.SmoothingDistribution(radii.norm(radii.x, 1), dim=3)
print(radii.derive(noise, "l1").expression)
"""


def test_everything_works_without_the_families() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_FAMILIES], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "-log(2 - 2*rho)"
