"""Bad input through the public interface: each refused with a message that says what to do."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
import sympy
import torch

import certify
import radii
from numerics.errors import (
    AssumptionError,
    ExpressionSyntaxError,
    InvalidInputError,
    LogFormatError,
    RadiiError,
    UnsupportedPairError,
)
from radii import coordinate_sum, norm, t, x


def gaussian(dim: int = 4) -> radii.SmoothingDistribution:
    return radii.SmoothingDistribution(norm(x, 2) ** 2 / 2, dim=dim)


@pytest.mark.parametrize(
    ("psi", "dim", "message"),
    [
        (2 * sympy.log(1 + norm(x, 2)), 3, "integrable"),
        (3 * sympy.log(1 + norm(x, 2)), 3, "integrable"),
        (-norm(x, 2), 3, "integrable"),
        (norm(x, 2) + 3 * sympy.log(norm(x, 2)), 3, "integrable"),
        (coordinate_sum(sympy.log(1 + abs(t))), 2, "integrable"),
        (coordinate_sum(t), 2, "integrable"),
        (sympy.S.Zero, 2, "integrable"),
    ],
)
def test_density_that_is_not_integrable(psi, dim: int, message: str) -> None:
    with pytest.raises(AssumptionError, match=message):
        radii.SmoothingDistribution(psi, dim=dim)


def test_message_says_how_fast_the_density_decays() -> None:
    with pytest.raises(AssumptionError, match=r"r\^-2.*d = ?3|r\^-2.*r\^-3"):
        radii.SmoothingDistribution(2 * sympy.log(1 + norm(x, 2)), dim=3)


@pytest.mark.parametrize(
    "psi",
    [sympy.I * norm(x, 2), norm(x, 2) + sympy.sqrt(-1 - norm(x, 2)), sympy.log(-1 - norm(x, 1))],
)
def test_density_that_is_not_real(psi) -> None:
    with pytest.raises((AssumptionError, InvalidInputError), match=r"real|imaginary|I\b"):
        radii.SmoothingDistribution(psi, dim=2)


def test_unknown_symbols_are_named() -> None:
    with pytest.raises(InvalidInputError, match="banana"):
        radii.SmoothingDistribution(norm(x, 2) * sympy.Symbol("banana"), dim=2)
    with pytest.raises(ExpressionSyntaxError, match="banana"):
        radii.SmoothingDistribution.parse("banana*norm(x, 2)", dim=2)


@pytest.mark.parametrize(
    ("psi", "dim", "adversary"),
    [
        (norm(x, oo := sympy.oo) + sympy.Rational(5, 2) * sympy.log(norm(x, oo)), 3, "l1"),
        (norm(x, 1) + sympy.Rational(5, 2) * sympy.log(norm(x, 1)), 3, "l1"),
        (norm(x, 2) ** 2 + sympy.Rational(3, 2) * sympy.log(norm(x, 2)), 2, "l2"),
    ],
)
def test_infinite_expectation_of_the_slope_names_the_level_set_route(psi, dim, adversary) -> None:
    """Integrable, but E|g'| = oo: Phi is infinite and the differential method certifies nothing."""
    q = radii.SmoothingDistribution(psi, dim=dim)
    with pytest.raises((UnsupportedPairError, AssumptionError), match=r"level-?\s?set"):
        radii.derive(q, adversary, route="quadrature")


@pytest.mark.parametrize("dim", [0, -3, 2.5, "3", None, math.nan])
def test_dimension_below_one(dim) -> None:
    with pytest.raises(InvalidInputError, match="dim"):
        radii.SmoothingDistribution(norm(x, 2), dim=dim)


@pytest.mark.parametrize("name", ["scale", "sigma"])
@pytest.mark.parametrize("value", [0, -1.0, math.nan, math.inf, "wide"])
def test_scale_that_is_not_positive(name: str, value) -> None:
    with pytest.raises(InvalidInputError, match=name):
        radii.SmoothingDistribution(norm(x, 2), dim=2, **{name: value})
    with pytest.raises(InvalidInputError, match=name):
        radii.families.laplace(2, **{name: value})


def test_scale_and_sigma_together() -> None:
    with pytest.raises(InvalidInputError, match=r"scale.*sigma"):
        radii.SmoothingDistribution(norm(x, 2), dim=2, scale=1.0, sigma=1.0)
    with pytest.raises(InvalidInputError, match=r"scale.*sigma"):
        radii.families.gaussian(2, scale=1.0, sigma=1.0)


def test_sigma_of_an_infinite_variance() -> None:
    with pytest.raises(AssumptionError, match="variance"):
        radii.SmoothingDistribution(coordinate_sum(sympy.log(1 + t**2)), dim=2, sigma=1.0)


@pytest.mark.parametrize("rho", [-0.1, 1.0000001, math.nan, [0.6, math.nan], "high"])
def test_rho_that_is_no_probability(rho) -> None:
    radius = radii.derive(gaussian(), "l2")
    with pytest.raises(InvalidInputError, match=r"rho|prob"):
        radius(rho)
    with pytest.raises(InvalidInputError, match=r"tail|prob"):
        radius(tail=rho)
    with pytest.raises(InvalidInputError):
        radius.bounds(rho)


def test_rho_and_tail_exactly_one_of_them() -> None:
    radius = radii.derive(gaussian(), "l2")
    with pytest.raises(InvalidInputError):
        radius()
    with pytest.raises(InvalidInputError):
        radius(0.9, tail=0.1)


