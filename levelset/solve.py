"""The best multiplier for radial densities: a bracketed search on the concave dual, compiled.

p(r) = max_kappa (1/2 - D(kappa))/kappa is concave in mu = 1/kappa with slope 1/2 - p1, and
G(p) = min_kappa kappa p + D(kappa) is convex in kappa with slope p - p0. Regula falsi drives the
slope to 0; where the slope jumps (L has an atom) the two tangents at the ends of the bracket meet
at the optimum, so their intersection is tried in turn. The same intersection bounds what a better
multiplier could still gain: the stopping rule.
"""

from __future__ import annotations

import numpy as np

from levelset.kernels import probabilities
from numerics.jit import kernel

__all__ = ["FOR_GROWTH", "FOR_TAIL", "best_multipliers", "many_probabilities"]

#: What is optimised: p(r) (find p1 = 1/2) or G(p) (find p0 = p).
FOR_TAIL, FOR_GROWTH = 0, 1

_LOG_KAPPA_END = 690.0


@kernel
def _slope(purpose, target, p0, p1):
    """Positive below the best log kappa."""
    return p1 - 0.5 if purpose == 0 else p0 - target


@kernel
def _meeting(purpose, target, a, p0a, p1a, b, p0b, p1b):
    """log kappa at which the tangents at a and b meet."""
    if purpose == 0:
        # p0a + mu (1/2 - p1a) = p0b + mu (1/2 - p1b)
        rise = p1a - p1b
        return np.log(rise / (p0a - p0b)) if rise > 0.0 and p0a > p0b else 0.5 * (a + b)
    # p1a + kappa (p - p0a) = p1b + kappa (p - p0b)
    fall = p0a - p0b
    return np.log((p1a - p1b) / fall) if fall > 0.0 and p1a > p1b else 0.5 * (a + b)


@kernel
def _gain(purpose, target, a, p0a, p1a, b, p0b, p1b):
    """Relative amount by which the best multiplier may beat the better end of the bracket."""
    meeting = _meeting(purpose, target, a, p0a, p1a, b, p0b, p1b)
    if purpose == 0:
        va = p0a + np.exp(-a) * (0.5 - p1a)
        vb = p0b + np.exp(-b) * (0.5 - p1b)
        best = p0a + np.exp(-meeting) * (0.5 - p1a)
        return (best - max(va, vb)) / max(best, 1e-300)
    va = p1a + np.exp(a) * (target - p0a)
    vb = p1b + np.exp(b) * (target - p0b)
    best = p1a + np.exp(meeting) * (target - p0a)
    return (min(va, vb) - best) / max(va, 1e-300)


@kernel
def _margin(nodes):
    """Largest error of log L that the mass can see."""
    worst = 0.0
    for i in range(nodes.mass.shape[0]):
        if nodes.mass[i] > 1e-18:
            for k in range(nodes.cell.shape[1]):
                worst = max(worst, nodes.margin[nodes.cell[i, k]])
    return worst


