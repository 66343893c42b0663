"""A derivation as one HTML page: MathML, inline SVG, no script, no network, no other file.

The page is also well-formed XML. Formulas and plots take the colour of the text, so that they are
readable on light and dark screens and on paper.
"""

from __future__ import annotations

import html
import io
import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from radii.notation import mathml

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from radii.derivation import Check, Derivation, DerivationStep
    from radii.radius_function import RadiusFunction

__all__ = ["page"]

#: Stands for the colour of the text in a figure until the figure is in the page.
_TEXT = "#010203"
#: Readable on white and on black.
_LINE = "#2f7fd1"

_STYLE = """
:root { color-scheme: light dark; --line: #8886; --soft: #8881; }
body { font: 1rem/1.55 system-ui, sans-serif; max-width: 56rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 1.5rem 0 .5rem; }
h2 { font-size: 1.1rem; margin: 0 0 .25rem; }
ol.steps { list-style: none; padding: 0; counter-reset: step; }
ol.steps > li { counter-increment: step; border-top: 1px solid var(--line); padding: 1rem 0; }
ol.steps > li > h2::before { content: counter(step) ". "; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; }
dt { font-weight: 600; } dd { margin: 0; overflow-wrap: anywhere; }
math { font-size: 1.1rem; }
.formula { overflow-x: auto; padding: .5rem; margin: .5rem 0; background: var(--soft);
  border-radius: .4rem; }
.formula math { display: block math; margin: 0; }
.rule { font-size: .875rem; opacity: .8; margin: .25rem 0; }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; }
caption, summary { text-align: left; font-size: .875rem; padding: .25rem 0; cursor: default; }
summary { cursor: pointer; }
th, td { text-align: right; padding: .15rem .8rem; border-bottom: 1px solid var(--line); }
th[scope="row"], th:first-child { text-align: left; font-weight: 400; padding-left: 0; }
.wide { overflow-x: auto; }
.plots { display: flex; flex-wrap: wrap; gap: 1rem; }
figure { flex: 1 1 20rem; margin: 0; } figure svg { width: 100%; height: auto; }
figcaption { font-size: .875rem; }
@media print {
  body { max-width: none; } ol.steps > li, figure, table { break-inside: avoid; }
  .formula { background: none; overflow: visible; }
}
"""


def page(derivation: Derivation) -> str:
    """The whole page as text."""
    radius = derivation.radius
    title = f"Certified {radius.adversary.name} radius of {radius.smoothing.psi_text}"
    facts = {
        "noise": radius.smoothing.describe(),
        "adversary": radius.adversary.name,
        "route": f"{radius.route}, {radius.guarantee}",
        "references": "; ".join(radius.references),
    }
    listed = "".join(f"<dt>{k}</dt><dd>{html.escape(v)}</dd>" for k, v in facts.items() if v)
    steps = "\n".join(f"<li>{_step(step)}</li>" for step in derivation)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<title>{html.escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>{html.escape(title)}</h1>
<dl>{listed}</dl>
<div class="plots">{_plots(radius)}</div>
<ol class="steps">
{steps}
</ol>
</main>
</body>
</html>
"""


def _step(step: DerivationStep) -> str:
    parts = [f"<h2>{html.escape(step.title)}</h2>"]
    if step.expression is not None:
        parts.append(f'<div class="formula">{mathml(step.expression, step.left)}</div>')
    if step.words:
        parts.append(f"<p>{html.escape(step.words)}</p>")
    parts.append(f'<p class="rule">by {html.escape(step.rule)}</p>')
    if step.details:
        inner = "".join(f"<li>{_detail(detail)}</li>" for detail in step.details)
        parts.append(f"<details><summary>Rules applied</summary><ol>{inner}</ol></details>")
    if step.checks:
        parts.append(_table(step.checks))
    return "\n".join(parts)


def _detail(detail: DerivationStep) -> str:
    formula = "" if detail.expression is None else mathml(detail.expression)
    rule = html.escape(detail.rule)
    return (
        f'{html.escape(detail.title)}<div class="formula">{formula}</div><p class="rule">{rule}</p>'
    )


def _table(checks: tuple[Check, ...]) -> str:
    noted = any(check.note for check in checks)
    names = ["at", "by the expression", "in numbers", "difference", *(["note"] if noted else [])]
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    rows = []
    for check in checks:
        numbers = (f"{check.by_expression:.12g}", f"{check.by_numbers:.12g}")
        cells = [*numbers, f"{check.difference:.1e}", *([html.escape(check.note)] if noted else [])]
        data = "".join(f"<td>{cell}</td>" for cell in cells)
        rows.append(f'<tr><th scope="row">{html.escape(check.what)}</th>{data}</tr>')
    return (
        f'<div class="wide"><table><caption>Checks</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _plots(radius: RadiusFunction) -> str:
    from radii.plot import plot_growth_rate, plot_radius

    figures = []
    for name, draw, words in (
        ("phi", plot_growth_rate, "Growth rate Φ(p), an upper bound on dp/dr."),
        ("radius", plot_radius, "Certified radius R(ρ)."),
    ):
        figure = _figure()
        draw(radius, figure.subplots(), color=_LINE)
        svg = _inline(figure, name, words)
        figures.append(f"<figure>{svg}<figcaption>{words}</figcaption></figure>")
    return "".join(figures)


def _figure() -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(4.5, 3), layout="constrained")


def _inline(figure: Figure, name: str, words: str) -> str:
    """A figure as an `svg` element without namespaces, references or identifiers of its own."""
    import matplotlib as mpl

    with mpl.rc_context({"svg.fonttype": "path", "svg.hashsalt": name}):
        for ax in figure.axes:
            ax.set_facecolor("none")
            ax.tick_params(colors=_TEXT)
            for spine in ax.spines.values():
                spine.set_edgecolor(_TEXT)
            ax.xaxis.label.set_color(_TEXT)
            ax.yaxis.label.set_color(_TEXT)
        buffer = io.StringIO()
        nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
        figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    root = ElementTree.fromstring(buffer.getvalue())
    for parent in root.iter():
        for child in [c for c in parent if c.tag.endswith("metadata")]:
            parent.remove(child)
    for element in root.iter():
        element.tag = element.tag.split("}")[-1]
        plain = {key.split("}")[-1]: value for key, value in element.attrib.items()}
        element.attrib.clear()
        element.attrib.update({key: _unique(value, name) for key, value in plain.items()})
        if "id" in element.attrib:
            element.attrib["id"] = f"{name}-{element.attrib['id']}"
    root.attrib.pop("width", None)
    root.attrib.pop("height", None)
    root.attrib |= {"role": "img", "aria-label": words}
    return ElementTree.tostring(root, encoding="unicode").replace(_TEXT, "currentColor")


def _unique(value: str, name: str) -> str:
    """References inside the figure follow the identifiers, which are made unique in the page."""
    value = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", value)
    return re.sub(r"^#(?![0-9a-fA-F]{6}$)(.+)$", rf"#{name}-\1", value)