@pytest.mark.parametrize("value", [-1.0, math.nan, "far"])
def test_radius_that_is_no_length(value) -> None:
    radius = radii.derive(gaussian(), "l2")
    for inverse in (radius.probability, radius.tail):
        with pytest.raises(InvalidInputError):
            inverse(value)
    with pytest.raises(InvalidInputError):
        radius.growth(0.2, value)
    with pytest.raises(InvalidInputError):
        radius.growth(1.5, 0.1)


@pytest.mark.parametrize("adversary", ["l3.x", "manhattan", "", 2, None])
def test_unknown_adversary(adversary) -> None:
    with pytest.raises(InvalidInputError, match="l1"):
        radii.derive(gaussian(), adversary)


def test_unknown_route() -> None:
    with pytest.raises(InvalidInputError, match="symbolic"):
        radii.derive(gaussian(), "l2", route="magic")


def test_vertices_that_do_not_span_or_are_not_symmetric() -> None:
    with pytest.raises(InvalidInputError, match="span"):
        radii.PolytopeNorm(np.array([[1.0, 1.0], [-1.0, -1.0]]))
    with pytest.raises(InvalidInputError, match="symmetric"):
        radii.PolytopeNorm(np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]]))


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "norm(x, 2).__class__",
        "().__class__.__bases__",
        "lambda: 0",
        "norm(x, 2); 1",
        "exec('1')",
        "9**9**9**9*norm(x, 2)",
        "(" * 5000 + "norm(x, 2)" + ")" * 5000,
        "norm(x, 2)" + " + norm(x, 2)" * 20000,
        "norm(x, 2) + ",
        "norm(x, 2)) + (norm(x, 1)",
        "norm(x, 0)",
        "norm(x, -1)",
        "1/0 + norm(x, 2)",
        "norm(x, 2) if True else 0",
        "norm(x, 2)\x00",
        "\N{MATHEMATICAL BOLD SMALL X}[0]**2",
        "norm(x, 2) <= 1",
        "",
    ],
)
def test_hostile_text(text: str) -> None:
    start = time.monotonic()
    with pytest.raises(InvalidInputError):
        radii.SmoothingDistribution.parse(text, dim=3)
    # A refusal must come before any expensive algebra; the bound is far above what it takes.
    assert time.monotonic() - start < 5


def test_text_that_is_not_text() -> None:
    with pytest.raises(InvalidInputError):
        radii.SmoothingDistribution.parse(norm(x, 2), dim=3)
    with pytest.raises(InvalidInputError):
        radii.SmoothingDistribution("norm(x, 2)", dim=3)


@pytest.mark.parametrize(
    "support", ["norm(x, 2) >= 0*", "norm(x, 2) <= -1", "x > 2 or x < 1", "banana <= 1"]
)
def test_support_that_is_empty_or_unreadable(support: str) -> None:
    with pytest.raises(InvalidInputError):
        radii.SmoothingDistribution.parse("norm(x, 2)", dim=3, support=support)


class TestCertifier:
    """Through `certify`: models, images and logs."""

    def smoothed(self, model, dim: int = 4):
        return certify.SmoothedClassifier(model, gaussian(dim), "l2")

    def test_model_output_of_the_wrong_shape(self) -> None:
        images = torch.zeros(1, 4)
        for model in (
            lambda batch: batch.sum(),
            lambda batch: batch[:-1],
            lambda batch: batch[:, None, :],
            lambda batch: "class",
        ):
            with pytest.raises(InvalidInputError, match="model"):
                self.smoothed(model).certify(images, n=1000)

    def test_image_of_another_dimension_than_the_noise(self) -> None:
        with pytest.raises(InvalidInputError, match="4"):
            self.smoothed(lambda batch: batch).certify(torch.zeros(1, 5), n=1000)

    def test_radius_of_another_noise(self) -> None:
        radius = radii.derive(gaussian(5), "l2")
        with pytest.raises(InvalidInputError, match="dimension"):
            certify.SmoothedClassifier(lambda batch: batch, gaussian(4), radius)

    def test_count_above_the_number_of_trials(self) -> None:
        with pytest.raises(InvalidInputError, match="101"):
            certify.clopper_pearson_lower(101, 100, 0.001)

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ("40\t3\t3\t0.5", "line 3"),
            ("40\t3\t3\t0.5\t1\t0:00:01\textra", "line 3"),
            ("40\t3\t3\tlarge\t1\t0:00:01", "line 3"),
            ("40\t3\t3\t-0.5\t1\t0:00:01", "line 3"),
            ("40\t3\t3\tnan\t1\t0:00:01", "line 3"),
            ("40\t3\t4\t0.5\t1\t0:00:01", "line 3"),
            ("20\t3\t3\t0.5\t1\t0:00:01", "line 3"),
        ],
    )
    def test_damaged_log_line_is_named(self, tmp_path, line: str, message: str) -> None:
        path = tmp_path / "run.tsv"
        rows = ["idx\tlabel\tpredict\tradius\tcorrect\ttime", "20\t3\t3\t0.5\t1\t0:00:01", line]
        path.write_text("\n".join(rows) + "\n")
        with pytest.raises(LogFormatError, match=message):
            certify.read_log(path)


def test_all_of_them_are_one_family_of_errors() -> None:
    for error in (
        AssumptionError,
        ExpressionSyntaxError,
        InvalidInputError,
        LogFormatError,
        UnsupportedPairError,
    ):
        assert issubclass(error, RadiiError)
        assert error is LogFormatError or issubclass(error, ValueError)
