"""How large the Mellin transform of a product can be beyond the frequencies that were computed.

M_i(1/2 + i w) is the transform of the law of one log ratio: atoms a e^{i w l}, whose sum is known,
and a part with a density c, whose transform is at most min(int c, (variation of c)/w). The product
of both together bounds |M|: with few unlike shifts it comes back to nearly the mass of all atoms,
with many it stays small, because cosines of many frequencies are hardly ever near 1 together.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from levelset.loss_law import LogRatio
from numerics.rounding import FloatArray

__all__ = ["comeback"]

#: Below this no atoms come back.
_NEGLIGIBLE = 1e-18
#: Coordinates of which at least so many differ are looked at frequency by frequency.
_MANY = 10
#: Values of single transforms that are computed for one bound, and the change of a phase between.
_WORK, _PHASE = 40_000_000, 0.25
_CHUNK = 2**16
#: The variation of c is taken from its means on short intervals.
_SAFETY = 2.0


def comeback(terms: Sequence[tuple[LogRatio, int]], start: float) -> float:
    """Bound on (1/pi) int |M(1/2 + i w)|/w^2 dw over w > start, for laws with atoms; else 0.

    Laws without atoms, or with nearly none, are left to what was seen of M.
    """
    lasting = float(np.prod([term.lasting**n for term, n in terms]))
    if lasting < _NEGLIGIBLE:
        return 0.0
    if len(terms) < _MANY:
        return lasting / (np.pi * start)
    step = _PHASE / max(term.reach for term, _ in terms)
    cells = _WORK // sum(max(len(term.atoms), 1) for term, _ in terms)
    total = 0.0
    for first in range(0, cells, _CHUNK):
        index = np.arange(first, min(first + _CHUNK, cells))
        left = np.asarray(start + step * index, dtype=np.float64)
        largest = _largest(terms, left, step)
        total += float(np.sum(largest / (left * (left + step)))) * step
    # all |M_i| <= 1, but only the product of what lasts bounds |M| from here on
    return (total + _rest(terms, start + step * cells)) / np.pi


def _largest(terms: Sequence[tuple[LogRatio, int]], left: FloatArray, step: float) -> FloatArray:
    """Bound on |M| on each cell of frequencies."""
    product = np.ones(len(left))
    middle = left + step / 2
    for term, n in terms:
        places, mass = term.atoms[:, 0], np.sqrt(term.atoms[:, 1] * term.atoms[:, 2])
        atoms = np.zeros(len(left), dtype=np.complex128)
        for place, size in zip(places, mass, strict=True):
            atoms += size * np.exp(1j * middle * place)
        # |e^{i w l} - e^{i w' l}| <= |l| |w - w'|
        size = np.abs(atoms) + float(np.sum(mass * np.abs(places))) * step / 2
        smooth = np.minimum(term.smooth, _SAFETY * term.variation / left)
        product *= np.minimum(size + smooth, 1.0) ** n
    return product


def _rest(terms: Sequence[tuple[LogRatio, int]], start: float) -> float:
    """The same integral from `start` on, with all atoms in phase."""
    product = 1.0
    for term, n in terms:
        mass = float(np.sum(np.sqrt(term.atoms[:, 1] * term.atoms[:, 2])))
        smooth = min(term.smooth, _SAFETY * term.variation / start)
        product *= min(mass + smooth, 1.0) ** n
    return product / start
