"""The table of a radius: `numerics.bit_table` under the names of this room."""

from __future__ import annotations

from numerics.bit_table import CompiledRadius, Evaluator, compile_radius

__all__ = ["CompiledRadius", "Evaluator", "compile_radius"]
