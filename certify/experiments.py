"""The experiments of the papers as frozen records; `certify.reproduce` carries them out.

Sources: Yang et al. 2020 (RSAS; the ranges of sigma are those of appendix D), Blum et al. 2020,
Zhang et al. 2020. Parameters that a paper searches over without printing the winner are set here
and marked "ours".
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["EXPERIMENTS", "Experiment", "NoiseKind", "Variant"]


@dataclass(frozen=True)
class NoiseKind:
    """A density by its text; ``{d}`` stands for the dimension."""

    label: str
    psi: str
    support: str | None = None


UNIFORM = NoiseKind("uniform", "0", "norm(x, oo) <= 1")
LAPLACE = NoiseKind("Laplace", "norm(x, 1)")
GAUSSIAN = NoiseKind("Gaussian", "norm(x, 2)**2/2")
# Shape parameters ours; a > d + 2 for a variance.
EXP_LINF = NoiseKind("Exp linf, k = 2", "norm(x, oo)**2")
EXP_L1 = NoiseKind("Exp l1, k = 2", "norm(x, 1)**2")
POWER_LINF = NoiseKind("power linf, a = d + 10", "({d} + 10)*log(1 + norm(x, oo))")
PARETO = NoiseKind("Pareto, a = 3", "coordinate_sum(4*log(1 + abs(t)))")
EXP_L2 = NoiseKind("Exp l2, k = 2, j = 8", "norm(x, 2)**2 + 8*log(norm(x, 2))")
POWER_L2 = NoiseKind("power l2, a = d", "{d}*log(1 + norm(x, 2)**2)")
# Zhang et al. 2020, equations 10, 11 and 13; the exponent 8 is ours.
CENTRAL_L1 = NoiseKind("|z|_1^-8 Laplace", "norm(x, 1) + 8*log(norm(x, 1))")
CENTRAL_L2 = NoiseKind("|z|_2^-8 Gaussian", "norm(x, 2)**2/2 + 8*log(norm(x, 2))")
MIXED = NoiseKind("|z|_oo^-8 Gaussian", "8*log(norm(x, oo)) + norm(x, 2)**2/2")


@dataclass(frozen=True)
class Variant:
    """One line of a table, or one curve.

    Attributes
    ----------
    label : str
        Its name.
    noise : NoiseKind
        Of training, and of certification unless `tested` is given.
    tested : NoiseKind, optional
        Noise of certification.
    objective : str
        Of `certify.objectives.OBJECTIVES`.
    data : {"", "extra", "init"}
        More data: pseudo-labelled images, or a pre-trained start.
    """

    label: str
    noise: NoiseKind
    tested: NoiseKind | None = None
    objective: str = "noise"
    data: str = ""


@dataclass(frozen=True)
class Experiment:
    """One table or figure.

    Attributes
    ----------
    name, title : str
        Name on the command line; what it shows.
    kind : str
        "envelope": best certified accuracy over sigma; "levels": one curve per sigma; "scatter":
        certified against training accuracy; "clean": accuracies at radius 0 over sigma; "rotation":
        the same with rotated images or noise; "crossed": trained on one noise, tested on others;
        "sizes": inputs of several sizes, sigma in proportion.
    adversary : str
        Norm.
    variants : tuple of Variant
        Lines.
    sigmas : tuple of float
        Noise levels.
    radii : tuple of float
        Columns of the paper's table; empty where it has a picture only.
    architectures : tuple of str
        Of CIFAR-10.
    """

    name: str
    title: str
    kind: str
    adversary: str
    variants: tuple[Variant, ...]
    sigmas: tuple[float, ...]
    radii: tuple[float, ...] = ()
    architectures: tuple[str, ...] = ("wide_resnet40_2",)


_NARROW = (0.15, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5)
_WIDE = (*_NARROW, 1.75, 2.0, 2.25, 2.5, 2.75, 3.0, 3.25, 3.5)
_EIGHT = tuple(0.5 * i for i in range(1, 9))
_NINE = tuple(0.25 * i for i in range(1, 10))
_PIXELS = tuple(i / 255 for i in (2, 4, 6, 8, 10, 12))
#: Noise levels of the models of Cohen et al. 2019, which Zhang et al. certify again.
_COHEN = (0.12, 0.25, 0.5, 1.0)


def _same(*kinds: NoiseKind) -> tuple[Variant, ...]:
    return tuple(Variant(kind.label, kind) for kind in kinds)


_THREE = _same(UNIFORM, LAPLACE, GAUSSIAN)
_STABLE = (
    Variant("uniform", UNIFORM),
    Variant("+ stability", UNIFORM, objective="stability"),
    Variant("+ stability, semi-supervised", UNIFORM, objective="stability", data="extra"),
    Variant("+ stability, pre-training", UNIFORM, objective="stability", data="init"),
)

_RECORDS = (
    Experiment(
        "rsas-table-1", "Certified l1 accuracy, best over sigma", "envelope", "l1",
        (Variant("Laplace", LAPLACE), *_STABLE), _WIDE, _EIGHT,
    ),
    Experiment("rsas-figure-2", "l1: uniform, Laplace, Gaussian", "envelope", "l1", _THREE, _WIDE),
    Experiment(
        "rsas-figure-3-l2", "l2: spherical noises", "envelope", "l2",
        _same(GAUSSIAN, EXP_L2, POWER_L2), _NARROW,
    ),
    Experiment(
        "rsas-figure-3-linf", "linf: Gaussian, Laplace, uniform", "envelope", "linf",
        _same(GAUSSIAN, LAPLACE, UNIFORM), _NARROW,
    ),
    Experiment("rsas-figure-c1", "l1, one curve per sigma", "levels", "l1", _THREE, _NARROW[:6]),
    Experiment(
        "rsas-figure-c2", "l1: more noises", "envelope", "l1",
        _same(UNIFORM, EXP_LINF, POWER_LINF, EXP_L1, PARETO), _WIDE,
    ),
    Experiment(
        "rsas-figure-c3", "l1 with a fully connected network", "envelope", "l1", _THREE, _NARROW,
        architectures=("mlp",),
    ),
    Experiment(
        "rsas-figure-c4", "Clean accuracies by architecture", "clean", "l1", _THREE, _NARROW,
        architectures=("wide_resnet40_2", "alexnet", "mlp"),
    ),
    Experiment(
        "rsas-figure-c5", "l1 with an AlexNet", "envelope", "l1", _THREE, _NARROW,
        architectures=("alexnet",),
    ),
    Experiment(
        "rsas-figure-c6", "Certified against training accuracy, radius 0.25", "scatter", "l1",
        _THREE, _NARROW, (0.25,),
    ),
    Experiment(
        "rsas-figure-c7", "Rotated images, rotated noise", "rotation", "l1", _THREE, _NARROW
    ),
    Experiment(
        "rsas-figure-c8", "l2: more spherical noises", "envelope", "l2",
        _same(GAUSSIAN, EXP_L2, POWER_L2), _NARROW,
    ),
    Experiment(
        "rsas-figure-c9", "Trained on one noise, tested on another", "crossed", "l1",
        _same(UNIFORM, LAPLACE, GAUSSIAN, EXP_L2), (0.5,),
    ),
    Experiment("rsas-figure-d1", "l1: stability and more data", "envelope", "l1", _STABLE, _WIDE),
    Experiment(
        "blum-table-1", "linf at 2/255 with TRADES", "envelope", "linf",
        (Variant("TRADES", GAUSSIAN, objective="trades"),), (0.12,), (2 / 255,), ("resnet110",),
    ),
    Experiment(
        "blum-figure-2", "linf, inputs of 32, 48 and 64 pixels", "sizes", "linf",
        (Variant("TRADES", GAUSSIAN, objective="trades"),), (0.12,), architectures=("resnet110",),
    ),
    Experiment(
        "zhang-table-1", "l1: Laplace, centripetal Laplace", "envelope", "l1",
        (Variant("Laplace", LAPLACE), Variant(CENTRAL_L1.label, LAPLACE, CENTRAL_L1)),
        _COHEN, _NINE, ("resnet110",),
    ),
    Experiment(
        "zhang-table-2", "l2: Gaussian, centripetal Gaussian", "envelope", "l2",
        (Variant("Gaussian", GAUSSIAN), Variant(CENTRAL_L2.label, GAUSSIAN, CENTRAL_L2)),
        _COHEN, _NINE, ("resnet110",),
    ),
    Experiment(
        "zhang-table-3", "linf: Gaussian, mixed norm", "envelope", "linf",
        (Variant("Gaussian", GAUSSIAN), Variant(MIXED.label, GAUSSIAN, MIXED)),
        _COHEN, _PIXELS, ("resnet110",),
    ),
    Experiment(
        "zhang-figure-4", "linf, one curve per sigma", "levels", "linf",
        (Variant("Gaussian", GAUSSIAN), Variant(MIXED.label, GAUSSIAN, MIXED)),
        (0.25, 0.5, 1.0), architectures=("resnet110",),
    ),
)  # fmt: skip

#: Experiments by name.
EXPERIMENTS: dict[str, Experiment] = {record.name: record for record in _RECORDS}
