"""The best multiplier for radial densities: a bracketed search on the concave dual, compiled.

p(r) = max_kappa (1/2 - D(kappa))/kappa is concave in mu = 1/kappa with slope 1/2 - p1, and
G(p) = min_kappa kappa p + D(kappa) is convex in kappa with slope p - p0. The tangents at the ends
of a bracket bound what a better multiplier could still gain: the stopping rule. Where the slope is
smooth, secants aim just beyond the zero, so that both ends close in on it; where it jumps (L has
an atom) the tangents meet at the optimum, and regula falsi and the meeting are tried in turn.
"""

from __future__ import annotations

import numpy as np

from levelset.kernels import Law, Nodes, is_sharp, probabilities
from levelset.kinks import look
from levelset.level_sets import new_batch
from levelset.profile_cells import Cells
from numerics.jit import kernel
from numerics.rounding import FloatArray

__all__ = ["FOR_GROWTH", "FOR_TAIL", "best_multipliers", "many_probabilities"]

#: What is optimised: p(r) (find p1 = 1/2) or G(p) (find p0 = p).
FOR_TAIL, FOR_GROWTH = 0, 1

_LOG_KAPPA_END = 690.0
#: Just below log kappa = 0: an atom of L at 1 counts as L > kappa here, and not at 0.
_BELOW_ZERO = -1e-300
_BATCH = 1024


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
def _bracket(law, cells, open_end, nodes, sight, batch, r, purpose, target, guess, step, density):
    """Two ends with slopes of either sign, (a, p0, p1, b, p0, p1), from a guess that is good to
    about `step`; `density` is the fall of the slope nearby, 0 where unknown.
    """
    if law.kind == 1 and abs(guess) < 1e-6:
        # The best multiplier is often exactly 1 here: see whether it is.
        guess = 0.0
    x, p0, p1 = guess, 0.0, 0.0
    y, move, rising, turn = guess, 0.0, True, 0
    # One call of `probabilities`: every further one has to be compiled.
    while True:
        q0, q1, _, _ = probabilities(law, cells, open_end, nodes, sight, batch, r, y, 1.0)
        f = _slope(purpose, target, q0, q1)
        if turn == 0:
            rising = f > 0.0
            # Newton's step and a little more, to end beyond the zero
            move = 1.05 * abs(f) / density + 0.2 * step if density > 0.0 else step
            move = max(min(move, 10.0 * step), 1e-9)
        elif y == _BELOW_ZERO:
            if f > 0.0:
                return y, q0, q1, x, p0, p1
        elif (f > 0.0) != rising or abs(y) > _LOG_KAPPA_END:
            break
        else:
            move *= 3.0
        if turn == 0 or y != _BELOW_ZERO:
            x, p0, p1 = y, q0, q1
        turn += 1
        if turn == 1 and law.kind == 1 and guess == 0.0 and not rising:
            y = _BELOW_ZERO
        else:
            y = x + move if rising else x - move
    if rising:
        return x, p0, p1, y, q0, q1
    return y, q0, q1, x, p0, p1


@kernel
def _search(
    law, cells, open_end, nodes, batch, r, purpose, target, guess, step, density, margin, tolerance
):
    """Ends of a bracket of the best log kappa, whether the lower is better, fall of the slope."""
    sight = look(cells, nodes, r, is_sharp(law, cells))
    a, p0a, p1a, b, p0b, p1b = _bracket(
        law, cells, open_end, nodes, sight, batch, r, purpose, target, guess, step, density
    )
    fa, fb = _slope(purpose, target, p0a, p1a), _slope(purpose, target, p0b, p1b)
    if fa > 0.0 >= fb:
        density = (fa - fb) / (b - a)
    side, trusted, before = 0, True, b - a
    seen_one = a == _BELOW_ZERO or a >= 0.0 or b <= 0.0
    for turn in range(90):
        if fa <= 0.0 or fb > 0.0:
            break
        meeting = _meeting(purpose, target, a, p0a, p1a, b, p0b, p1b)
        # Sets at a and b differ where a < log L <= b, so that the tangents meet in between, unless
        # the error of log L puts an atom on the wrong side in one of the two integrals.
        consistent = a <= meeting <= b
        gain = _gain(purpose, target, a, p0a, p1a, b, p0b, p1b)
        if consistent and gain < tolerance:
            break
        closest = 1e-14 * (1.0 + abs(a) + abs(b))
        if b - a < 4.0 * closest or (not consistent and b - a < 4.0 * margin):
            break
        phase = turn % 4
        if phase == 3:
            # Regula falsi crawls where the slope jumps at an atom of L, which is at the meeting.
            trusted = b - a < 0.2 * before
            before = b - a
        if law.kind == 1 and not seen_one and a < 0.0 < b:
            x, seen_one = 0.0, True
        elif law.kind == 1 and b == 0.0 and a < _BELOW_ZERO:
            x = _BELOW_ZERO
        elif turn < 6 and consistent:
            # The gain is about proportional to the square of the width.
            half = 0.35 * (b - a) * np.sqrt(tolerance / max(gain, tolerance))
            density = (fa - fb) / (b - a)
            zero = a + fa / density
            x = zero + half if b - zero > zero - a else zero - half
        elif trusted or (consistent and phase == 1):
            x = a + (b - a) * fa / (fa - fb)
        elif not consistent:
            x = a + 1e-3 * (b - a) if meeting > b else b - 1e-3 * (b - a)
        elif phase == 3:
            x = meeting
        elif phase == 0:
            # Close in on the meeting from the side it was not on.
            x = a + 1e-3 * (b - a) if side == 1 else b - 1e-3 * (b - a)
        else:
            x = 0.5 * (a + b)
        if x != 0.0 and x != _BELOW_ZERO:
            x = min(max(x, a + closest), b - closest)
        p0, p1, _, _ = probabilities(law, cells, open_end, nodes, sight, batch, r, x, 1.0)
        f = _slope(purpose, target, p0, p1)
        if f > 0.0:
            a, p0a, p1a, fa = x, p0, p1, f
            if side == 1 and turn >= 6:
                fb *= 0.5
            side = 1
        else:
            b, p0b, p1b, fb = x, p0, p1, f
            if side == -1 and turn >= 6:
                fa *= 0.5
            side = -1
    # Both ends stay where exp(log kappa) is a number; a certificate beyond is worth nothing.
    a, b = min(a, _LOG_KAPPA_END), min(b, _LOG_KAPPA_END)
    if purpose == 0:
        lower = p0a + np.exp(-a) * (0.5 - p1a) >= p0b + np.exp(-b) * (0.5 - p1b)
    else:
        lower = p1a + np.exp(a) * (target - p0a) <= p1b + np.exp(b) * (target - p0b)
    return a, b, lower, density