@kernel
def _search(law, cells, open_end, nodes, r, purpose, target, guess, tolerance):
    """Ends of a bracket of the best log kappa, and whether the lower one is better."""
    width = max(0.2 * abs(guess), 1e-3)
    a, b = guess - 0.2 * width, guess + 0.2 * width
    p0a, p1a = probabilities(law, cells, open_end, nodes, r, a, 1.0)
    while _slope(purpose, target, p0a, p1a) <= 0.0 and a > -_LOG_KAPPA_END:
        b, p0b, p1b = a, p0a, p1a
        a -= width
        width *= 2.0
        p0a, p1a = probabilities(law, cells, open_end, nodes, r, a, 1.0)
        if _slope(purpose, target, p0a, p1a) > 0.0:
            break
    else:
        p0b, p1b = probabilities(law, cells, open_end, nodes, r, b, 1.0)
        while _slope(purpose, target, p0b, p1b) > 0.0 and b < _LOG_KAPPA_END:
            a, p0a, p1a = b, p0b, p1b
            b += width
            width *= 2.0
            p0b, p1b = probabilities(law, cells, open_end, nodes, r, b, 1.0)
    fa = _slope(purpose, target, p0a, p1a)
    fb = _slope(purpose, target, p0b, p1b)
    margin = _margin(nodes)
    side, trusted, before = 0, True, b - a
    for step in range(80):
        if fa <= 0.0 or fb > 0.0:
            break
        meeting = _meeting(purpose, target, a, p0a, p1a, b, p0b, p1b)
        # Sets at a and b differ where a < log L <= b, so that the tangents meet in between, unless
        # the error of log L puts an atom on the wrong side in one of the two integrals.
        consistent = a <= meeting <= b
        if consistent and _gain(purpose, target, a, p0a, p1a, b, p0b, p1b) < tolerance:
            break
        closest = 1e-14 * (1.0 + abs(a) + abs(b))
        if b - a < 4.0 * closest or (not consistent and b - a < 4.0 * margin):
            break
        if step % 4 == 3:
            # Regula falsi crawls where the slope jumps at an atom of L, which is at the meeting.
            trusted = b - a < 0.2 * before
            before = b - a
        if trusted or (consistent and step % 4 == 1):
            x = a + (b - a) * fa / (fa - fb)
        elif not consistent:
            x = a + 1e-3 * (b - a) if meeting > b else b - 1e-3 * (b - a)
        elif step % 4 == 3:
            x = meeting
        elif step % 4 == 0:
            # Close in on the meeting from the side it was not on.
            x = a + 1e-3 * (b - a) if side == 1 else b - 1e-3 * (b - a)
        else:
            x = 0.5 * (a + b)
        x = min(max(x, a + closest), b - closest)
        p0, p1 = probabilities(law, cells, open_end, nodes, r, x, 1.0)
        f = _slope(purpose, target, p0, p1)
        if f > 0.0:
            a, p0a, p1a, fa = x, p0, p1, f
            if side == 1:
                fb *= 0.5
            side = 1
        else:
            b, p0b, p1b, fb = x, p0, p1, f
            if side == -1:
                fa *= 0.5
            side = -1
    # Both ends stay where exp(log kappa) is a number; a certificate beyond is worth nothing.
    a, b = min(a, _LOG_KAPPA_END), min(b, _LOG_KAPPA_END)
    if purpose == 0:
        return a, b, p0a + np.exp(-a) * (0.5 - p1a) >= p0b + np.exp(-b) * (0.5 - p1b)
    return a, b, p1a + np.exp(a) * (target - p0a) <= p1b + np.exp(b) * (target - p0b)


@kernel
def best_multipliers(law, cells, open_end, nodes, radii, purpose, targets, guesses, tolerance):
    """Brackets of the best log kappa at each radius and the better end of each, shape (n, 3)."""
    out = np.empty((radii.shape[0], 3))
    guess = guesses[0]
    for i in range(radii.shape[0]):
        if i > 0:
            known = 0.5 * (out[i - 1, 0] + out[i - 1, 1])
            growing = purpose == 0 and radii[i - 1] > 0.0
            guess = known * radii[i] / radii[i - 1] if growing else known
        if np.isfinite(guesses[i]):
            guess = guesses[i]
        guess = min(max(guess, -600.0), 600.0)
        a, b, first = _search(
            law, cells, open_end, nodes, radii[i], purpose, targets[i], guess, tolerance
        )
        out[i, 0], out[i, 1], out[i, 2] = a, b, a if first else b
    return out


@kernel
def many_probabilities(law, cells, open_end, nodes, radii, log_kappa, sign):
    """(p0, p1) at pairs of radius and multiplier, shape (n, 2)."""
    out = np.empty((radii.shape[0], 2))
    for i in range(radii.shape[0]):
        p0, p1 = probabilities(law, cells, open_end, nodes, radii[i], log_kappa[i], sign)
        out[i, 0], out[i, 1] = p0, p1
    return out
