"""D at many pairs of radius and multiplier along one path, from one sum each.

`RadialShift.divergence` compares two or more sets of nodes at every pair. Along a path the
quadrature error varies slowly, so it is measured at every twelfth pair; what it is there, with
neighbours and a factor, is taken for the pairs in between.
"""

from __future__ import annotations

import numpy as np

from levelset.radial_shift import RadialShift
from numerics.rounding import FloatArray

__all__ = ["divergence_nearby"]

_EVERY = 12
#: Of the errors measured within so many steps of a pair the largest counts, and no less than the
#: median of all; it is multiplied, because it need not be seen at its worst.
_REACH, _FACTOR = 2, 4.0
#: Larger errors are not read in between but measured at the pair itself.
_TRUSTED = 1e-11
#: Below this dimension the law of t has an infinite density at its ends.
_SMOOTH_DIM = 3


def divergence_nearby(shift: RadialShift, radii: FloatArray, log_kappa: FloatArray) -> FloatArray:
    """D rounded up at scale 1; `radii` ascending, shape (n,), as `log_kappa`."""
    level = 1 if shift.law.dim >= _SMOOTH_DIM else 2
    count = len(radii)
    sums = shift.probabilities(radii, log_kappa, 1.0, level)
    sets = sums[:, :2]
    probes = np.unique(np.append(np.arange(0, count, _EVERY), count - 1))
    finer = shift.probabilities(radii[probes], log_kappa[probes], 1.0, level + 1)[:, :2]
    # Relative to the integrals, which run over many orders of magnitude along a path.
    error = np.abs(finer - sets[probes]) / np.maximum(finer, 1e-300)
    window = np.arange(len(probes))[:, None] + np.arange(-_REACH, _REACH + 1)
    widest = error[np.clip(window, 0, len(probes) - 1)].max(axis=1)
    widest = np.maximum(widest, np.median(error, axis=0))
    nearest = np.clip(np.searchsorted(probes, np.arange(count)), 0, len(probes) - 1)
    slack = _FACTOR * widest[nearest] * sets + shift.slack(sums)
    kappa = np.exp(log_kappa)
    divergence = sets[:, 1] + slack[:, 1] - kappa * (sets[:, 0] - slack[:, 0])
    unsure = slack[:, 1] + kappa * slack[:, 0] > _TRUSTED
    if unsure.any():
        divergence[unsure] = shift.divergence(radii[unsure], log_kappa[unsure], upper=True)
    return np.asarray(divergence)
