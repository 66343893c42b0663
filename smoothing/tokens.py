"""Split text of the grammar of densities into tokens, refusing anything else with its position."""

from __future__ import annotations

import re
from dataclasses import dataclass

from numerics.errors import ExpressionSyntaxError

__all__ = ["MAX_LENGTH", "Cursor", "Token", "syntax_error", "tokenise"]

#: Longest text read, in characters: a list of weights for 3072 coordinates fits.
MAX_LENGTH = 100_000
#: Longest number read, in characters; a float64 prints with at most 24.
MAX_NUMBER = 60
#: Largest decimal exponent of a number; float64 reaches 308.
MAX_EXPONENT = 400

_PATTERN = re.compile(
    r"(?P<space>[ \t\n]+)"
    r"|(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<name>[A-Za-z][A-Za-z0-9_]*)"
    r"|(?P<operator>\*\*|<=|>=|[-+*/()\[\],=<>])"
)

_REMEDIES = {
    "^": "write ** for powers",
    ".": "there is no attribute access; numbers are written 0.5",
    "_": "names start with a letter; legal names are listed in smoothing.vocabulary",
    '"': "there are no strings in this grammar",
    "'": "there are no strings in this grammar",
    "{": "use round brackets",
    "&": "join conditions by And(..., ...)",
    "|": "write abs(...) for absolute values and norm(x, p) for norms",
    "!": "use <, <=, > or >=",
}


@dataclass(frozen=True)
class Token:
    """One word of the grammar: `kind` is number, name, operator or end."""

    kind: str
    text: str
    position: int


def syntax_error(text: str, position: int, problem: str, remedy: str) -> ExpressionSyntaxError:
    """Build the error for a place in the text, showing what is around it."""
    start = max(0, position - 20)
    window = text[start : position + 20]
    shown = f"{'...' if start else ''}{window}{'...' if position + 20 < len(text) else ''}"
    return ExpressionSyntaxError(f"{problem} at position {position} in {shown!a}; {remedy}")


def tokenise(text: str) -> list[Token]:
    """Return the tokens of a text, closed by a token of kind "end".

    Raises
    ------
    ExpressionSyntaxError
        The text is not a string, too long, not ASCII, or has a character outside the grammar.

    Examples
    --------
    >>> [token.text for token in tokenise("norm(x, 2)**2")]
    ['norm', '(', 'x', ',', '2', ')', '**', '2', '']
    """
    if not isinstance(text, str):
        raise ExpressionSyntaxError(
            f"the text must be a str, got {type(text).__name__}; "
            "pass SymPy expressions to SmoothingDistribution itself"
        )
    if len(text) > MAX_LENGTH:
        raise ExpressionSyntaxError(
            f"the text must have at most {MAX_LENGTH} characters, got {len(text)}; "
            "build the expression with SymPy instead"
        )
    tokens = []
    position = 0
    while position < len(text):
        token = _next_token(text, position)
        position += len(token.text)
        if token.kind != "space":
            tokens.append(token)
    return [*tokens, Token("end", "", len(text))]


def _next_token(text: str, position: int) -> Token:
    match = _PATTERN.match(text, position)
    if match is None:
        character = text[position]
        remedy = _REMEDIES.get(character, "use the characters of the grammar, in ASCII")
        raise syntax_error(text, position, f"illegal character {character!a}", remedy)
    kind = str(match.lastgroup)
    if kind == "number":
        _check_number(text, position, match.group())
    return Token(kind, match.group(), position)


def _check_number(text: str, position: int, digits: str) -> None:
    exponent = re.split("[eE]", digits)[-1] if re.search("[eE]", digits) else "0"
    too_long = len(digits) > MAX_NUMBER
    if too_long or abs(int(exponent)) > MAX_EXPONENT:
        raise syntax_error(
            text,
            position,
            "number out of range",
            f"use at most {MAX_NUMBER} characters and exponents up to {MAX_EXPONENT}",
        )


class Cursor:
    """The tokens of a text and a position among them."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokenise(text)
        self.position = 0

    @property
    def token(self) -> Token:
        """The next token."""
        return self.tokens[self.position]

    def fail(self, problem: str, remedy: str, token: Token | None = None) -> ExpressionSyntaxError:
        """Build the error for a token, the next one by default."""
        return syntax_error(self.text, (token or self.token).position, problem, remedy)

    def take(self, *texts: str) -> str | None:
        """Consume the next token if it is one of these."""
        if self.token.text in texts and self.token.kind != "end":
            self.position += 1
            return self.tokens[self.position - 1].text
        return None

    def expect(self, text: str) -> None:
        """Consume this token or fail."""
        if not self.take(text):
            found = "the end" if self.token.kind == "end" else repr(self.token.text)
            raise self.fail(f"expected {text!r}, found {found}", f"put {text!r} here")

    def expect_end(self) -> None:
        """Fail unless all tokens are consumed."""
        if self.token.kind != "end":
            remedy = "an operator is missing, or a bracket too many"
            if self.token.text in {"<", "<=", ">", ">="}:
                remedy = "one comparison at a time, joined by And, and only in a support"
            raise self.fail(f"unexpected {self.token.text!r}", remedy)
