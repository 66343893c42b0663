"""CERTIFY and PREDICT for one image."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from scipy.special import betainc

from certify.certificate import ABSTAIN, Certificate, Status
from certify.interfaces import Smoother, norm_name, radius_alpha
from certify.multiclass import GrowingRadius, class_limits, multiclass_radius
from certify.rule_text import classes_text
from certify.runner import Runner
from certify.sampling import sampling_device
from certify.stopping import StoppingRule
from certify.streams import COUNTING, SELECTION, NoisyCopies, item_generator
from certify.tally import Counted, Tally
from numerics.errors import invalid

__all__ = ["Settings", "certify_one", "predict_one"]


@dataclass(frozen=True)
class Settings:
    """Statistics and seed of a run; checked where they enter.

    `top` asks for the certificate from all classes' votes, that the selected one stays among the
    `top` largest; None for the binary one.
    """

    rule: StoppingRule
    n0: int
    seed: int
    top: int | None = None


@dataclass(frozen=True)
class _Evidence:
    """What the votes proved: limit, radius, and the votes themselves."""

    prob_lower: float
    radius: float
    certified: bool
    count: int
    n: int
    rule: str
    votes: tuple[tuple[int, int], ...] = ()


def certify_one(
    runner: Runner,
    smoother: Smoother,
    image: torch.Tensor,
    index: int,
    label: int | None,
    settings: Settings,
) -> Certificate:
    """Certificate of one image: CERTIFY of Cohen et al. 2019 with the smoother's own radius."""
    start = time.perf_counter()
    selected = _select(runner, smoother, image, index, settings)
    if label is not None and runner.classes is not None and label >= runner.classes:
        legal = f"below {runner.classes}, the number of the model's classes"
        raise invalid("labels", legal, label, "use the model that belongs to these labels")
    find = _binary if settings.top is None else _all_classes
    found = find(runner, smoother, image, index, selected, settings)
    radius = smoother.radius
    return Certificate(
        index=index,
        status=Status.CERTIFIED if found.certified else Status.ABSTAINED,
        prediction=selected if found.certified else ABSTAIN,
        radius=found.radius,
        prob_lower=found.prob_lower,
        count=found.count,
        n=found.n,
        alpha=settings.rule.alpha,
        seed=settings.seed,
        adversary=norm_name(radius.adversary),
        guarantee=radius.guarantee,
        route=radius.route,
        noise=smoother.describe(),
        label=label,
        seconds=time.perf_counter() - start,
        radius_alpha=radius_alpha(radius),
        rule=found.rule,
        votes=found.votes,
    )


def _select(
    runner: Runner, smoother: Smoother, image: torch.Tensor, index: int, settings: Settings
) -> int:
    """The class with most votes among n0 copies that are not used again."""
    tally = Tally(index)
    for _ in _looks(runner, smoother, image, (settings.n0,), tally, SELECTION, index, settings):
        pass
    return int(tally.votes().argmax())


def _binary(
    runner: Runner,
    smoother: Smoother,
    image: torch.Tensor,
    index: int,
    selected: int,
    settings: Settings,
) -> _Evidence:
    """Votes for the selected class, until the rule stops."""
    rule, tally = settings.rule, Tally(index, selected)
    count = n = 0
    for n in _looks(runner, smoother, image, rule.looks, tally, COUNTING, index, settings):
        count = int(tally.votes()[0])
        if rule.stops(count, n):
            break
    prob_lower = rule.limit(count, n)
    certified = prob_lower > 0.5
    # 1 - prob_lower is exact here (Sterbenz), and the radius function rounds down.
    radius = float(smoother.radius(tail=1.0 - prob_lower)) if certified else 0.0
    return _Evidence(prob_lower, radius, certified, count, n, rule.text)


def _all_classes(
    runner: Runner,
    smoother: Smoother,
    image: torch.Tensor,
    index: int,
    selected: int,
    settings: Settings,
) -> _Evidence:
    """Votes for every class."""
    rule, tally, top = settings.rule, Tally(index), settings.top or 1
    if runner.classes is None:
        remedy = "pass classes=, since the model returns class numbers and not logits"
        raise invalid("the number of classes", "known where all classes are counted", None, remedy)
    for _ in _looks(runner, smoother, image, (rule.cap,), tally, COUNTING, index, settings):
        pass
    counts = tally.votes()
    limits = class_limits(counts, selected, runner.classes, rule.alpha)
    # Checked where the settings entered: this radius function has a growth.
    radius = multiclass_radius(limits, cast(GrowingRadius, smoother.radius), top=top)
    count = int(counts[selected]) if selected < len(counts) else 0
    votes = tuple((int(c), int(counts[c])) for c in np.argsort(-counts, kind="stable") if counts[c])
    text = classes_text(runner.classes, top)
    return _Evidence(limits.lower, radius, radius > 0.0, count, rule.cap, text, votes)


def predict_one(
    runner: Runner,
    smoother: Smoother,
    image: torch.Tensor,
    index: int,
    settings: Settings,
) -> int:
    """Class of one image, or ABSTAIN: PREDICT of Cohen et al. 2019."""
    tally = Tally(index)
    cap = (settings.rule.cap,)
    for _ in _looks(runner, smoother, image, cap, tally, COUNTING, index, settings):
        pass
    return _decide(tally.votes(), settings.rule.alpha)


def _looks(
    runner: Runner,
    smoother: Smoother,
    image: torch.Tensor,
    looks: tuple[int, ...],
    tally: Tally,
    stage: int,
    index: int,
    settings: Settings,
) -> Iterator[int]:
    """Draw and count copies up to each look in turn, and yield how many there are."""
    generator = item_generator(settings.seed, index, stage, sampling_device(runner.device))
    copies = NoisyCopies(smoother, runner.placed(image), generator)
    drawn = 0
    for look in looks:
        while drawn < look:
            batch = copies.take(min(runner.batch_size, look - drawn))
            tally.add(runner(batch))
            drawn += len(batch)
        yield drawn


def _decide(counts: Counted, alpha: float) -> int:
    """The winner, if its lead over the runner-up is significant; otherwise ABSTAIN."""
    order = np.argsort(-counts, kind="stable")
    first = int(counts[order[0]])
    second = int(counts[order[1]]) if len(order) > 1 else 0
    # P[Binomial(first + second, 1/2) >= first], doubled for the two sides.
    p_value = 2.0 * float(betainc(first, second + 1.0, 0.5))
    return int(order[0]) if p_value <= alpha else ABSTAIN
