"""A compiled radius in a file: what is written of it, and the checks before it is believed again.

The compiled lookup reads its arrays without looking at their lengths, so a table from outside has
to be of the one shape in which no tail leads out of them. A digest only says that a file is what
somebody wrote.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numerics.bit_lookup import COARSE, COLUMNS, FLOOR, SPLIT, LookupArrays, bin_key, margin_range
from numerics.bit_table import CompiledRadius

__all__ = ["array_of", "compiled_from", "compiled_parts"]

_NAMES = ("bins", "offsets", "rows", "errors")
#: A coarse bin in 2^24 parts would not fit into a file.
_MOST_CUTS = 24


def compiled_parts(compiled: CompiledRadius) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header entries and arrays to write."""
    header = {
        "smallest_tail": compiled.smallest_tail.hex(),
        "limit": float(compiled.limit).hex(),
    }
    return header, {name: getattr(compiled.arrays, name) for name in _NAMES}


def compiled_from(header: Mapping[str, Any], arrays: Mapping[str, Any]) -> CompiledRadius:
    """Read back what `compiled_parts` gave.

    Raises
    ------
    KeyError
        A part is absent.
    ValueError
        A part is nothing that the lookup could be trusted with; the message says which.
    """
    smallest = float.fromhex(header["smallest_tail"])
    limit = float.fromhex(header["limit"])
    lookup = LookupArrays(
        array_of(arrays, "bins", np.int64, (None,)),
        array_of(arrays, "offsets", np.int64, (2,)),
        array_of(arrays, "rows", np.float64, (None, COLUMNS)),
        array_of(arrays, "errors", np.float64, (None,)),
    )
    if not 0 < smallest < 0.25:
        raise ValueError(f"smallest_tail is {smallest}, not in (0, 1/4)")
    seam = _check_bins(lookup, smallest)
    _check_rows(lookup, seam, limit)
    return CompiledRadius(lookup, smallest, limit)


def array_of(
    arrays: Mapping[str, Any], name: str, dtype: type, shape: tuple[int | None, ...]
) -> NDArray[Any]:
    """The array of that name; ValueError where type or shape differ, None fits any length."""
    array = arrays[name]
    fits = array.ndim == len(shape) and all(
        want is None or want == have for want, have in zip(shape, array.shape, strict=True)
    )
    if array.dtype != np.dtype(dtype) or not fits:
        wanted = "x".join("n" if want is None else str(want) for want in shape)
        raise ValueError(
            f"{name} has shape {array.shape} of {array.dtype}, not {wanted} of {np.dtype(dtype)}"
        )
    return np.ascontiguousarray(array)


def _check_bins(lookup: LookupArrays, smallest: float) -> int:
    """Every tail has a coarse bin, and the fine bins share out all rows; the margin's first row."""
    least, most = margin_range()
    first_of_tails, first_of_margins = bin_key(smallest), bin_key(least)
    on_tails = bin_key(most) - first_of_tails + 1
    on_margins = bin_key(most) - first_of_margins + 1
    offsets = [-first_of_tails, on_tails - first_of_margins]
    if len(lookup.bins) != on_tails + on_margins or lookup.offsets.tolist() != offsets:
        raise ValueError(
            f"{len(lookup.bins)} bins with offsets {lookup.offsets.tolist()} do not cover the "
            f"tails from {smallest}: that takes {on_tails + on_margins} bins and offsets {offsets}"
        )
    cuts = 52 - COARSE - (lookup.bins & 63)
    if np.any((cuts < 0) | (cuts > _MOST_CUTS)):
        raise ValueError(f"bins cut a coarse bin into 2^{cuts.min()} to 2^{cuts.max()} parts")
    doubled = (lookup.bins >> 6) & 1
    sizes = np.left_shift(1, cuts + doubled)
    ends = np.cumsum(sizes)
    if ends[-1] != len(lookup.rows) or np.any(lookup.bins >> 7 != ends - sizes):
        raise ValueError(f"bins point outside the {len(lookup.rows)} rows, or at one twice")
    # A split in the only row of a fine bin would lead on to the next one, or out of the array.
    splits = np.isfinite(lookup.rows[:, SPLIT])
    splits[np.repeat(doubled == 1, sizes) & (np.arange(len(splits)) % 2 == 0)] = False
    if np.any(splits) or np.any(np.isnan(lookup.rows[:, SPLIT])):
        raise ValueError("rows split a bin that has no second row")
    return int(ends[on_tails - 1])


def _check_rows(lookup: LookupArrays, seam: int, limit: float) -> None:
    """Numbers that a compiled radius can have."""
    numbers, floors = lookup.rows[:, SPLIT + 1 :], lookup.rows[:, FLOOR]
    if not np.all(np.isfinite(numbers)):
        raise ValueError("rows are not finite numbers")
    # A radius falls as the tail grows: rows go by growing tail, then by growing margin.
    rising = np.any(np.diff(floors[:seam]) > 0) or np.any(np.diff(floors[seam:]) < 0)
    if np.any(floors < 0) or rising or not limit >= floors[0]:
        raise ValueError("rows, or the limit at tail 0, do not fall as the tail grows")
    if len(lookup.errors) != len(lookup.rows) or not np.all(lookup.errors >= 0):
        raise ValueError("errors are not one number >= 0 for each row")