@kernel
def _predicted(radii, out, i):
    """log kappa at radius i from the three before: the parabola through them."""
    x0 = 0.5 * (out[i - 3, 0] + out[i - 3, 1])
    x1 = 0.5 * (out[i - 2, 0] + out[i - 2, 1])
    x2 = 0.5 * (out[i - 1, 0] + out[i - 1, 1])
    r0, r1, r2 = radii[i - 3], radii[i - 2], radii[i - 1]
    if not (r0 < r1 < r2 <= radii[i]):
        return x2
    first = (x2 - x1) / (r2 - r1)
    second = (first - (x1 - x0) / (r1 - r0)) / (r2 - r0)
    return x2 + (radii[i] - r2) * (first + (radii[i] - r1) * second)


@kernel
def best_multipliers(
    law, cells, open_end, nodes, radii, purpose, targets, first_guess, margin, tolerance
):
    """Brackets of the best log kappa at each radius and the better end of each, shape (n, 3)."""
    out = np.empty((radii.shape[0], 3))
    batch = _batch(nodes)
    guess, density = first_guess, 0.0
    step = max(0.2 * abs(guess), 1e-3)
    for i in range(radii.shape[0]):
        if i > 0:
            known = 0.5 * (out[i - 1, 0] + out[i - 1, 1])
            if purpose == 0 and i >= 3:
                guess = _predicted(radii, out, i)
            elif purpose == 0 and radii[i - 1] > 0.0:
                guess = known * radii[i] / radii[i - 1]
                step = max(0.2 * abs(guess), 1e-3)
            else:
                guess = known
        guess = min(max(guess, -600.0), 600.0)
        a, b, lower, density = _search(
            law, cells, open_end, nodes, batch, radii[i], purpose, targets[i], guess, step,
            density, margin, tolerance,
        )  # fmt: skip
        out[i, 0], out[i, 1], out[i, 2] = a, b, a if lower else b
        # The next guess is about as good as this one was.
        step = max(2.0 * abs(0.5 * (a + b) - guess), b - a, 1e-9)
    return out


@kernel
def _batch(nodes):
    return new_batch(max(_BATCH, 2 * nodes.weight.shape[1], 2 * nodes.piece_nodes.shape[0]))


def many_probabilities(
    law: Law, cells: Cells, open_end: tuple[bool, bool], nodes: Nodes,
    radii: FloatArray, log_kappa: FloatArray, sign: float,
) -> FloatArray:  # fmt: skip
    """`probabilities` at pairs of radius and multiplier, shape (n, 4)."""
    # Columns of a table have strides, for which all would be compiled once more.
    radii, log_kappa = np.ascontiguousarray(radii), np.ascontiguousarray(log_kappa)
    return np.asarray(_many_probabilities(law, cells, open_end, nodes, radii, log_kappa, sign))


@kernel
def _many_probabilities(law, cells, open_end, nodes, radii, log_kappa, sign):
    out = np.empty((radii.shape[0], 4))
    batch = _batch(nodes)
    sharp = is_sharp(law, cells)
    for i in range(radii.shape[0]):
        if i == 0 or radii[i] != radii[i - 1]:
            sight = look(cells, nodes, radii[i], sharp)
        out[i, 0], out[i, 1], out[i, 2], out[i, 3] = probabilities(
            law, cells, open_end, nodes, sight, batch, radii[i], log_kappa[i], sign
        )
    return out
