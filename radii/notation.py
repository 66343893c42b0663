"""Mathematics in LaTeX and MathML, with the names that this library gives to things.

SymPy's own printers do the work; only functions that SymPy does not know, indicators, and names of
Greek letters are added. The MathML is the presentation kind that browsers show without help.
"""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import sympy
from sympy.printing.latex import LatexPrinter
from sympy.printing.mathml import MathMLPresentationPrinter

if TYPE_CHECKING:
    from radii.derivation import DerivationStep

__all__ = ["PHI", "PHI_BAR", "indicator_sides", "latex", "latex_of", "mathml"]

#: P[gamma > c], E[gamma; gamma > c] and the growth rate (RSAS, Lemma F.7, Definition F.4).
PHI: Any = sympy.Function("phi")
PHI_BAR: Any = sympy.Function("phibar")

#: Letter, and whether a power goes behind it, as in I_x^-1.
_LETTERS = {
    "GammaLower": ("P", False),
    "GammaUpper": ("Q", False),
    "GammaLowerInverse": ("P", True),
    "GammaUpperInverse": ("Q", True),
    "BetaLower": ("I", False),
    "BetaLowerInverse": ("I", True),
    "erfinv": ("erf", True),
    "erfcinv": ("erfc", True),
    "erf": ("erf", False),
    "erfc": ("erfc", False),
}
_GREEK = {"phi": "φ", "Phi": "Φ", "psi": "ψ", "gamma": "Γ", "loggamma": "log Γ"}
#: Letters that HTML's names stand for, in the plain shape that fonts have.
_PLAIN = str.maketrans({"ⅇ": "e", "ⅈ": "i", "ⅆ": "d", "-": "−"})


def indicator_sides(argument: sympy.Expr) -> tuple[sympy.Expr, sympy.Expr]:
    """The a > b that a difference a - b > 0 says.

    Examples
    --------
    >>> t, c = sympy.symbols("t c")
    >>> indicator_sides(2 * t - c)
    (2*t, c)
    """
    terms = sympy.Add.make_args(argument)
    below = [-term for term in terms if term.could_extract_minus_sign()]
    above = [term for term in terms if not term.could_extract_minus_sign()]
    return sympy.Add(*above), sympy.Add(*below)


class _Latex(LatexPrinter):
    def _print_Heaviside(self, expr: Any, exp: Any = None) -> str:
        above, below = indicator_sides(expr.args[0])
        return rf"\mathbf{{1}}\left\{{{self._print(above)} > {self._print(below)}\right\}}"


def latex_of(expr: sympy.Basic) -> str:
    """LaTeX of an expression.

    Examples
    --------
    >>> t = sympy.Symbol("t")
    >>> latex_of(sympy.Heaviside(t - 1, 0))
    '\\\\mathbf{1}\\\\left\\\\{t > 1\\\\right\\\\}'
    """
    return str(_Latex().doprint(expr))


def latex(step: DerivationStep) -> str:
    """A step as a paragraph with displayed mathematics."""
    lines = [rf"\paragraph{{{_text(step.title)}}} {_text(step.words)} ({_text(step.rule)})"]
    if step.expression is not None:
        left = "" if step.left is None else f"{latex_of(step.left)} = "
        lines.append(rf"\[ {left}{latex_of(step.expression)} \]")
    for detail in step.details:
        formula = "" if detail.expression is None else rf"\[ {latex_of(detail.expression)} \]"
        lines.append(rf"{_text(detail.title)} ({_text(detail.rule)}) {formula}")
    for check in step.checks:
        lines.append(
            rf"\noindent{{\small {_text(check.what)}: ${check.by_expression:.12g}$ and "
            rf"${check.by_numbers:.12g}$.}}\\"
        )
    return "\n".join(lines)


def _text(words: str) -> str:
    """Words with the characters escaped that LaTeX would read."""
    special = {"\\": r"\textbackslash{}", "^": r"\^{}", "~": r"\~{}"}
    special |= {character: "\\" + character for character in "&%$#_{}"}
    return "".join(special.get(character, character) for character in words)


