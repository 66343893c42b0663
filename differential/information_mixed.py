"""Fisher information of mixed-norm densities exp(-g(max|x_i|) - sum phi(x_i)), phi even.

Flipping the sign of a coordinate leaves the density, and so do permutations: I is c times the
identity. With m = max|x_i| and a(m) = g'(m) + phi'(m), one coordinate in d has slope a(m), and the
others are independent with density f on [-m, m] (`mixed_laws`):

    d c = E a(m)^2 + (d - 1) E[2 int_0^m phi'^2 f / P(|X| < m)].
"""

from __future__ import annotations

import numpy as np
import sympy

from differential.information import Information, fisher_information, squared
from differential.mixed_laws import law_of_maximum
from numerics.errors import AssumptionError
from numerics.legendre import legendre_rule
from smoothing.structure import Marginal, Mixed, Product

__all__ = ["mixed_information"]

#: The law of m is resolved to 1e-12 (`mixed_laws`); its second moments keep a few times that.
_ERROR = 2e-11


def mixed_information(mixed: Mixed) -> Information:
    """Information at scale 1, rounded up.

    Raises
    ------
    AssumptionError
        phi or g is written in pieces, where the density may jump, or phi has infinite information.

    Examples
    --------
    >>> from smoothing.structure import COORDINATE, RADIUS
    >>> found = mixed_information(Mixed(RADIUS, COORDINATE**2 / 2, 3))
    >>> 1 < found.values[0] < 2
    True
    """
    for part in (mixed.profile, mixed.phi):
        if part.has(sympy.Piecewise, sympy.Heaviside, sympy.sign, sympy.floor, sympy.ceiling):
            raise AssumptionError(
                f"the Fisher information of a mixed density needs one without jumps; {part} is "
                "written in pieces or steps"
            )
    term = Product((Marginal(mixed.phi, (-sympy.oo, sympy.oo), 1),), 1)
    # Refuses phi with infinite information; its panels then leave out less than its error.
    spare = 1e-11 * fisher_information(term).values[0]
    try:
        # Panels for a^2, which shows whether E a^2 is finite.
        panels, inside = law_of_maximum(mixed, squared)
    except AssumptionError as error:
        raise AssumptionError(
            f"the Fisher information is infinite, or the density not integrable, for the profile "
            f"{mixed.profile}: {error}"
        ) from error
    largest = float(panels.panel_moment.sum() + panels.gap_moment.sum())
    rule = legendre_rule()
    basis = np.polynomial.legendre.legvander(rule.nodes, panels.density.shape[1] - 1).T
    half = (panels.right - panels.left)[:, None] / 2
    m = (panels.anchor[:, None] + panels.left[:, None] + half * (1 + rule.nodes)).ravel()
    weight = ((panels.density @ basis) * rule.weights).ravel()
    conditional = (2 * inside.integrals(m, np.square) + spare) / inside.mass(m)
    others = float(weight @ conditional)
    total = (largest + (mixed.dim - 1) * others) / mixed.dim
    return Information((total * (1 + _ERROR),), (mixed.dim,))
