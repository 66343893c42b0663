"""Directions and laws of gamma for vertices of any polytope, by structure of the density."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import sympy
from numpy.typing import NDArray

from differential.discrete_sums import rademacher_sum
from differential.law import Law
from differential.law_expressions import LawExpressions, sign_expressions
from differential.parts import EmptyPart
from differential.phi import Direction, Phi
from differential.product_laws import RELATIVE_ERROR, coordinate_law
from differential.quadrature_parts import lattice_part
from differential.sum_laws import Term, sum_law
from differential.value_panels import drift_part, radial_jumps
from differential.vertex_orbits import name_of
from numerics.rounding import up
from smoothing.structure import RADIUS, Product, Radial

__all__ = ["cross_polytope_phi", "cubical_phi", "longest", "product_phi", "scaled_sign_law"]

Array = NDArray[np.float64]


def product_phi(product: Product, vertices: Array) -> Phi:
    """Phi of independent coordinates: a sum of independent terms along every vertex."""
    directions: list[Direction] = []
    for vertex in vertices:
        directions += _product_directions(product, vertex)
    return Phi(tuple(directions))


def _product_directions(product: Product, vertex: Array) -> tuple[Direction, ...]:
    groups = product.indices or (tuple(range(product.dim)),)
    terms: list[Term] = []
    for marginal, columns in zip(product.marginals, groups, strict=True):
        weights, counts = np.unique(vertex[list(columns)], return_counts=True)
        terms += [
            Term(marginal, float(w), int(n)) for w, n in zip(weights, counts, strict=True) if w != 0
        ]
    name = name_of(vertex)
    if len(terms) == 1 and terms[0].count == 1:
        term = terms[0]
        law = coordinate_law(term.marginal)
        forward = Direction(name, law if term.weight > 0 else law.reversed, abs(term.weight))
    else:
        # the scale is taken out, so that scaled vertices share a law
        size = max(abs(t.weight) for t in terms)
        unit = tuple(Term(t.marginal, t.weight / size, t.count) for t in terms)
        law = sum_law(unit)
        forward = Direction(name, law, size)
    return (forward,) if law.is_symmetric else (forward, forward.reversed)


def cubical_phi(radial: Radial, vertices: Array) -> Phi:
    """l_inf gauge: gamma = g'(r) e u_I with I uniform and a sign e; u up to signed permutations."""
    directions = []
    for vertex in vertices:
        sizes, counts = np.unique(vertex[vertex > 0], return_counts=True)
        chances = counts / (2 * radial.dim)
        law = scaled_sign_law(radial, tuple(sizes[::-1]), tuple(chances[::-1]))
        directions.append(Direction(name_of(vertex), law))
    return Phi(tuple(directions))


def cross_polytope_phi(radial: Radial, vertices: Array) -> Phi:
    """l1 gauge: gamma = g'(r) sum_i u_i e_i with independent signs e_i."""
    directions = []
    for vertex in vertices:
        law = rademacher_sum(vertex)
        above = law.values > 0
        values, chances = law.values[above][::-1], law.probabilities[above][::-1]
        found = scaled_sign_law(radial, tuple(values), tuple(chances))
        directions.append(Direction(name_of(vertex), found))
    return Phi(tuple(directions))


def longest(vertices: Array) -> float:
    """Largest Euclidean length of a vertex, rounded up."""
    squares = np.sum(vertices.astype(np.longdouble) ** 2, axis=1)
    return float(up(float(np.sqrt(squares.max())), 2))


@lru_cache(maxsize=128)
def scaled_sign_law(radial: Radial, values: tuple[float, ...], chances: tuple[float, ...]) -> Law:
    """gamma = g'(r) A, A symmetric with the given positive values (decreasing) and chances."""
    sizes, weights = np.array(values), np.array(chances)
    base = drift_part(radial)
    part, loss = (EmptyPart(), 0.0) if base is None else lattice_part(base, sizes, weights)
    theta = radial_jumps(radial) * float(sizes @ weights)
    expressions = _expressions(radial, values, chances)
    return Law(part, part, theta, theta, 3 * RELATIVE_ERROR + loss, expressions)


def _expressions(
    radial: Radial, values: tuple[float, ...], chances: tuple[float, ...]
) -> LawExpressions:
    """The mixture over the values of A."""
    potential = radial.profile - (radial.dim - 1) * sympy.log(RADIUS)
    drift = radial.profile.diff(RADIUS)

    def total(c: sympy.Expr, weighted: bool) -> sympy.Expr:
        terms = [
            sign_expressions(
                RADIUS, potential, radial.support, sympy.Float(a) * drift, sympy.Float(w)
            ).total(c, weighted)
            for a, w in zip(values, chances, strict=True)
        ]
        return sympy.Add(*terms)

    return LawExpressions(total, sympy.S.Zero)
