"""Decimal text of float64 values; see `numerics.decimals`."""

from __future__ import annotations

from numerics.decimals import down_text, half_unit

__all__ = ["down_text", "half_unit"]
