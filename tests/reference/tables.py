"""The tables of reference values beside the checkout, when they are there."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

__all__ = ["FOLDER", "allowed_radius", "read"]

#: Values computed elsewhere, outside the repository; absent on a bare checkout.
FOLDER = Path(__file__).resolve().parents[3] / "shared" / "reference"


def read(name: str) -> list[dict[str, Any]]:
    """Rows of one table; none when the folder is absent."""
    return json.loads((FOLDER / name).read_text()) if FOLDER.is_dir() else []


def allowed_radius(row: dict[str, Any]) -> Decimal:
    """Largest sound radius at the float64 nearest to the row's decimal tail.

    Where that float is below the decimal, the exact radius there is larger than the row's by at
    most a relative 1e-16 / (1/2 - tail); where it is not below, by nothing.
    """
    exact, tail = Decimal(row["radius"]), Decimal(row["tail"])
    if Decimal(float(tail)) >= tail:
        return exact
    return exact * (1 + Decimal("1e-16") / (Decimal("0.5") - tail))
