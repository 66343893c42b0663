"""Read the line by which a log names its noise."""

from __future__ import annotations

from typing import Any

from numerics.errors import InvalidInputError, invalid

__all__ = ["read_description"]

REQUIRED = frozenset({"psi", "dim", "scale"})
KNOWN = REQUIRED | {"support"}
FORM = "psi = ...; support = ...; dim = ...; scale = ... (support may be absent)"


def read_description(line: str) -> dict[str, Any]:
    """Return the fields of a line "psi = ...; support = ...; dim = ...; scale = ...".

    Raises
    ------
    InvalidInputError
        A field is missing, unknown or given twice, or a number is not one.

    Examples
    --------
    >>> read_description("psi = norm(x, 1); dim = 3; scale = 0.5")
    {'psi': 'norm(x, 1)', 'dim': 3, 'scale': 0.5}
    """
    if not isinstance(line, str):
        raise invalid("the description", "a str", line, "pass the line that describe() gave")
    fields: dict[str, Any] = {}
    for part in line.strip().split("; "):
        name, _, value = part.partition(" = ")
        if name not in KNOWN or name in fields or not value:
            raise invalid("the description", FORM, line, f"correct the part {part!r}")
        fields[name] = value
    missing = sorted(REQUIRED - set(fields))
    if missing:
        raise InvalidInputError(f"the description has no {missing[0]}: {line!r}; write {FORM}")
    try:
        fields["dim"], fields["scale"] = int(fields["dim"]), float(fields["scale"])
    except ValueError:
        raise invalid("dim and scale of the description", "numbers", line, "correct them") from None
    return fields
