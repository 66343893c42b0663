"""From psi to certificates: a model whose smoothed decision boundary is known exactly.

The model looks at one coordinate, so for noise whose coordinates have median 0 the smoothed
classifier decides by the same threshold, and no certificate may exceed the distance to it.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import ndtr

import radii
from certify.log_reader import read_log
from certify.planning import required_samples
from certify.recertify import recertify_log
from certify.smoothed_classifier import SmoothedClassifier
from numerics.errors import InvalidInputError
from smoothing import families
from smoothing.distribution import SmoothingDistribution

DIM = 4
THRESHOLD = 0.5


def first_coordinate(x):
    return (x[:, 0] > THRESHOLD).long()


def images(*first):
    out = torch.full((len(first), DIM), 0.3, dtype=torch.float64)
    out[:, 0] = torch.tensor(first, dtype=torch.float64)
    return out


NOISES = {
    "gaussian": families.gaussian(DIM, sigma=0.4),
    "laplace": families.laplace(DIM, sigma=0.4),
    "uniform cube": families.uniform_cube(DIM, sigma=0.4),
    "uniform ball": families.uniform_ball(DIM, sigma=0.4),
    "exp linf": families.exp_linf(DIM, k=1, j=0, sigma=0.4),
    "power linf": families.power_linf(DIM, a=DIM + 3, sigma=0.4),
    "pareto": families.pareto(DIM, a=3, sigma=0.4),
    "logistic": SmoothingDistribution.parse("coordinate_sum(2*log(cosh(t/2)))", dim=DIM, sigma=0.4),
}
PAIRS = [
    *((name, "l1") for name in NOISES),
    ("gaussian", "l2"),
    ("gaussian", "linf"),
    ("uniform ball", "l2"),
    ("uniform cube", "linf"),
    ("laplace", "linf"),
    ("exp linf", "linf"),
]


@pytest.mark.parametrize(("name", "norm"), PAIRS)
def test_no_certificate_exceeds_the_distance(name, norm):
    """Six images; each certificate errs with probability at most 1e-7 (seed 21), so 6e-7 in all."""
    x = images(0.51, 0.6, 0.8, 1.5, 0.45, -0.3)
    smoothed = SmoothedClassifier(first_coordinate, NOISES[name], norm)
    batch = smoothed.certify(x, n=20_000, alpha=1e-7, seed=21)
    distance = (x[:, 0] - THRESHOLD).abs().numpy()
    assert (batch.radius <= distance).all()
    decided = ~batch.abstained
    assert decided[distance > 0.2].all()
    assert (batch.prediction[decided] == first_coordinate(x).numpy()[decided]).all()


@pytest.mark.parametrize(
    ("name", "cdf"),
    [
        ("gaussian", ndtr),
        ("laplace", lambda t: 1 - np.exp(-t) / 2),
        ("uniform cube", lambda t: np.minimum((1 + t) / 2, 1)),
        ("logistic", lambda t: 1 / (1 + np.exp(-t))),
    ],
)
def test_certificates_approach_the_distance_where_the_radius_is_tight(name, cdf):
    """For these noises the l1 radius is exact: with n = 50,000 little is lost.

    A count falls 5 standard deviations below its mean with probability below 3e-7 for each of two
    images; the confidence limit at 1e-3 takes 3.1 more, rounded up to 4 for the skewness.
    """
    q = NOISES[name]
    x = images(0.6, 0.85)
    batch = SmoothedClassifier(first_coordinate, q, "l1").certify(x, n=50_000, seed=5)
    distance = (x[:, 0] - THRESHOLD).numpy()
    rho = cdf(distance / q.scale)
    worst = rho - 9 * np.sqrt(rho * (1 - rho) / 50_000)
    assert (batch.radius >= radii.derive(q, "l1")(worst)).all()
    assert (batch.radius >= 0.85 * distance).all()


def test_constant_model_gets_the_radius_of_all_of_n():
    q = NOISES["laplace"]
    batch = SmoothedClassifier(lambda x: torch.zeros(len(x), 2), q, "l1").certify(
        images(0.0), n=10_000, alpha=1e-3
    )
    # -scale log(2 (1 - 0.001^(1/n)))
    exact = -q.scale * np.log(-2 * np.expm1(np.log(1e-3) / 10_000))
    assert batch.radius[0] <= exact
    assert batch.radius[0] == pytest.approx(exact, rel=1e-9)


def test_a_log_is_recertified_for_another_norm(tmp_path):
    q = NOISES["gaussian"]
    path = tmp_path / "run.tsv"
    smoothed = SmoothedClassifier(first_coordinate, q, "l2")
    batch = smoothed.certify(images(0.7, 0.9), labels=[1, 0], n=2000, log=path)
    log = read_log(path, verify=smoothed.smoother.radius)
    again = SmoothingDistribution.from_description(log.records[0].noise)
    assert again == q
    linf = recertify_log(path, radii.derive(again, "linf"))
    assert linf.radius == pytest.approx(batch.radius / 2, rel=1e-9)  # sqrt(dim) = 2
    same = recertify_log(path, radii.derive(again, "l2"))
    assert same.radius.tolist() == batch.radius.tolist()
    assert same.correct.tolist() == [True, False]
    stricter = recertify_log(path, radii.derive(again, "l2"), alpha=1e-6)
    assert (stricter.radius < same.radius).all()


def test_radius_function_as_third_argument():
    q = NOISES["laplace"]
    radius = radii.derive(q, "l1")
    smoothed = SmoothedClassifier(first_coordinate, q, radius)
    assert smoothed.smoother.radius is radius
    assert required_samples(radius, radius=0.3, rho=0.95, alpha=1e-3) > 10
    with pytest.raises(InvalidInputError, match="noise of the radius function"):
        SmoothedClassifier(first_coordinate, families.laplace(DIM, sigma=0.5), radius)
    with pytest.raises(InvalidInputError, match="dimension of the radius function"):
        SmoothedClassifier(first_coordinate, families.laplace(DIM + 1, sigma=0.4), radius)
