"""Supports of densities, read from comparisons into intervals of a norm or of coordinates.

A support is an And of comparisons, each in one quantity: a norm of x, one coordinate ``x[i]``, or
``x`` itself, which means every coordinate (``x >= 0`` is the positive orthant). Boundaries have
measure zero, so open and closed intervals are the same here.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy
from sympy.core.relational import Relational

from numerics.errors import InvalidInputError
from smoothing.expressions import Coordinate, Vector, coordinate_sum, norm, t, x
from smoothing.gauges import gauge
from smoothing.structure import RADIUS

__all__ = ["Interval", "Support", "read_support"]

Interval = tuple[sympy.Expr, sympy.Expr]

#: Conditions up to this size and degree are solved; a support that a person writes is smaller.
MAX_OPERATIONS = 30
MAX_DEGREE = 4

WHOLE_LINE: Interval = (-sympy.oo, sympy.oo)


@dataclass(frozen=True)
class Support:
    """Where a density lives, at scale 1.

    `norms` maps the order of a norm (the body of a gauge) to the interval of its value, `every`
    bounds each coordinate and `single` bounds particular coordinates further. `reason` is set, and
    the rest is meaningless, when the conditions have no such form.
    """

    norms: tuple[tuple[sympy.Expr, Interval], ...] = ()
    every: Interval = WHOLE_LINE
    single: tuple[tuple[int, Interval], ...] = ()
    reason: str = ""

    @property
    def is_everything(self) -> bool:
        """Whether the density lives on all of R^dim."""
        return not (self.norms or self.single or self.reason) and self.every == WHOLE_LINE

    def box(self) -> tuple[Interval, dict[int, Interval]] | None:
        """Interval of every coordinate and of the exceptional ones; None when not a box."""
        every = self.every
        for order, (lower, upper) in self.norms:
            if order is not sympy.oo or lower != 0:
                return None
            every = _intersect(every, (-upper, upper))
        return every, {i: _intersect(every, interval) for i, interval in self.single}

    def gauge(self, order: sympy.Expr) -> Interval | None:
        """Interval of the norm of this order; None when the support is not given by it alone."""
        lower, upper = self.every
        if self.single or any(other != order for other, _ in self.norms):
            return None
        interval = dict(self.norms).get(order, (sympy.S.Zero, sympy.oo))
        if self.every == WHOLE_LINE:
            return interval
        if order is not sympy.oo or lower != -upper:
            return None
        return _intersect(interval, (sympy.S.Zero, upper))


def read_support(condition: sympy.Basic | None, dimension: int) -> Support:
    """Return the support that a condition describes.

    Parameters
    ----------
    condition : SymPy relation, And of relations, or None
        None means all of R^dimension.
    dimension : int
        In dimension 1 every quantity is read as a condition on the one coordinate.

    Raises
    ------
    InvalidInputError
        The condition is not built of comparisons, is empty, or compares nothing known.

    Examples
    --------
    >>> from smoothing.expressions import x, norm
    >>> read_support(norm(x, 2) <= 3, 5).norms
    ((2, (0, 3)),)
    """
    norms: dict[sympy.Expr, Interval] = {}
    single: dict[int, Interval] = {}
    every = WHOLE_LINE
    for relation in _relations(condition):
        quantity, interval = _read_relation(relation, dimension)
        if interval is None:
            return Support(reason=quantity)
        if isinstance(quantity, norm | gauge):
            known = norms.get(quantity.order, (sympy.S.Zero, sympy.oo))
            norms[quantity.order] = _intersect(known, interval)
        elif isinstance(quantity, Coordinate):
            known = single.get(quantity.index, WHOLE_LINE)
            single[quantity.index] = _intersect(known, interval)
        else:
            every = _intersect(every, interval)
    return Support(tuple(norms.items()), every, tuple(sorted(single.items())))


def _relations(condition: sympy.Basic | None) -> tuple[sympy.Basic, ...]:
    if condition is None or condition is sympy.true:
        return ()
    if condition is sympy.false:
        raise InvalidInputError("support is empty: the conditions contradict each other")
    parts = condition.args if isinstance(condition, sympy.And) else (condition,)
    for part in parts:
        legal = isinstance(part, Relational) and part.rel_op in {"<", "<=", ">", ">="}
        if not legal:
            raise InvalidInputError(
                f"support must be comparisons (<, <=, >, >=) joined by And, got {part}; "
                "write for example And(x >= 0, norm(x, oo) <= 1)"
            )
    return tuple(parts)


def _read_relation(
    relation: sympy.Basic, dimension: int
) -> tuple[sympy.Basic | str, Interval | None]:
    """Return the quantity compared and its interval, or a reason and None."""
    if dimension == 1:
        relation = to_one_dimension(relation)
    sums = relation.atoms(coordinate_sum)
    relation = relation.xreplace({s: _power_sum_as_norm(s) for s in sums})
    if relation in (sympy.true, sympy.false):
        raise InvalidInputError("support has a condition that is always true or never true")
    norms = relation.atoms(norm, gauge)
    bare = relation.xreplace({n: sympy.Dummy() for n in norms})
    quantities = norms | bare.atoms(Vector, Coordinate) | ({t} & bare.free_symbols)
    if bare.atoms(coordinate_sum) or len(quantities) > 1:
        return f"the condition {relation} joins several quantities", None
    if not quantities:
        raise InvalidInputError(f"support compares nothing known: {relation}; use x or norm(x, p)")
    (quantity,) = quantities
    if isinstance(quantity, norm) and quantity.order not in (1, 2, sympy.oo):
        return f"a ball of the norm of order {quantity.order} is no structure", None
    symbol = RADIUS if quantity in norms else t
    solved = _solve(relation.xreplace({quantity: symbol}), symbol)
    if solved is None:
        return f"the condition {relation} does not describe one interval", None
    return quantity, solved


def to_one_dimension(tree: sympy.Basic) -> sympy.Basic:
    """Write everything in ``t``, as it reads in dimension 1."""
    atoms = tree.atoms(norm, coordinate_sum, Vector, Coordinate)
    return tree.xreplace({atom: _one_dimensional(atom) for atom in atoms})


def _one_dimensional(atom: sympy.Basic) -> sympy.Basic:
    if isinstance(atom, norm):
        return sympy.Abs(t)
    if isinstance(atom, coordinate_sum):
        weight = sympy.S.One if atom.weights is None else atom.weights[0]
        return weight * atom.phi
    return t


def _power_sum_as_norm(atom: coordinate_sum) -> sympy.Basic:
    """Read sum_i |x_i|^p as norm(x, p)^p, so that it can bound a norm."""
    exponent = power_of(atom.phi) if atom.weights is None else None
    return atom if exponent is None else norm(x, exponent) ** exponent


def power_of(phi: sympy.Expr) -> sympy.Expr | None:
    """Return p when phi is |t|^p with a number p > 0, else None."""
    positive = sympy.Dummy(positive=True)
    right = phi.xreplace({t: positive}).subs(t, positive)
    if right != phi.subs(t, -positive):
        return None
    base, exponent = right.as_base_exp()
    return exponent if base == positive and exponent.is_number and exponent.is_positive else None


def _solve(relation: sympy.Basic, symbol: sympy.Symbol) -> Interval | None:
    domain = sympy.Interval(0, sympy.oo) if symbol == RADIUS else sympy.S.Reals
    free = sympy.Dummy(real=True)
    lowered = relation.xreplace({symbol: free})
    if lowered in (sympy.true, sympy.false):
        raise InvalidInputError("support has a condition that is always true or never true")
    if not _is_simple(lowered, free):
        return None
    try:
        solution = sympy.solve_univariate_inequality(lowered, free, relational=False, domain=domain)
    except (NotImplementedError, TypeError, ValueError):
        return None
    if solution is sympy.S.EmptySet:
        raise InvalidInputError(f"support is empty: {relation} has no solution")
    if not isinstance(solution, sympy.Interval):
        return None
    return solution.start, solution.end


def _is_simple(relation: sympy.Basic, symbol: sympy.Symbol) -> bool:
    """Whether SymPy solves the relation quickly: short, with powers that are alone or small."""
    powers = [e for e in relation.atoms(sympy.Pow) if e.has(symbol)]
    degrees = [abs(e.exp) for e in powers if e.exp.is_number]
    alone = len(relation.atoms(sympy.Add)) == 0 and len(powers) <= 1
    small = all(degree <= MAX_DEGREE for degree in degrees)
    return bool(relation.count_ops() <= MAX_OPERATIONS and (alone or small))


def _intersect(first: Interval, second: Interval) -> Interval:
    lower, upper = sympy.Max(first[0], second[0]), sympy.Min(first[1], second[1])
    if not lower < upper:
        raise InvalidInputError("support is empty: the conditions contradict each other")
    return lower, upper
