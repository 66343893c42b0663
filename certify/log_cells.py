"""Cells of a log line: strict conversions that say what is wrong."""

from __future__ import annotations

import math
from collections.abc import Callable

__all__ = ["number", "seconds", "votes", "whole"]


def whole(name: str, cell: str, low: int, high: int | None = None) -> int:
    """A whole number in [low, high], written in plain ASCII digits."""
    # int() would also take spaces, underscores, a plus sign and other alphabets' digits.
    digits = cell.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError(f"{name} is {cell!r}, not a whole number")
    value = int(cell)
    if value < low or (high is not None and value > high):
        bound = f">= {low}" if high is None else f"from {low} to {high}"
        raise ValueError(f"{name} is {value}, not {bound}")
    return value


def number(name: str, cell: str, high: float) -> float:
    """A number in [0, high]."""
    try:
        value = float(cell)
    except ValueError:
        raise ValueError(f"{name} is {cell!r}, not a number") from None
    if not 0.0 <= value <= high or "_" in cell:
        raise ValueError(f"{name} is {cell!r}, not a number from 0 to {high}")
    return value


def _clock(cell: str) -> float:
    """Seconds of "H:MM:SS.ffffff", the text of a datetime.timedelta."""
    hours, minutes, seconds = cell.split(":")
    return 3600.0 * float(hours) + 60.0 * float(minutes) + float(seconds)


def seconds(cell: str) -> float:
    """Seconds, written as such or as H:MM:SS."""
    parse: Callable[[str], float] = _clock if ":" in cell else float
    try:
        value = parse(cell)
    except ValueError:
        raise ValueError(f"time is {cell!r}, not seconds or H:MM:SS") from None
    if not (math.isfinite(value) and value >= 0.0):
        raise ValueError(f"time is {cell!r}, not a finite time >= 0")
    return value


def votes(name: str, cell: str, total: int) -> tuple[tuple[int, int], ...]:
    """Votes of several classes, "3:970,5:30"; "-" where they were not counted."""
    if cell == "-":
        return ()
    pairs = []
    for item in cell.split(","):
        label, colon, count = item.partition(":")
        if not colon:
            raise ValueError(f"{name} is {cell!r}, not class:count,class:count,...")
        pairs.append((whole(name, label, 0), whole(name, count, 1)))
    if len(dict(pairs)) != len(pairs) or sum(count for _, count in pairs) != total:
        raise ValueError(f"{name} is {cell!r}, not the votes of distinct classes with sum {total}")
    return tuple(pairs)
