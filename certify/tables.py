"""Tables of certified accuracy as Markdown and LaTeX."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from certify.evaluate import Curve
from numerics.errors import invalid
from numerics.validation import check_choice

__all__ = ["STYLES", "TableRow", "accuracy_rows", "format_table"]

#: Forms in which a table can be written.
STYLES = ("markdown", "latex")

_LATEX_SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
}  # fmt: skip


@dataclass(frozen=True)
class TableRow:
    """One line: a name, accuracies at the radii of the table, and the average certified radius."""

    label: str
    accuracy: tuple[float, ...]
    average_radius: float | None = None


def accuracy_rows(
    curves: Sequence[Curve], at: npt.ArrayLike, averages: Sequence[float | None] | None = None
) -> list[TableRow]:
    """Rows from curves; `at` must be among the radii of every curve.

    Parameters
    ----------
    curves : sequence of Curve
        One row each.
    at : array_like
        Radii of the columns.
    averages : sequence of float or None, optional
        Average certified radius of each curve.

    Returns
    -------
    list of TableRow
    """
    where = np.asarray(at, dtype=np.float64)
    means = [None] * len(curves) if averages is None else list(averages)
    rows = []
    for curve, mean in zip(curves, means, strict=True):
        missing = np.setdiff1d(where, curve.radii)
        if missing.size:
            raise invalid("at", f"radii of the curve {curve.label!r}", missing[0], "add them to it")
        values = curve.accuracy[np.searchsorted(curve.radii, where)]
        rows.append(TableRow(curve.label, tuple(values.tolist()), mean))
    return rows


def format_table(
    rows: Sequence[TableRow], at: npt.ArrayLike, *, style: str = "markdown", norm: str = ""
) -> str:
    r"""A table as text.

    Parameters
    ----------
    rows : sequence of TableRow
        From `accuracy_rows`.
    at : array_like
        Radii of the columns.
    style : {"markdown", "latex"}
        LaTeX needs no packages; special characters of labels are escaped.
    norm : str
        Norm of the radii, for the corner of the table.

    Examples
    --------
    >>> row = TableRow("sigma = 0.25", (0.71, 0.58), 0.9)
    >>> print(format_table([row], [0.5, 1.0], norm="l1"))
    | l1 radius | 0.5 | 1 | ACR |
    |---|---|---|---|
    | sigma = 0.25 | 0.71 | 0.58 | 0.9 |
    >>> print(format_table([row], [0.5, 1.0], style="latex"))
    \begin{tabular}{lrrr}
    \hline
    radius & 0.5 & 1 & ACR \\
    \hline
    sigma = 0.25 & 0.71 & 0.58 & 0.9 \\
    \hline
    \end{tabular}
    """
    check_choice("style", style, STYLES)
    with_average = any(row.average_radius is not None for row in rows)
    radii = [f"{r:g}" for r in np.asarray(at, dtype=np.float64)]
    lines = [[f"{norm} radius".strip(), *radii, *(["ACR"] if with_average else [])]]
    for row in rows:
        cells = [row.label, *(f"{a:.4g}" for a in row.accuracy)]
        if with_average:
            cells.append("" if row.average_radius is None else f"{row.average_radius:.4g}")
        lines.append(cells)
    return _markdown(lines) if style == "markdown" else _latex(lines)


def _markdown(lines: list[list[str]]) -> str:
    text = ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]
    text.insert(1, "|---" * len(lines[0]) + "|")
    return "\n".join(text)


def _latex(lines: list[list[str]]) -> str:
    rows = [
        " & ".join("".join(_LATEX_SPECIAL.get(c, c) for c in cell) for cell in line) + r" \\"
        for line in lines
    ]
    head = rf"\begin{{tabular}}{{l{'r' * (len(lines[0]) - 1)}}}"
    return "\n".join([head, r"\hline", rows[0], r"\hline", *rows[1:], r"\hline", r"\end{tabular}"])