class _MathML(MathMLPresentationPrinter):
    """SymPy's printer with this library's functions; every element is one that browsers show."""

    def _element(self, tag: str, *children: Any) -> Any:
        node = self.dom.createElement(tag)
        for child in children:
            node.appendChild(self.dom.createTextNode(child) if isinstance(child, str) else child)
        return node

    def _listed(self, arguments: Iterable[Any]) -> list[Any]:
        nodes: list[Any] = []
        for argument in arguments:
            if nodes:
                nodes.append(self._element("mo", ","))
            nodes.append(self._print(argument))
        return nodes

    def _call(self, head: Any, arguments: Iterable[Any]) -> Any:
        inside = self._listed(arguments)
        return self._element(
            "mrow", head, self._element("mo", "\u2061"), self._fenced("(", inside, ")")
        )

    def _fenced(self, left: str, inside: Iterable[Any], right: str) -> Any:
        return self._element("mrow", self._element("mo", left), *inside, self._element("mo", right))

    def _print_Function(self, expr: Any) -> Any:
        name = type(expr).__name__
        if name == "PolyLogarithm":
            order, *rest = expr.args
            head = self._element("msub", self._element("mi", "Li"), self._print(order))
            return self._call(head, rest)
        letter, inverse = _LETTERS.get(name, (_GREEK.get(name, name), False))
        head = self._element("mi", letter)
        if name == "phibar":
            head = self._element("mover", self._element("mi", "φ"), self._element("mo", "¯"))
        if inverse:
            minus_one = self._element("mrow", self._element("mo", "−"), self._element("mn", "1"))
            head = self._element("msup", head, minus_one)
        return self._call(head, expr.args)

    _print_SpecialFunction = _print_Function

    def _print_hyper(self, expr: Any) -> Any:
        above, below = expr.ap, expr.bq
        symbol = self._element(
            "mmultiscripts",
            self._element("mi", "F"),
            self._element("mn", str(len(below))),
            self._element("mrow"),
            self._element("mprescripts"),
            self._element("mn", str(len(above))),
            self._element("mrow"),
        )
        parts = [*self._listed(above), self._element("mo", ";"), *self._listed(below)]
        parts += [self._element("mo", ";"), self._print(expr.argument)]
        return self._element("mrow", symbol, self._fenced("(", parts, ")"))

    def _print_betainc_regularized(self, expr: Any) -> Any:
        a, b, low, high = expr.args
        head = self._element("msub", self._element("mi", "I"), self._print(high))
        assert low == 0
        return self._call(head, (a, b))

    def _print_norm(self, expr: Any) -> Any:
        inside = self._fenced("‖", [self._element("mi", "x")], "‖")
        return self._element("msub", inside, self._print(expr.args[1]))

    def _print_coordinate_sum(self, expr: Any) -> Any:
        index = sympy.Symbol("x_i", real=True)
        big = self._element("munder", self._element("mo", "∑"), self._element("mi", "i"))
        inner = self._print(expr.phi.xreplace({sympy.Symbol("t", real=True): index}))
        weight = [self._print(sympy.Symbol("w_i"))] if expr.weights is not None else []
        return self._element("mrow", big, *weight, self._fenced("(", [inner], ")"))

    def _print_Heaviside(self, expr: Any) -> Any:
        above, below = indicator_sides(expr.args[0])
        inside = [self._print(above), self._element("mo", ">"), self._print(below)]
        return self._element("mrow", self._element("mn", "1"), self._fenced("{", inside, "}"))

    def _print_MonotoneInverse(self, expr: Any) -> Any:
        function, target, *_ = expr.args
        arrow = [self._print(function.variables[0]), self._element("mo", "↦")]
        inside = self._fenced("(", [*arrow, self._print(function.expr)], ")")
        minus_one = self._element("mrow", self._element("mo", "−"), self._element("mn", "1"))
        return self._call(self._element("msup", inside, minus_one), (target,))

    def _print_Piecewise(self, expr: Any) -> Any:
        table = self._element("mtable")
        for value, condition in expr.args:
            held = (
                self._element("mtext", "otherwise")
                if condition == sympy.true
                else self._element("mrow", self._element("mtext", "if "), self._print(condition))
            )
            cells = [self._element("mtd", node) for node in (self._print(value), held)]
            table.appendChild(self._element("mtr", *cells))
        table.setAttribute("columnalign", "left left")
        return self._element("mrow", self._element("mo", "{"), table)

    def _print_Tuple(self, expr: Any) -> Any:
        return self._fenced("(", self._listed(expr.args), ")")

    def _print_Str(self, expr: Any) -> Any:
        return self._element("mtext", expr.name)


def mathml(expr: sympy.Basic, left: sympy.Basic | None = None) -> str:
    """A `math` element for an expression, with "left =" before it.

    Examples
    --------
    >>> mathml(sympy.Symbol("rho") ** 2)
    '<math display="block"><msup><mi>ρ</mi><mn>2</mn></msup></math>'
    """
    printer = _MathML()
    text = _serialised(printer._print(expr))
    if left is not None:
        text = f"<mrow>{_serialised(printer._print(left))}<mo>=</mo>{text}</mrow>"
    return f'<math display="block">{text}</math>'


def _serialised(node: Any) -> str:
    """XML of a node; SymPy's nodes hold names of entities and do not escape < and >."""
    if node.nodeType == node.TEXT_NODE:
        return html.escape(html.unescape(node.data).translate(_PLAIN))
    attributes = "".join(f' {name}="{html.escape(v)}"' for name, v in node.attributes.items())
    inside = "".join(map(_serialised, node.childNodes))
    return f"<{node.tagName}{attributes}>{inside}</{node.tagName}>"
