"""Arrays from outside: whatever could lead the compiled lookup out of them is refused."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

from differential.integrate import integrate_reciprocal
from numerics.bit_file import compiled_from, compiled_parts
from numerics.bit_table import compile_radius

Parts = tuple[dict[str, Any], dict[str, Any]]


@cache
def compiled() -> Any:
    """Phi(p) = p with a tenth less slope from 0.1 on: the lookup has fine bins with two rows."""
    phi = lambda p: p - 0.1 * np.maximum(p - 0.1, 0)  # noqa: E731
    return compile_radius(integrate_reciprocal(phi, np.array([0.1]), 1e-14), -20)


def parts() -> Parts:
    header, arrays = compiled_parts(compiled())
    return header, {name: array.copy() for name, array in arrays.items()}


def test_what_was_written_is_read() -> None:
    again = compiled_from(*parts())
    assert (again.smallest_tail, again.limit) == (2.0**-20, compiled().limit)
    for name, array in parts()[1].items():
        assert np.array_equal(getattr(again.arrays, name), array)
    assert np.any((again.arrays.bins >> 6) & 1)  # the bins with two rows that are flipped below


def test_every_flipped_bit_of_an_index_is_refused() -> None:
    _, arrays = parts()
    doubled = np.flatnonzero((arrays["bins"] >> 6) & 1)
    last = len(arrays["bins"]) - 1
    places = [("offsets", 0), ("offsets", 1), *(("bins", i) for i in (0, 1, last, *doubled))]
    for name, place in places:
        for bit in range(64):
            header, bad = parts()
            bad[name].view(np.uint64)[place] ^= np.uint64(1) << np.uint64(bit)
            with pytest.raises(ValueError, match=r"bins"):
                compiled_from(header, bad)


def changed(name: str, change: Callable[[Any], Any]) -> Callable[[Parts], None]:
    def run(both: Parts) -> None:
        holder = both[0] if name in both[0] else both[1]
        holder[name] = change(holder[name])

    return run


def at(place: Any, value: float) -> Callable[[Any], Any]:
    """The array with another value there."""

    def run(array: Any) -> Any:
        array[place] = value
        return array

    return run


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (changed("bins", lambda a: a[:-1]), "do not cover"),
        (changed("bins", lambda a: np.append(a, a[-1])), "do not cover"),
        (changed("bins", lambda a: a[:0]), "do not cover"),
        (changed("bins", lambda a: a.astype(np.int32)), "bins has shape"),
        (changed("bins", lambda a: a[:, None]), "bins has shape"),
        (changed("offsets", lambda a: a[:1]), "offsets has shape"),
        # Six columns would be read as eight; single precision as half as many doubles.
        (changed("rows", lambda a: a[:, :6]), "rows has shape"),
        (changed("rows", lambda a: a.astype(np.float32)), "rows has shape"),
        (changed("rows", lambda a: a[:-1]), "outside the"),
        (changed("rows", lambda a: np.vstack([a, a[-1]])), "outside the"),
        # The split of the very last row: the next one would lie beyond the end.
        (changed("rows", at((-1, 0), 0.25)), "no second row"),
        (changed("rows", at((0, 0), 0.0)), "no second row"),
        (changed("rows", at((0, 0), np.nan)), "no second row"),
        (changed("rows", at((5, 3), np.nan)), "finite"),
        (changed("rows", at((5, 1), np.inf)), "finite"),
        (changed("rows", at((5, 1), 1e9)), "fall as the tail grows"),
        (changed("rows", at((-1, 1), 0.0)), "fall as the tail grows"),
        (changed("errors", lambda a: a[:-1]), "errors are not"),
        (changed("errors", at(7, -1e-9)), "errors are not"),
        (changed("errors", at(7, np.nan)), "errors are not"),
        (changed("smallest_tail", lambda _: (0.25).hex()), "smallest_tail is"),
        (changed("smallest_tail", lambda _: "nan"), "smallest_tail is"),
        (changed("smallest_tail", lambda _: "-0x1p-20"), "smallest_tail is"),
        (changed("smallest_tail", lambda _: "0x1p-21"), "do not cover"),
        (changed("smallest_tail", lambda _: "0x1p-1074"), "do not cover"),
        (changed("limit", lambda _: "nan"), "the limit"),
        (changed("limit", lambda _: "0x1p-3"), "the limit"),
        (changed("limit", lambda _: "far"), "hexadecimal"),
    ],
)
def test_arrays_that_make_no_table_are_refused(
    damage: Callable[[Parts], None], reason: str
) -> None:
    both = parts()
    damage(both)
    with pytest.raises(ValueError, match=reason):
        compiled_from(*both)
