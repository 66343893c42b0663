"""The level-set engine: exact growth of sets by the Neyman-Pearson lemma.

`growth_function` gives G_q(p, v) for a density and a shift, `rays` the shifts that are worst for an
adversary, and tables of tight radii are built along them.
"""

from typing import Any

__all__ = [
    "DualCertificate",
    "GrowthFunction",
    "LookupTable",
    "build_table",
    "dual_certificate",
    "growth_function",
    "hockey_stick",
    "rays",
]

_HOMES = {
    "DualCertificate": "levelset.certificate",
    "GrowthFunction": "levelset.growth",
    "LookupTable": "levelset.table",
    "build_table": "levelset.build",
    "dual_certificate": "levelset.certificate",
    "growth_function": "levelset.growth",
    "hockey_stick": "levelset.growth",
    "rays": "levelset.worst_case",
}


def __getattr__(name: str) -> Any:
    # Loaded on first use: `import radii` has a budget of 0.8 s.
    from importlib import import_module

    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
