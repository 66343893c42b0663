"""The HTML page of a derivation: one file, well-formed, with MathML that browsers lay out.

The contents are checked by parsing on every machine; where a Chromium is installed it opens the
page too.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
import sympy
from typer.testing import CliRunner

import radii
from numerics.errors import InvalidInputError
from numerics.inverse_functions import GammaUpperInverse, MonotoneInverse, PolyLogarithm
from radii.cli import app
from radii.notation import latex_of, mathml
from smoothing.expressions import coordinate_sum, norm, t, x

CASES = {
    "Laplace": ("norm(x, 1)", None, 3072, "l1"),
    "two branches": ("norm(x, oo)**2 + log(norm(x, oo))", None, 3072, "l1"),
    "no paper": ("coordinate_sum(t**4 + abs(t))", None, 3072, "l1"),
    "cube": ("0", "norm(x, oo) <= 1", 10, "linf"),
    "cross-polytope": ("norm(x, 1)", None, 64, "linf"),
}

#: MathML Core elements that the page may use, with the number of children each must have.
ARITY: dict[str, int | None] = {
    "math": 1, "mrow": None, "mi": 0, "mn": 0, "mo": 0, "mtext": 0, "mfrac": 2, "msqrt": None,
    "mroot": 2, "msub": 2, "msup": 2, "msubsup": 3, "munder": 2, "mover": 2, "munderover": 3,
    "mtable": None, "mtr": None, "mtd": None, "mmultiscripts": None, "mprescripts": 0,
}  # fmt: skip
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    found = {}
    for name, (psi, support, dim, adversary) in CASES.items():
        noise = radii.SmoothingDistribution.parse(psi, dim=dim, support=support)
        found[name] = radii.derive(noise, adversary).derivation.html()
    return found


def tree(page: str) -> ElementTree.Element:
    assert page.startswith("<!DOCTYPE html>\n")
    return ElementTree.fromstring(page.removeprefix("<!DOCTYPE html>\n"))


def check_mathml(element: ElementTree.Element) -> None:
    for node in element.iter():
        assert node.tag in ARITY, node.tag
        arity = ARITY[node.tag]
        assert arity is None or len(node) == arity, ElementTree.tostring(node)
        if node.tag in ("mi", "mn", "mo", "mtext"):
            assert node.text, "an empty token"
            assert "&" not in node.text, node.text
        elif node.tag != "mprescripts":
            assert not (node.text or "").strip(), "text outside a token"


@pytest.mark.parametrize("name", CASES)
def test_page_is_well_formed_and_self_contained(name: str, pages: dict[str, str]) -> None:
    page = pages[name]
    root = tree(page)
    assert not re.search(r"https?:|//[a-z]|@import|url\((?!#)", page)
    tags = {node.tag for node in root.iter()}
    assert not tags & {"script", "link", "img", "iframe", "object"}
    for node in root.iter():
        for key in ("href", "src"):
            assert node.get(key, "#").startswith("#")


@pytest.mark.parametrize("name", CASES)
def test_every_formula_is_valid_mathml(name: str, pages: dict[str, str]) -> None:
    formulas = list(tree(pages[name]).iter("math"))
    assert len(formulas) >= 4
    for formula in formulas:
        check_mathml(formula)


@pytest.mark.parametrize("name", CASES)
def test_plots_are_inline_and_their_references_resolve(name: str, pages: dict[str, str]) -> None:
    root = tree(pages[name])
    plots = list(root.iter("svg"))
    assert [plot.get("role") for plot in plots] == ["img", "img"]
    assert all(plot.get("aria-label") and plot.get("viewBox") for plot in plots)
    identifiers = [node.get("id") for node in root.iter() if node.get("id")]
    assert len(identifiers) == len(set(identifiers))
    referred = set(re.findall(r'(?:href="#|url\(#)([^")]+)', pages[name]))
    assert referred
    assert referred <= set(identifiers)
    assert "currentColor" in pages[name]


def test_page_shows_every_step_with_its_rule_and_numbers(pages: dict[str, str]) -> None:
    root = tree(pages["two branches"])
    headings = ["".join(node.itertext()) for node in root.iter("h2")]
    assert headings[0] == "Potential"
    assert headings[-1] == "Radius"
    assert len(headings) == 8
    text = " ".join(root.itertext())
    assert "Theorem F.6" in text
    # R(0.6) = 2 d (rho - 1/2)/M, M = (d - 1) Gamma((d-2)/2) / Gamma((d-1)/2) (derivations 1).
    assert "7.83772848386" in text
    assert root.get("lang") == "en"
    assert len(list(root.iter("caption"))) == 8
    assert all(node.get("scope") for node in root.iter("th"))
    style = root.find("head/style")
    assert style is not None
    assert "color-scheme: light dark" in str(style.text)
    assert "@media print" in str(style.text)


def test_titles_are_escaped() -> None:
    noise = radii.SmoothingDistribution.parse("norm(x, 1)", dim=3, support="norm(x, 1) < 2")
    page = radii.derive(noise, "l1").derivation.html()
    assert "< 2" not in page.replace("</", "")
    tree(page)


Y = sympy.Symbol("y", positive=True)


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (norm(x, sympy.oo) ** 2, "‖x‖∞2"),
        (coordinate_sum(abs(t)), "∑i(|xi|)"),
        (sympy.Heaviside(2 * Y - 1, 0), "1{2\u2062y>1}"),
        (GammaUpperInverse(sympy.Rational(2, 3), Y), "Q−1\u2061(23,y)"),
        (MonotoneInverse(sympy.Lambda(Y, Y + Y**3), 2, 0, 3), "(y↦y3+y)−1\u2061(2)"),
        (PolyLogarithm(2, Y), "Li2\u2061(y)"),
        (sympy.hyper((1, Y), (2,), Y), "F12(1,y;2;y)"),
        (sympy.Piecewise((Y, Y < 1), (2, True)), "{yif y<12otherwise"),
        (sympy.Function("phibar")(Y), "φ¯\u2061(y)"),
        (sympy.gamma(Y), "Γ\u2061(y)"),
        (sympy.betainc_regularized(2, 3, 0, Y), "Iy\u2061(2,3)"),
        (sympy.Symbol("rho"), "ρ"),
    ],
)
def test_notation(expression: sympy.Basic, text: str) -> None:
    element = ElementTree.fromstring(mathml(expression))
    check_mathml(element)
    assert "".join(element.itertext()) == text
    assert latex_of(expression)


def test_page_from_the_command_line(tmp_path: Path) -> None:
    out = tmp_path / "out.html"
    arguments = ["derive", "norm(x, 1)", "-a", "l1", "-d", "4", "--html", str(out)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert str(out) in result.stdout.replace("\n", "")
    tree(out.read_text(encoding="utf-8"))
    arguments[-1] = str(tmp_path / "missing" / "out.html")
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert "path must be a file that can be written" in result.stderr


def test_save_names_the_file_it_cannot_write(tmp_path: Path) -> None:
    radius = radii.derive(radii.families.laplace(dim=3), "l1")
    with pytest.raises(InvalidInputError, match="path must be"):
        radius.derivation.save_html(tmp_path)


@pytest.mark.skipif(
    not any(map(shutil.which, BROWSERS)), reason="no Chromium here; the page is checked by parsing"
)
def test_chromium_opens_the_page_without_complaint(pages: dict[str, str], tmp_path: Path) -> None:
    browser = next(path for path in map(shutil.which, BROWSERS) if path)
    target = tmp_path / "page.html"
    target.write_text(pages["two branches"], encoding="utf-8")
    opened = subprocess.run(
        [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
            f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", target.as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert "CONSOLE" not in opened.stderr
    # What the browser built has all formulas, none of them outside its place.
    assert opened.stdout.count("<math ") == pages["two branches"].count("<math ")
    assert "<parsererror" not in opened.stdout
