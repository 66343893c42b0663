"""The bound of Zhang et al. 2020, integrated, beside their Monte-Carlo estimate.

For spherical noise (eq. 11) the multiplier and the bound on the shifted probability are shown from
the integral and from samples; the picture has the Hoeffding intervals, which must be paid for by
whoever samples, over the number of samples. An interval is for the bound at the multiplier that
the samples suggested, which is never better than the best multiplier of the integral.

Run as `python examples/dual_against_sampling.py --out FOLDER`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import sympy
from matplotlib.figure import Figure

import levelset
from levelset.certificate import monte_carlo_dual
from smoothing.distribution import SmoothingDistribution
from smoothing.expressions import norm, x

DIM, K, RHO, SHIFT = 20, 5, 0.9, 0.5
ALPHA = 1e-3
"""An interval misses the bound at its multiplier once in a thousand runs."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(), help="folder of the picture")
    parser.add_argument("--samples", type=int, default=300_000, help="largest number of samples")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)

    q = SmoothingDistribution(K * sympy.log(norm(x, 2)) + norm(x, 2) ** 2 / 2, dim=DIM)
    shift = SHIFT * np.eye(DIM)[0]
    exact = levelset.dual_certificate(q, shift, RHO)
    print(f"integral          kappa {exact.kappa:.6f}  bound {exact.lower:.9f}")

    generator = np.random.default_rng(0)
    counts = np.unique(np.geomspace(100, given.samples, 8).astype(int))
    runs = [
        monte_carlo_dual(q, shift, RHO, samples=int(n), alpha=ALPHA, generator=generator)
        for n in counts
    ]
    for n, run in zip(counts, runs, strict=True):
        print(
            f"{n:9,} samples  kappa {run.kappa:.6f}  bound {run.estimate:.6f}"
            f" in [{float(run.interval.lower):.6f}, {float(run.interval.upper):.6f}]"
        )

    figure = Figure(figsize=(4.8, 3.4), layout="constrained")
    axes = figure.subplots()
    values = np.array([run.estimate for run in runs])
    widths = np.array([run.interval.width / 2 for run in runs], dtype=float)
    axes.errorbar(
        counts, values, yerr=widths, fmt="o", capsize=3, label="samples, 99.9 % Hoeffding"
    )
    axes.axhline(exact.lower, color="black", linewidth=1, label="integral")
    axes.set(xscale="log", xlabel="samples", ylabel="bound on the shifted probability")
    axes.set_title(f"Spherical noise, k = {K}, d = {DIM}: ρ = {RHO}, shift {SHIFT}", fontsize=10)
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(given.out / "dual_against_sampling.png", dpi=120)


if __name__ == "__main__":
    main()
