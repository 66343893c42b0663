"""How large the constants of the line bounds can be: a numerical search for counterexamples.

For a given delta the least moment of a law on the line with TV(D, D + 1) <= delta is a linear
program once the law lives on a lattice k + theta: masses are the variables, total variation is a
sum of absolute differences of neighbours. A bound moment >= C f(delta) survives with every C up to
the smallest moment / f(delta) that is found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nogo.blum import BOUNDS, LINE_FIRST
from nogo.exact import as_delta
from numerics.errors import PrecisionError

__all__ = ["Constant", "least_line_moment", "line_constants"]

#: Offsets of the lattice; by symmetry theta and 1 - theta are alike.
_OFFSETS = (0.0, 0.25, 0.5)
_DELTAS = (0.02, 0.05, 0.1, 0.2, 1 / 3, 0.5, 0.6, 0.75, 0.9, 0.99)


@dataclass(frozen=True)
class Constant:
    """A bound's coefficient against the least moment found.

    Attributes
    ----------
    bound : str
    factor : float
        Its constant could be larger by this factor without a counterexample in the search.
    delta : float
        Where the search came closest.
    """

    bound: str
    factor: float
    delta: float


def least_line_moment(delta: float, *, order: int = 2, offset: float = 0.0) -> float:
    """Least E|eta|^order over laws on the lattice k + offset with TV(D, D + 1) <= delta.

    Parameters
    ----------
    delta : float
        In (0, 1).
    order : int
        1 or 2.
    offset : float
        Position of the lattice against 0.

    Raises
    ------
    PrecisionError
        The linear program was not solved.

    Examples
    --------
    >>> round(least_line_moment(1 / 3), 9)             # masses 1/3 on -1, 0, 1
    0.666666667
    """
    from scipy import sparse
    from scipy.optimize import linprog

    reach = int(3 / as_delta(delta)) + 4
    atoms = np.arange(-reach, reach + 1) + offset
    m = len(atoms)
    # masses, then the positive parts of their m + 1 differences, with zeros beyond both ends
    steps: Any = sparse.diags_array([np.ones(m), -np.ones(m)], offsets=[0, -1], shape=(m + 1, m))
    rises = sparse.hstack([steps, -sparse.eye_array(m + 1)])
    total_rise = sparse.hstack([sparse.csr_array((1, m)), np.ones((1, m + 1))])
    found = linprog(
        np.concatenate([np.abs(atoms) ** order, np.zeros(m + 1)]),
        A_ub=sparse.vstack([rises, total_rise]).tocsc(),
        b_ub=np.concatenate([np.zeros(m + 1), [delta]]),
        A_eq=np.concatenate([np.ones(m), np.zeros(m + 1)])[None, :],
        b_eq=[1.0],
        method="highs",
    )
    if found.status != 0:
        raise PrecisionError(f"the linear program at delta = {delta} failed: {found.message}")
    return float(found.fun)


def line_constants(deltas: Sequence[float] = _DELTAS) -> tuple[Constant, ...]:
    """For each bound on the line, the factor by which a search leaves its constant room.

    Examples
    --------
    >>> [round(c.factor, 2) for c in line_constants([0.1, 0.5]) if c.bound == "Lemma 3.1"]
    [18.33]
    """
    least = {
        (order, delta): min(least_line_moment(delta, order=order, offset=o) for o in _OFFSETS)
        for order in (1, 2)
        for delta in deltas
    }
    found = []
    for bound in (b for b in BOUNDS if b.line):
        order = 1 if bound.moment == LINE_FIRST else 2
        room = {
            delta: least[order, delta] / bound.noise_needed(1.0, dim=1, p=2, delta=delta)
            for delta in deltas
        }
        closest = min(room, key=lambda delta: room[delta])
        found.append(Constant(bound.name, room[closest], closest))
    return tuple(found)
