"""Compute `unpublished.json`: radii of every density of `densities.py`, to 20 digits.

Run from the repository root: ``python -m tests.reference.make_unpublished [part of a name]``.
Values already in the file are kept unless a part of a name is given; delete the file to start
over (about a quarter of an hour on one core).
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from flint import arb

from tests.reference.densities import PRODUCTS, RADIALS, ProductCase, RadialCase, reference_key
from tests.reference.geometry import product_radii, radial_radii

PATH = Path(__file__).with_name("unpublished.json")

Case = ProductCase | RadialCase


def requests(case: Case) -> list[tuple[int, str]]:
    """(dim, adversary) pairs of one case that need a value of their own."""
    if isinstance(case, RadialCase):
        return [(case.dim, adversary) for adversary in case.adversaries]
    return [(case.dims[0], "l1")] if case.even else [(dim, "l1") for dim in case.dims]


def compute(case: Case, dim: int, adversary: str, tails: list[float]) -> list[arb]:
    """Reference radii of one pair at exact float64 tails."""
    if isinstance(case, ProductCase):
        return product_radii([case.pieces], dim, tails, even=case.even)
    return radial_radii(case.gauge, case.pieces, dim, adversary, tails)


def main(selection: str) -> None:
    known = json.loads(PATH.read_text()) if PATH.exists() else {}
    for case in (*PRODUCTS, *RADIALS):
        if selection not in case.name:
            continue
        for dim, adversary in requests(case):
            keys = {tail: reference_key(case, dim, adversary, tail) for tail in case.tails}
            wanted = [tail for tail in case.tails if selection or keys[tail] not in known]
            if not wanted:
                continue
            start = time.perf_counter()
            values = compute(case, dim, adversary, wanted)
            for tail, value in zip(wanted, values, strict=True):
                known[keys[tail]] = value.str(20, radius=False)
                print(keys[tail], known[keys[tail]], flush=True)
            print(f"  {time.perf_counter() - start:.1f} s", flush=True)
            PATH.write_text(json.dumps(known, indent=0, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
