"""Read psi and supports from text: a hand-written parser that evaluates nothing.

    expression := ["+" | "-"] term (("+" | "-") term)*
    term       := power (("*" | "/") ["-"] power)*
    power      := atom ["**" ["-"] power]
    atom       := number | "oo" | "pi" | "dim" | "t" | "x" "[" integer "]" | "(" expression ")"
                | function "(" expression ")" | ("max" | "min") "(" expression ("," expression)* ")"
                | "norm" "(" "x" "," expression ")"
                | "gauge" "(" "x" "," "zonotope" "(" "(" numbers ")" ("," ...)* ")" ")"
                | "coordinate_sum" ... with "weights" "=" "(" numbers ")"
                | "piecewise" "(" "(" expression "," condition | "True" ")" ("," ...)* ")"
    condition  := comparison | ("And" | "Or") "(" condition ("," condition)* ")"
    comparison := expression ("<" | "<=" | ">" | ">=") expression

In a support, ``x`` alone stands for every coordinate. Numbers become exact rationals. Depth, length
and the size of constants are bounded, so that a short text cannot ask for a long computation.
"""

from __future__ import annotations

from collections.abc import Callable

import sympy

from numerics.errors import InvalidInputError
from smoothing.constants import checked_constant, checked_power
from smoothing.expressions import coordinate_sum, norm, x
from smoothing.gauges import gauge, zonotope
from smoothing.tokens import Cursor, Token
from smoothing.vocabulary import (
    ALIASES,
    COMPARISONS,
    CONNECTIVES,
    CONSTANTS,
    EXTREMES,
    FORMS,
    FUNCTIONS,
    LEGAL_NAMES,
)

__all__ = ["parse_expression", "parse_support"]

#: Brackets inside brackets; no density in use needs ten.
MAX_DEPTH = 40
#: Arguments of max and min, which SymPy compares pair by pair.
MAX_CHOICES = 8
#: Atoms outside lists of weights; no density in use needs a hundred.
MAX_ATOMS = 500


def parse_expression(text: str) -> sympy.Expr:
    """Return the SymPy expression of a text in the grammar of densities.

    Raises
    ------
    ExpressionSyntaxError
        The text is not in the grammar; the message shows the position and a remedy.

    Examples
    --------
    >>> parse_expression("norm(x, oo)**2 + 0.5*log(norm(x, oo))")
    log(norm(x, oo))/2 + norm(x, oo)**2
    """
    parser = _Parser(text)
    tree = parser.expression()
    parser.expect_end()
    return tree


def parse_support(text: str) -> sympy.Basic:
    """Return the condition of a text: a comparison or And of comparisons.

    Examples
    --------
    >>> parse_support("And(x >= 0, norm(x, oo) <= 3/2)")
    (x >= 0) & (norm(x, oo) <= 3/2)
    """
    parser = _Parser(text, in_support=True)
    tree = parser.condition()
    parser.expect_end()
    return tree


