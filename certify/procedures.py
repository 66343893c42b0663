"""CERTIFY and PREDICT for one image."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import betainc

from certify.certificate import ABSTAIN, Certificate, Status
from certify.confidence import clopper_pearson_lower
from certify.forward import BaseClassifier, Counted, class_counts, count_class, predicted_classes
from certify.inputs import model_placement
from certify.interfaces import Smoother, norm_name, radius_alpha
from certify.sampling import sampling_device
from certify.streams import COUNTING, SELECTION, item_generator, noisy_batches

__all__ = ["Settings", "certify_one", "predict_one"]


@dataclass(frozen=True)
class Settings:
    """Statistics and seed of a run; checked where they enter."""

    alpha: float
    n: int
    n0: int
    batch_size: int
    seed: int


def certify_one(
    model: BaseClassifier,
    smoother: Smoother,
    image: torch.Tensor,
    index: int,
    label: int | None,
    settings: Settings,
) -> Certificate:
    """Certificate of one image: CERTIFY of Cohen et al. 2019 with the smoother's own radius."""
    start = time.perf_counter()
    radius = smoother.radius
    selection = _classes(model, smoother, image, settings.n0, index, SELECTION, settings)
    selected = int(class_counts(selection, index).argmax())
    counting = _classes(model, smoother, image, settings.n, index, COUNTING, settings)
    count = count_class(counting, selected, index)
    prob_lower = float(clopper_pearson_lower(count, settings.n, settings.alpha))
    certified = prob_lower > 0.5
    return Certificate(
        index=index,
        status=Status.CERTIFIED if certified else Status.ABSTAINED,
        prediction=selected if certified else ABSTAIN,
        # 1 - prob_lower is exact here (Sterbenz), and the radius function rounds down.
        radius=float(radius(tail=1.0 - prob_lower)) if certified else 0.0,
        prob_lower=prob_lower,
        count=count,
        n=settings.n,
        alpha=settings.alpha,
        seed=settings.seed,
        adversary=norm_name(radius.adversary),
        guarantee=radius.guarantee,
        route=radius.route,
        noise=smoother.describe(),
        label=label,
        seconds=time.perf_counter() - start,
        radius_alpha=radius_alpha(radius),
    )


def predict_one(
    model: BaseClassifier,
    smoother: Smoother,
    image: torch.Tensor,
    index: int,
    settings: Settings,
) -> int:
    """Class of one image, or ABSTAIN: PREDICT of Cohen et al. 2019."""
    votes = _classes(model, smoother, image, settings.n, index, COUNTING, settings)
    return _decide(class_counts(votes, index), settings.alpha)


def _classes(
    model: BaseClassifier,
    smoother: Smoother,
    image: torch.Tensor,
    n: int,
    index: int,
    stage: int,
    settings: Settings,
) -> Iterator[torch.Tensor]:
    """Classes of the first `n` noisy copies of one stage, batch by batch."""
    device, dtype = model_placement(model, image)
    # The sum is rounded once, to the model's type, unless the image itself is wider.
    x = image.to(device=device, dtype=torch.promote_types(image.dtype, dtype))
    generator = item_generator(settings.seed, index, stage, sampling_device(device))
    for batch in noisy_batches(smoother, x, n, settings.batch_size, generator):
        yield predicted_classes(model, batch.to(dtype))


def _decide(counts: Counted, alpha: float) -> int:
    """The winner, if its lead over the runner-up is significant; otherwise ABSTAIN."""
    order = np.argsort(-counts, kind="stable")
    first = int(counts[order[0]])
    second = int(counts[order[1]]) if len(order) > 1 else 0
    # P[Binomial(first + second, 1/2) >= first], doubled for the two sides.
    p_value = 2.0 * float(betainc(first, second + 1.0, 0.5))
    return int(order[0]) if p_value <= alpha else ABSTAIN
