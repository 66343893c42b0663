"""Monotone cells of a value h over the panels of a density: the raw material of the law of h(X).

Every superlevel set {h > c} is a union of intervals; on a cell h is monotone, so a cell lies
inside the set, outside it, or is cut once. Cells are arranged over a grid of thresholds such that
between neighbouring thresholds the list of cut cells does not change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

from numerics.legendre import legendre_rule
from numerics.panels import PanelDensity

__all__ = ["CellGrid", "Cells", "arrange", "monotone_cells", "sign_changes"]

Array = NDArray[np.float64]
Index = NDArray[np.int64]

#: A value that varies by less than this on a panel is constant up to the resolution of panels.
_FLAT = 1e-14
#: Values closer than this are one atom.
_SAME = 1e-14
_SCAN = np.cos(np.linspace(np.pi, 0.0, 65))


@dataclass(frozen=True)
class Cells:
    """Cells on which h >= 0 is monotone; panel -1 marks an atom without an interval.

    `low`, `high` bound h on the cell, `start`, `stop` are local coordinates in the panel,
    `critical_low`, `critical_high` say whether that end is a true extremum of h (or an end of a
    smooth branch) rather than a mere panel boundary.
    """

    panel: Index
    start: Array
    stop: Array
    low: Array
    high: Array
    mass: Array
    moment: Array
    critical_low: NDArray[np.bool_]
    critical_high: NDArray[np.bool_]


@dataclass(frozen=True)
class CellGrid:
    """Thresholds and, between neighbours, what lies fully above and which cells are cut.

    Between grid[k] and grid[k+1]: `base_mass[k]`, `base_moment[k]` sum the cells at or above
    grid[k+1]; `cut[cut_start[k]:cut_start[k+1]]` are the cells crossed. `critical` marks
    thresholds where the structure changes: atoms, extrema of h, ends of smooth branches.
    """

    grid: Array
    base_mass: Array
    base_moment: Array
    cut_start: Index
    cut: Index
    critical: NDArray[np.bool_]


class _Cell(NamedTuple):
    """One row of `Cells`."""

    panel: int
    start: float
    stop: float
    low: float
    high: float
    mass: float
    moment: float
    critical_low: bool
    critical_high: bool


def _columns(rows: list[_Cell]) -> Cells:
    kinds: dict[str, Any] = {"panel": np.int64, "critical_low": np.bool_, "critical_high": np.bool_}
    columns: dict[str, Any] = {
        name: np.array([getattr(row, name) for row in rows], dtype=kinds.get(name, np.float64))
        for name in _Cell._fields
    }
    return Cells(**columns)


def monotone_cells(panels: PanelDensity, sign: int) -> Cells:
    """Cells of the positive part of sign * h.

    Parameters
    ----------
    panels : PanelDensity
    sign : {1, -1}
    """
    rows: list[_Cell] = []
    joined = _is_joined(panels)
    for i in range(len(panels.left)):
        value = sign * panels.value[i]
        samples = legendre.legval(_SCAN, value)
        low, high = float(samples.min()), float(samples.max())
        if high <= 0:
            continue
        if high - low <= _FLAT * high:
            level = float(value[0])
            mass = float(2 * panels.density[i, 0])
            moment = float(2 * sign * panels.moment[i, 0])
            rows.append(_Cell(-1, 0.0, 0.0, level, level, mass, moment, True, True))
            continue
        ends = {-1.0: not joined[i], 1.0: not joined[i + 1]}
        _append_panel(rows, panels, i, value, ends)
    for k in range(len(panels.left) + 1):
        mass, moment = float(panels.gap_mass[k]), float(sign * panels.gap_moment[k])
        if mass > 0 and moment > 0:
            level = _sliver_level(panels, sign, k, moment / mass)
            rows.append(_Cell(-1, 0.0, 0.0, level, level, mass, moment, False, False))
    return _columns(rows)


def _sliver_level(panels: PanelDensity, sign: int, k: int, level: float) -> float:
    """Mean value on the sliver before panel k, or that of a neighbour it merely continues."""
    ones = np.ones(panels.value.shape[1])
    signs = ones * (-1.0) ** np.arange(len(ones))
    for i, end in ((k - 1, ones), (k, signs)):
        if 0 <= i < len(panels.left):
            beside = float(sign * panels.value[i] @ end)
            if abs(level - beside) <= 1e-3 * beside:
                return float(sign * panels.value[i, 0]) if _is_flat(panels.value[i]) else beside
    return level


def _is_flat(series: Array) -> bool:
    return bool(np.abs(series[1:]).max() <= _FLAT * abs(series[0]))


def _is_joined(panels: PanelDensity) -> NDArray[np.bool_]:
    """Whether a panel boundary lies inside a smooth branch, shape (m + 1,).

    Only anchors are ends of branches: the other boundaries are cuts, or places beyond which
    nothing but a sliver is left.
    """
    ends = np.zeros(len(panels.left) + 1, dtype=bool)
    ends[:-1] |= panels.left == 0
    ends[1:] |= panels.right == 0
    return ~ends


def _append_panel(
    rows: list[_Cell], panels: PanelDensity, i: int, value: Array, ends: dict[float, bool]
) -> None:
    inner = sign_changes(np.asarray(legendre.legder(value), dtype=np.float64))
    points = [-1.0, *inner, 1.0]
    critical = dict(ends) | dict.fromkeys(inner, True)
    for start, stop in zip(points[:-1], points[1:], strict=True):
        h_start, h_stop = (float(legendre.legval(z, value)) for z in (start, stop))
        if max(h_start, h_stop) <= 0:
            continue
        flags = {start: critical[start], stop: critical[stop]}
        if min(h_start, h_stop) < 0:
            zero = _bisect(value, start, stop)
            if h_start < 0:
                start, h_start = zero, 0.0
            else:
                stop, h_stop = zero, 0.0
            flags[zero] = False
        rising = h_stop >= h_start
        low_end, high_end = (start, stop) if rising else (stop, start)
        mass = _integral(panels.density[i], start, stop)
        moment = abs(_integral(panels.moment[i], start, stop))
        low, high = min(h_start, h_stop), max(h_start, h_stop)
        rows.append(_Cell(i, start, stop, low, high, mass, moment, flags[low_end], flags[high_end]))


def sign_changes(series: Array) -> list[float]:
    """Zeros of a Legendre series inside (-1, 1) at which it changes sign, above its noise."""
    samples = legendre.legval(_SCAN, series)
    noise = 1e-12 * np.abs(samples).max()
    solid = np.flatnonzero(np.abs(samples) > noise)
    changes = []
    for a, b in zip(solid[:-1], solid[1:], strict=True):
        if samples[a] * samples[b] < 0:
            changes.append(_bisect(series, float(_SCAN[a]), float(_SCAN[b])))
    return changes


def _bisect(series: Array, lo: float, hi: float) -> float:
    rising = legendre.legval(hi, series) > legendre.legval(lo, series)
    for _ in range(60):
        middle = 0.5 * (lo + hi)
        if (legendre.legval(middle, series) > 0) == rising:
            hi = middle
        else:
            lo = middle
    return 0.5 * (lo + hi)


def _integral(series: Array, start: float, stop: float) -> float:
    if start == -1.0 and stop == 1.0:
        return float(2 * series[0])
    rule = legendre_rule()
    half = (stop - start) / 2
    return float(half * rule.weights @ legendre.legval(start + half * (1 + rule.nodes), series))


def arrange(cells: Cells) -> CellGrid:
    """Build the threshold grid of a set of cells."""
    values = np.concatenate([[0.0], cells.low, cells.high])
    flags = np.concatenate([[True], cells.critical_low, cells.critical_high])
    grid, slot = _merged(values)
    critical = np.zeros(len(grid), dtype=bool)
    np.logical_or.at(critical, slot, flags)
    n = len(cells.low)
    low_slot, high_slot = slot[1 : n + 1], slot[n + 1 :]
    k_count = len(grid) - 1
    # Cells wholly at or above grid[k + 1]: accumulate from the top in extended precision.
    base_mass = _from_top(cells.mass, low_slot, k_count)
    base_moment = _from_top(cells.moment, low_slot, k_count)
    cut_lists: list[list[int]] = [[] for _ in range(k_count)]
    for j in range(n):
        if low_slot[j] < high_slot[j] and cells.panel[j] >= 0:
            for k in range(low_slot[j], high_slot[j]):
                cut_lists[k].append(j)
    cut_start = np.cumsum([0] + [len(c) for c in cut_lists]).astype(np.int64)
    cut = np.array([j for c in cut_lists for j in c], dtype=np.int64)
    return CellGrid(grid, base_mass, base_moment, cut_start, cut, critical)


def _merged(values: Array) -> tuple[Array, Index]:
    """Sorted distinct values and the slot of every input; near-equal values share a slot."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    new = np.ones(len(ordered), dtype=bool)
    new[1:] = np.diff(ordered) > _SAME * np.abs(ordered[1:])
    group = np.cumsum(new) - 1
    # The largest member stands for the group: an atom's value is then rounded up.
    grid = np.zeros(group[-1] + 1)
    np.maximum.at(grid, group, ordered)
    slot = np.empty(len(values), dtype=np.int64)
    slot[order] = group
    return grid, slot


def _from_top(weights: Array, low_slot: Index, k_count: int) -> Array:
    totals = np.zeros(k_count + 1, dtype=np.longdouble)
    np.add.at(totals, low_slot, weights.astype(np.longdouble))
    above = np.cumsum(totals[::-1])[::-1]
    return np.asarray(above[1:], dtype=np.float64)
