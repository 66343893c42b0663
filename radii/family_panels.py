"""The nine panels of RSAS, Figure A.1, as data: which densities are compared against which norm.

Every curve is a psi written in the grammar of densities with ``dim`` for the dimension, so that the
same picture can be drawn in any dimension. Shapes that make the point only near the dimension (a
singularity at the origin that is almost not integrable) are written relative to it.
"""

from __future__ import annotations

from dataclasses import dataclass

from smoothing.distribution import SmoothingDistribution

__all__ = ["PANELS", "SMALLEST_DIM", "Curve", "Panel"]

#: In fewer dimensions the variance of the power laws or E 1/||x|| is infinite.
SMALLEST_DIM = 8


@dataclass(frozen=True)
class Curve:
    """One density of a panel; the noise level is set when it is drawn."""

    label: str
    psi: str
    support: str | None = None

    def noise(self, dim: int, sigma: float) -> SmoothingDistribution:
        """The density in a dimension, at a noise level per coordinate."""
        return SmoothingDistribution.parse(self.psi, dim=dim, support=self.support, sigma=sigma)


@dataclass(frozen=True)
class Panel:
    """Curves against one adversary. `tight`: the differential radius is the exact one, or known
    to be within the width of a line of it; otherwise curves are marked as lower bounds."""

    title: str
    adversary: str
    curves: tuple[Curve, ...]
    tight: bool = True


_CUBE = Curve("uniform on the cube", "0", "norm(x, oo) <= 1")
_BALL = Curve("uniform on the ball", "0", "norm(x, 2) <= 1")
_GAUSSIAN = Curve("exp(−‖x‖₂²/2)", "norm(x, 2)**2/2")
_LAPLACE = Curve("exp(−‖x‖₁)", "norm(x, 1)")
_EXP_LINF = Curve("exp(−‖x‖∞)", "norm(x, oo)")
_EXP_L2 = Curve("exp(−‖x‖₂)", "norm(x, 2)")


def _singular(name: str, gauge: str, share: str, power: str = "") -> Curve:
    """||x||^-j exp(-||x||^power), j a share of dim - 2, the last integer with E 1/||x|| < oo."""
    shown = power.replace("**2", "²")
    start = "" if share == "1" else share
    label = f"{name}^−{start}(d−2) exp(−{name}{shown})"
    return Curve(label, f"{gauge}{power} + {share}*(dim - 2)*log({gauge})")


#: At d = 3072 the powers are 2974, 3058 and 3070.
_SHARES = ("31/32", "255/256", "1")

#: Row by row, left to right.
PANELS: tuple[Panel, ...] = (
    Panel("shapes", "l1", (_CUBE, _EXP_LINF, _GAUSSIAN, _BALL, _EXP_L2, _LAPLACE)),
    Panel(
        "singular at the origin, cubical",
        "l1",
        (
            _EXP_LINF,
            *(_singular("‖x‖∞", "norm(x, oo)", share) for share in _SHARES),
        ),
    ),
    Panel(
        "power laws, cubical",
        "l1",
        (
            _EXP_LINF,
            *(
                Curve(f"(1+‖x‖∞)^−{shown}", f"{a}*log(1 + norm(x, oo))")
                for shown, a in (
                    ("2d", "2*dim"),
                    ("(d+100)", "(dim + 100)"),
                    ("(d+10)", "(dim + 10)"),
                    ("(d+3)", "(dim + 3)"),
                )
            ),
        ),
    ),
    Panel(
        "powers of the ℓ1 norm",
        "l1",
        tuple(
            Curve(f"exp(−‖x‖₁{shown})", f"norm(x, 1)**({k})")
            for shown, k in (("^½", "1/2"), ("", "1"), ("²", "2"), ("⁸", "8"))
        ),
    ),
    Panel(
        "Pareto coordinates",
        "l1",
        (
            _LAPLACE,
            *(
                Curve(f"∏(1+|xᵢ|)^−{a + 1}", f"coordinate_sum({a + 1}*log(1 + abs(t)))")
                for a in (100, 10, 5, 3)
            ),
        ),
    ),
    Panel(
        "powers of the coordinates",
        "l1",
        (
            *(
                Curve(f"exp(−Σ|xᵢ|{shown})", f"coordinate_sum(abs(t)**({p}))")
                for shown, p in (("^½", "1/2"), ("", "1"), ("²", "2"), ("⁴", "4"))
            ),
            _CUBE,
        ),
    ),
    Panel(
        "singular at the origin, spherical",
        "l2",
        (
            _GAUSSIAN,
            Curve("exp(−‖x‖₂)", "norm(x, 2)"),
            *(_singular("‖x‖₂", "norm(x, 2)", share, "**2") for share in _SHARES),
        ),
        tight=False,
    ),
    Panel(
        "power laws, spherical",
        "l2",
        (
            _GAUSSIAN,
            *(
                Curve(f"(1+‖x‖₂²)^−{shown}", f"{a}*log(1 + norm(x, 2)**2)")
                for shown, a in (
                    ("d", "dim"),
                    ("(d/2+50)", "(dim/2 + 50)"),
                    ("(d/2+5)", "(dim/2 + 5)"),
                    ("(d/2+3/2)", "(dim/2 + 3/2)"),
                )
            ),
        ),
        tight=False,
    ),
    Panel("shapes", "linf", (_CUBE, _EXP_LINF, _GAUSSIAN, _BALL, _EXP_L2, _LAPLACE)),
)