class _Parser(Cursor):
    """Recursive descent over the tokens of one text."""

    def __init__(self, text: str, *, in_support: bool = False) -> None:
        super().__init__(text)
        self.depth = 0
        self.atoms = 0
        self.in_support = in_support

    def descend(self) -> None:
        """Count one level of nesting; the caller takes it back."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.fail("too many nested brackets or powers", f"at most {MAX_DEPTH} are read")

    def expression(self) -> sympy.Expr:
        self.descend()
        terms = [self.term(self.take("+", "-") == "-")]
        while sign := self.take("+", "-"):
            terms.append(self.term(sign == "-"))
        self.depth -= 1
        return self.checked(sympy.Add(*terms))

    def term(self, negative: bool) -> sympy.Expr:
        # All factors go into one Mul: SymPy distributes a number over a sum of two factors only,
        # so building the product step by step would not give back what was printed.
        factors = [sympy.S.NegativeOne] if negative else []
        factors.append(self.power())
        while operator := self.take("*", "/"):
            where = self.token
            if self.take("-"):
                factors.append(sympy.S.NegativeOne)
            factor = self.power()
            if operator == "/":
                if factor.is_zero:
                    raise self.fail("division by zero", "correct the denominator", where)
                factor = self.raised(factor, sympy.S.NegativeOne, where)
            factors.append(factor)
        return self.checked(sympy.Mul(*factors))

    def power(self) -> sympy.Expr:
        base = self.atom()
        where = self.token
        if not self.take("**"):
            return base
        self.descend()
        negative = self.take("-")
        exponent = self.power()
        self.depth -= 1
        return self.raised(base, -exponent if negative else exponent, where)

    def raised(self, base: sympy.Expr, exponent: sympy.Expr, where: Token) -> sympy.Expr:
        problem = checked_power(base, exponent)
        if problem:
            raise self.fail(problem, "use smaller numbers", where)
        return self.checked(sympy.Pow(base, exponent))

    def checked(self, tree: sympy.Expr) -> sympy.Expr:
        problem = checked_constant(tree)
        if problem:
            raise self.fail(problem, "use finite real numbers of moderate size")
        return tree

    def atom(self) -> sympy.Expr:
        token = self.token
        self.atoms += 1
        if self.atoms > MAX_ATOMS:
            raise self.fail("expression too large", f"at most {MAX_ATOMS} symbols and numbers")
        self.position += 1
        if token.kind == "number":
            return sympy.Rational(token.text)
        if token.text == "(":
            inner = self.expression()
            self.expect(")")
            return inner
        if token.kind == "name":
            return self.named(token)
        self.position -= 1
        found = "the end" if token.kind == "end" else repr(token.text)
        raise self.fail(f"expected a number, a name or '(', found {found}", "complete the formula")

    def named(self, token: Token) -> sympy.Expr:
        name = ALIASES.get(token.text, token.text)
        if name in CONSTANTS:
            return CONSTANTS[name]
        if name == "x":
            return self.vector(token)
        if name in FUNCTIONS:
            return self.function(FUNCTIONS[name], token)
        if name in EXTREMES:
            found = self.arguments()
            if len(found) > MAX_CHOICES:
                raise self.fail(f"too many arguments of {name}", f"at most {MAX_CHOICES}", token)
            return EXTREMES[name](*found)
        if name in FORMS:
            return getattr(self, f"form_{name}")(token)
        raise self.fail(f"unknown name {token.text!r}", f"legal names: {LEGAL_NAMES}", token)

    def vector(self, token: Token) -> sympy.Expr:
        if self.take("["):
            index = self.token
            if index.kind != "number" or not index.text.isdigit():
                raise self.fail(
                    "x[...] needs a whole number", "write x[0] for the first coordinate"
                )
            self.position += 1
            self.expect("]")
            return x[int(index.text)]
        if self.in_support:
            return x
        raise self.fail("x on its own", "write norm(x, p), coordinate_sum(phi(t)) or x[0]", token)

    def arguments(self) -> list[sympy.Expr]:
        self.expect("(")
        found = [self.expression()]
        while self.take(","):
            found.append(self.expression())
        self.expect(")")
        return found

    def function(self, build: Callable[[sympy.Expr], sympy.Expr], token: Token) -> sympy.Expr:
        found = self.arguments()
        if len(found) != 1:
            raise self.fail(f"{token.text} takes one argument, got {len(found)}", "pass one", token)
        problem = checked_constant(found[0], limit=True)
        if problem:
            raise self.fail(problem, "use smaller numbers", token)
        return self.checked(build(found[0]))

    def form_norm(self, token: Token) -> sympy.Expr:
        self.expect("(")
        if not self.take("x"):
            raise self.fail("norm takes x first", "write norm(x, p)")
        self.expect(",")
        order = self.expression()
        self.expect(")")
        return self.built(lambda: norm(x, order), token)

    def form_coordinate_sum(self, token: Token) -> sympy.Expr:
        self.expect("(")
        phi = self.expression()
        weights = self.weights() if self.take(",") else None
        self.expect(")")
        return self.built(lambda: coordinate_sum(phi, weights), token)

    def weights(self) -> list[sympy.Expr]:
        self.expect("weights")
        self.expect("=")
        return self.numbers()

    def numbers(self) -> list[sympy.Expr]:
        """A list ``(a, b, ...)`` that does not count as atoms."""
        self.expect("(")
        found: list[sympy.Expr] = []
        while not self.take(")"):
            counted = self.atoms
            found.append(self.expression())
            self.atoms = counted
            if not self.take(","):
                self.expect(")")
                break
        return found

    def form_gauge(self, token: Token) -> sympy.Expr:
        self.expect("(")
        self.expect("x")
        self.expect(",")
        self.expect("zonotope")
        self.expect("(")
        rows = [self.numbers()]
        while self.take(","):
            rows.append(self.numbers())
        self.expect(")")
        self.expect(")")
        return self.built(lambda: gauge(x, zonotope(*rows)), token)

    def form_piecewise(self, token: Token) -> sympy.Expr:
        self.expect("(")
        pieces = [self.piece()]
        while self.take(","):
            pieces.append(self.piece())
        self.expect(")")
        if pieces[-1][1] is not sympy.true:
            raise self.fail("piecewise without a last case", "end with (value, True)", token)
        return self.built(lambda: sympy.Piecewise(*pieces), token)

    def piece(self) -> tuple[sympy.Expr, sympy.Basic]:
        """A case ``(value, condition)``; the last one has the condition True."""
        self.expect("(")
        value = self.expression()
        self.expect(",")
        condition = sympy.true if self.take("True") else self.condition()
        self.expect(")")
        return value, condition

    def condition(self) -> sympy.Basic:
        self.descend()
        connective = self.take(*CONNECTIVES)
        if connective:
            tree = self.connected(CONNECTIVES[connective])
        else:
            left = self.expression()
            operator = self.take(*COMPARISONS)
            if not operator:
                raise self.fail("expected <, <=, > or >=", "compare, as in norm(x, oo) <= 1")
            tree = COMPARISONS[operator](left, self.expression())
        self.depth -= 1
        return tree

    def connected(self, build: Callable[..., sympy.Basic]) -> sympy.Basic:
        self.expect("(")
        parts = [self.condition()]
        while self.take(","):
            parts.append(self.condition())
        self.expect(")")
        return build(*parts)

    def built(self, build: Callable[[], sympy.Expr], token: Token) -> sympy.Expr:
        try:
            return build()
        except InvalidInputError as error:
            raise self.fail(f"{token.text}: {error}", "correct its arguments", token) from None
