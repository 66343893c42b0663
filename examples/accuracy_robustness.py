"""Accuracy against robustness of three noises for l_oo: the toy problem of Zhang et al., Figure 3.

The base classifier in d = 5 is f(x) = 1(||x||_2 <= 0.65), the input is 0. Every noise level and
shape gives one point: the smoothed probability at 0, and the overlap 1 - D(1) of the noise with
itself shifted by (0.25, ..., 0.25). The spherical noise (eq. 11) and the cubical one (eq. 12, whose
worst shift is not proved: the overlap is that of this direction) are integrated; the mixed one
(eq. 13) is estimated from samples, because its transform decays slowly in five dimensions.

Run as `python examples/accuracy_robustness.py [picture.png]`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import sympy
from matplotlib.figure import Figure

import levelset
from smoothing.distribution import SmoothingDistribution
from smoothing.expressions import norm, x

DIM, EDGE = 5, 0.65
SIGMAS = (0.15, 0.2, 0.25, 0.3, 0.4, 0.6, 1.0)
POWERS = (0, 1, 2)
RADIUS = 0.25
LARGEST = norm(x, sympy.oo)
NAMES = {
    "spherical, eq. 11": (norm(x, 2), norm(x, 2)),
    "cubical, eq. 12 (no theorem)": (LARGEST, LARGEST),
    "mixed, eq. 13 (sampled)": (LARGEST, norm(x, 2)),
}


def probability(q: SmoothingDistribution, generator: np.random.Generator) -> float:
    noise = q.sample(200_000, generator)
    return float(np.mean(np.linalg.norm(noise, axis=1) <= EDGE))


def integrated(q: SmoothingDistribution) -> float:
    growth = levelset.growth_function(q, np.full(DIM, RADIUS))
    return 1 - float(growth.total_variation().upper)


def sampled(q: SmoothingDistribution, generator: np.random.Generator) -> float:
    noise = q.sample(50_000, generator)
    ratio = np.exp(np.minimum(q.log_density(noise - RADIUS) - q.log_density(noise), 50.0))
    return float(np.mean(np.minimum(ratio, 1.0)))


def main(path: Path) -> None:
    figure = Figure(figsize=(5, 3.6), layout="constrained")
    axes = figure.subplots()
    for number, (name, (singular, gaussian)) in enumerate(NAMES.items()):
        points = []
        for k in POWERS:
            for sigma in SIGMAS:
                psi = k * sympy.log(singular) + gaussian**2 / 2
                q = SmoothingDistribution(psi, dim=DIM, sigma=sigma)
                generator = np.random.default_rng(number)
                rho = probability(q, generator)
                bound = sampled(q, generator) if "sampled" in name else integrated(q)
                points.append((rho, bound))
        front = [p for p in points if not any(o[0] > p[0] and o[1] > p[1] for o in points)]
        axes.plot(*zip(*sorted(front), strict=True), marker="o", label=name)
    axes.set(
        xlabel="smoothed probability (accuracy)",
        ylabel="overlap 1 - D(1) (robustness)",
    )
    axes.legend(fontsize=7)
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "accuracy_robustness.png"))
