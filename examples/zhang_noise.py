"""The noises of Zhang et al. 2020: Propositions 3 and 4, Corollaries 1 and 2, and Figure 1.

Every statement is checked with an assertion; the picture is Figure 1, the mean and the variance of
||z||_2 for noise proportional to ||z||_2^-k exp(-||z||_2^2 / (2 sigma^2)) in d = 100 (eq. 11).

Run as `python examples/zhang_noise.py --out FOLDER`.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
import sympy
from matplotlib.figure import Figure
from scipy.special import gammainc, gammaln
from scipy.stats import kstest
from scipy.stats import norm as normal

import levelset
from smoothing import families
from smoothing.distribution import SmoothingDistribution
from smoothing.expressions import norm, x


def spherical(dim: int, k: float, sigma: float = 1.0) -> SmoothingDistribution:
    """Eq. 11; `sigma` is that of the exponent."""
    radius = norm(x, 2)
    return SmoothingDistribution(
        sympy.nsimplify(k) * sympy.log(radius) + radius**2 / 2, dim=dim, scale=sigma
    )


def proposition_3(samples: int) -> None:
    """||z|| has density proportional to r^(d-1) phi(r), in each norm."""
    generator, dim = np.random.default_rng(3), 20
    for order in (1, 2, np.inf):
        radius = norm(x, sympy.oo if math.isinf(order) else int(order))
        q = SmoothingDistribution(3 * sympy.log(radius) + radius**2 / 2, dim=dim)
        norms = np.linalg.norm(q.sample(samples, generator), ord=order, axis=1)
        # r^(d-1-k) exp(-r^2/2): r^2/2 is Gamma((d - k)/2).
        test = kstest(norms, lambda r: gammainc((dim - 3) / 2, r**2 / 2))
        print(f"Proposition 3, l_{order}: p-value of Kolmogorov-Smirnov {test.pvalue:.3f}")
        assert test.pvalue > 1e-4


def proposition_4() -> None:
    """Of eq. 11 the bound for the l_oo ball of radius r is that for the l2 ball of sqrt(d) r."""
    for dim, k in ((5, 2), (100, 50)):
        q, radius = spherical(dim, k), 1.3 / math.sqrt(dim)
        cube = levelset.rays(q, "linf").tails(np.array([radius]))
        ball = levelset.rays(q, "l2").tails(np.array([math.sqrt(dim) * radius]))
        both = float(cube.tail_lower[0]), float(ball.tail_lower[0])
        print(f"Proposition 4, d = {dim}, k = {k}: tails {both[0]:.12f} and {both[1]:.12f}")
        assert abs(both[0] - both[1]) <= 1e-9


def corollaries() -> None:
    """The bounds of Teng et al. (Laplace, l1) and of Cohen et al. (Gaussian, l2)."""
    for rho in (0.6, 0.9, 0.999):
        for r in (0.3, 1.5):
            shift = np.array([r, 0.0, 0.0])
            laplace = levelset.dual_certificate(families.laplace(3), shift, rho).lower
            # eq. 7: two branches, which meet where the bound is 1/2
            far = rho < 1 - math.exp(-r) / 2
            exact = math.exp(-r) / (4 * (1 - rho)) if far else 1 - math.exp(r) * (1 - rho)
            gaussian = levelset.dual_certificate(families.gaussian(3), shift, rho).lower
            cohen = float(normal.cdf(normal.ppf(rho) - r))
            assert abs(laplace - exact) <= 1e-8, (rho, r, laplace, exact)
            assert abs(gaussian - cohen) <= 1e-8
    print("Corollaries 1 and 2: Laplace against l1 and Gaussian against l2 agree to 1e-8")


def mean_and_variance(dim: int, k: np.ndarray, sigma: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of ||z||_2 / sigma, which is chi with d - k degrees of freedom."""
    freedom = dim - k
    mean = math.sqrt(2) * np.exp(gammaln((freedom + 1) / 2) - gammaln(freedom / 2))
    return sigma * mean, sigma**2 * (freedom - mean**2)


def figure_1(path: Path, dim: int = 100) -> None:
    # Close to k = d little freedom is left, and the mean moves fast.
    k, sigma = dim - np.geomspace(dim, 0.1, 200), np.linspace(0, 1, 100)
    figure = Figure(figsize=(4.6, 3.4), layout="constrained")
    axes = figure.subplots()
    axes.plot(
        *mean_and_variance(dim, k, np.ones(1)), color="tab:green", label="k from 0 to d, σ = 1"
    )
    axes.plot(
        *mean_and_variance(dim, np.zeros(1), sigma), color="tab:red", label="σ from 1 to 0, k = 0"
    )
    axes.plot(*mean_and_variance(dim, np.zeros(1), np.ones(1)), "ko", label="Gaussian, σ = 1")
    axes.set(xlabel="mean of ‖z‖₂", ylabel="variance of ‖z‖₂", ylim=(0, 0.55))
    axes.set_title(f"Radius of spherical noise (eq. 11), d = {dim}", fontsize=10)
    axes.legend(frameon=False, fontsize=8, loc="lower right")
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(), help="folder of the picture")
    parser.add_argument("--samples", type=int, default=20_000)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    proposition_3(given.samples)
    proposition_4()
    corollaries()
    figure_1(given.out / "zhang_figure_1.png")


if __name__ == "__main__":
    main()
