"""Accuracy against robustness of three noises for l_oo: the toy problem of Zhang et al., Figure 3.

The base classifier in d = 5 is f(x) = 1(||x||_2 <= 0.65), the input 0, the shift r (1,...,1), and
the noises are their eq. 11, 12 and 13 with any shape k >= 0; sigma follows from the accuracy
pi_0(f), the probability of f under the noise. Three pictures over the accuracy, each with the
best k of each noise:

* The frontier of accuracy and the discrepancy D(lambda pi_0 || pi_shift) of their eq. 9. The paper
  gives neither lambda nor r. With lambda = 1.64 and r = 0.04 the discrepancies reach from 0.645 to
  0.68, as on its axis, and its order is found: mixed before spherical before cubical noise.
* The bound on the shifted probability at the best lambda, less that of Gaussian noise (k = 0 of
  both the spherical and the mixed one): mixed noise gains a little where the accuracy is high.
* The radius at which the bound reaches 1/2. There k = 0 is best, so that spherical and mixed noise
  are both Gaussian, and the one is no better than the other.

r (1,...,1) is the worst shift of the spherical and of the mixed noise. No theorem says so for the
cubical one: its curves belong to this one direction and bound nothing. The integrals are
quasi-Monte Carlo, about 1e-4 accurate, and no certificates; `levelset` encloses the same numbers.

Run as `python examples/accuracy_robustness.py --out FOLDER`.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.optimize import brentq
from scipy.special import gammainc, gammaincinv, ndtri
from scipy.stats import qmc

DIM, EDGE = 5, 0.65
SHIFT, LAMBDA = 0.04, 1.64
SHAPES = np.arange(0, 1.9, 0.25)
ACCURACIES = np.append(np.arange(0.6, 0.955, 0.025), (0.97, 0.98, 0.99))
#: Shifts in units of sigma from which radii are interpolated.
STEPS = np.linspace(0, 1.8, 25)
#: Norm of the power, norm of the exponent, style of the curve.
NOISES = {
    "spherical, eq. 11": (2, 2, "C0-"),
    "mixed, eq. 13": (np.inf, 2, "C1-."),
    "cubical, eq. 12 (no theorem)": (np.inf, np.inf, "C2--"),
}


@dataclass(frozen=True)
class Noise:
    """Weighted points of ||z||_a^-k exp(-||z||_b^2 / 2), the noise of sigma = 1."""

    k: float
    power: float
    exponent: float
    units: np.ndarray
    lengths: np.ndarray
    weights: np.ndarray

    def accuracy(self, sigma: float) -> float:
        """Probability of the ball: along each direction a chi law with d - k degrees."""
        ends = EDGE / (sigma * np.linalg.norm(self.units, axis=1))
        return float(np.mean(self.weights * gammainc((DIM - self.k) / 2, ends**2 / 2)))

    def sigma(self, accuracy: float) -> float:
        """The level with this accuracy; in closed form where all directions have one length."""
        if self.exponent == 2:
            return float(EDGE / np.sqrt(2 * gammaincinv((DIM - self.k) / 2, accuracy)))
        log_sigma = brentq(lambda s: self.accuracy(np.exp(s)) - accuracy, -3, 3, xtol=1e-6)
        return float(np.exp(log_sigma))

    def ratios(self, step: float) -> np.ndarray:
        """L = pi_0(z - v)/pi_0(z) for v = step (1,...,1)."""
        z = self.lengths[:, None] * self.units
        before, after = (np.linalg.norm(y, ord=self.power, axis=1) for y in (z, z - step))
        squares = self.lengths**2 - np.linalg.norm(z - step, ord=self.exponent, axis=1) ** 2
        return np.exp(np.minimum(squares / 2 - self.k * np.log(after / before), 50.0))

    def discrepancy(self, step: float, limit: float) -> float:
        """E (lambda - L)_+ = lambda - 1 + E (1 - lambda L)_+, as the noise is even.

        The right side stays bounded near the shifted centre, where L has its pole.
        """
        lost = np.maximum(1 - limit * self.ratios(step), 0.0)
        return limit - 1 + float(np.mean(self.weights * lost))

    def bound(self, step: float, accuracy: float) -> float:
        """max over lambda of lambda accuracy - D, at most the shifted probability.

        The best set is L < c, after the same change of side: its mass is the mean of L there, and
        what it grows to is its mean weight.
        """
        grown, mass = self._sets(step)
        return 1 - float(np.interp(1 - accuracy, mass, grown))

    def tail(self, step: float) -> float:
        """Mass of the set that grows to 1/2: a tail 1 - accuracy below it keeps the class."""
        grown, mass = self._sets(step)
        return float(np.interp(0.5, grown, mass))

    def _sets(self, step: float) -> tuple[np.ndarray, np.ndarray]:
        """What the sets L < c grow to, and their masses."""
        ratio = self.ratios(step)
        order = np.argsort(ratio)
        ratio, weight = ratio[order], self.weights[order] / len(ratio)
        return np.cumsum(weight), np.cumsum(weight * ratio)


def noise(power: float, exponent: float, k: float, samples: int) -> Noise:
    """Points from one Sobol sequence, the same for every noise."""
    sequence = qmc.Sobol(DIM + 1, seed=0).random_base2(int(np.log2(samples)))
    sequence = np.clip(sequence, 1e-12, 1 - 1e-12)
    # Directions of exp(-||z||_b^2): of a Gaussian, or of the points of a cube.
    body = ndtri(sequence[:, :DIM]) if exponent == 2 else 2 * sequence[:, :DIM] - 1
    units = body / np.linalg.norm(body, ord=exponent, axis=1, keepdims=True)
    weights = np.linalg.norm(units, ord=power, axis=1) ** -float(k)
    lengths = np.sqrt(2 * gammaincinv((DIM - k) / 2, sequence[:, DIM]))
    return Noise(float(k), power, exponent, units, lengths, weights / weights.mean())


def curves(power: float, exponent: float, samples: int) -> dict[str, np.ndarray]:
    """Discrepancy, bound and radius over shapes (rows) and accuracies (columns)."""
    found: dict[str, list[list[float]]] = {"discrepancy": [], "bound": [], "radius": []}
    for k in SHAPES:
        q = noise(power, exponent, k, samples)
        levels = [q.sigma(a) for a in ACCURACIES]
        found["discrepancy"].append([q.discrepancy(SHIFT / s, LAMBDA) for s in levels])
        pairs = list(zip(levels, ACCURACIES, strict=True))
        found["bound"].append([q.bound(SHIFT / s, a) for s, a in pairs])
        # Near linear in this scale, exactly so for Gaussian noise.
        quantiles = -ndtri([q.tail(t) for t in STEPS])
        steps = np.interp(ndtri(ACCURACIES), quantiles, STEPS)
        found["radius"].append(list(steps * levels))
    return {name: np.array(rows) for name, rows in found.items()}


def draw(axes: np.ndarray, results: dict[str, dict[str, np.ndarray]]) -> None:
    gaussian = results["spherical, eq. 11"]["bound"][0]
    for name, found in results.items():
        style = NOISES[name][2]
        axes[0].plot(found["discrepancy"].min(axis=0), ACCURACIES, style, label=name)
        axes[1].plot(ACCURACIES, found["bound"].max(axis=0) - gaussian, style, label=name)
        axes[2].plot(ACCURACIES, found["radius"].max(axis=0), style, label=name)
    label(axes[0], f"Frontier (Figure 3): λ = {LAMBDA}, r = {SHIFT}", "discrepancy (← more robust)")
    axes[0].set(ylabel="accuracy", xlim=(0.64, 0.72), ylim=(0.6, 1))
    axes[0].legend(frameon=False, fontsize=8, loc="lower right")
    label(axes[1], f"Bound with the best λ, r = {SHIFT}", "accuracy")
    axes[1].set(ylabel="bound less that of Gaussian noise", ylim=(-0.006, 0.004))
    label(axes[2], "Radius: where the bound is 1/2", "accuracy")
    axes[2].set(ylabel="tight radius along (1,…,1)", ylim=(0, None))


def label(axes: Axes, title: str, below: str) -> None:
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(below)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(), help="folder of the picture")
    parser.add_argument("--samples", type=int, default=2**14, help="rounded to a power of 2")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    results = {name: curves(*orders[:2], given.samples) for name, orders in NOISES.items()}
    shown = np.searchsorted(ACCURACIES, (0.599, 0.699, 0.799, 0.899, 0.989))
    print("accuracy                    ", ACCURACIES[shown].round(2))
    for quantity, best in (("discrepancy", np.min), ("bound", np.max), ("radius", np.max)):
        for name, found in results.items():
            print(f"{quantity:11} {name:29}", best(found[quantity], axis=0)[shown].round(4))
    figure = Figure(figsize=(11, 3.5), layout="constrained")
    draw(figure.subplots(1, 3), results)
    figure.savefig(given.out / "accuracy_robustness.png", dpi=120)


if __name__ == "__main__":
    main()
