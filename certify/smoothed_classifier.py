"""The smoothed classifier: what class wins under noise, and how far away that is certain."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
import torch

from certify.certificate import Certificate, CertificateBatch
from certify.forward import BaseClassifier, evaluation_mode
from certify.inputs import check_batch_size, check_images, check_indices, check_labels
from certify.interfaces import ACCEPTED_BY_DEFAULT, RadiusLike, Smoother, check_acceptable
from certify.logs import LogWriter
from certify.planning import check_settings
from certify.procedures import Settings, certify_one, predict_one
from certify.progress import reporter
from certify.smoothers import AdditiveSmoother, as_radius
from numerics.validation import check_alpha, check_count
from smoothing.distribution import SmoothingDistribution
from smoothing.norms import Norm

__all__ = ["SmoothedClassifier"]


class SmoothedClassifier:
    """A base classifier under noise.

    Parameters
    ----------
    model : torch.nn.Module or callable
        Maps inputs (batch, *shape) to logits (batch, classes) or to class numbers (batch,). A
        module is used where it lies (its device and floating type).
    q : SmoothingDistribution
        The noise, of the dimension of an image.
    adversary : {"l1", "l2", "linf"}, Norm or RadiusFunction
        Threat model; a norm is turned into a radius function by `radii.derive`.

    Raises
    ------
    InvalidInputError
        A radius function of another noise or dimension.
    UnsupportedPairError
        No route derives a radius for this noise and norm.

    References
    ----------
    .. [1] Cohen, Rosenfeld and Kolter, Certified adversarial robustness via randomized smoothing,
       ICML 2019, section 3.2 (PREDICT and CERTIFY).

    Examples
    --------
    >>> import radii
    >>> brighter = lambda images: (images.mean(dim=1) > 0.5).long()
    >>> q = radii.families.uniform_cube(4, scale=0.5)
    >>> smoothed = SmoothedClassifier(brighter, q, "l1")
    >>> print(smoothed.certify(torch.ones(1, 4), n=1000, seed=0)[0])
    image 0: class 1 certified within ... in l1 (... of 1000, alpha = 0.001)
    """

    def __init__(
        self,
        model: BaseClassifier,
        q: SmoothingDistribution,
        adversary: str | Norm | RadiusLike,
    ) -> None:
        self.model = model
        self.smoother: Smoother = AdditiveSmoother(q, as_radius(q, adversary))

    @classmethod
    def from_smoother(cls, model: BaseClassifier, smoother: Smoother) -> SmoothedClassifier:
        """A base classifier under any randomisation that knows its radius."""
        made = cls.__new__(cls)
        made.model, made.smoother = model, smoother
        return made

    def certify(
        self,
        images: Any,
        *,
        alpha: float = 1e-3,
        n: int = 100_000,
        n0: int = 64,
        batch_size: int | None = None,
        seed: int = 0,
        labels: Sequence[int] | Any = None,
        indices: Sequence[int] | Any = None,
        accept: tuple[str, ...] = ACCEPTED_BY_DEFAULT,
        log: str | os.PathLike[str] | None = None,
        progress: bool | Callable[[int, int], None] = False,
    ) -> CertificateBatch:
        """Certificates of images.

        `n0` noisy copies select a class, `n` fresh ones count it; the one-sided Clopper–Pearson
        limit of that count at `alpha` gives the radius, and a limit of at most 1/2 an abstention.

        Parameters
        ----------
        images : tensor or array, shape (m, *shape)
            Floating-point images in the range the model expects *before* noise.
        alpha : float
            Probability, per image, of a wrong certificate.
        n, n0 : int
            Noisy copies for counting and for selection.
        batch_size : int, optional
            Copies per forward pass; by default 256, fewer for large images. It changes speed and
            memory, not the noise (but a model's last bits may depend on its batch, and a tie of
            two logits with them).
        seed : int
            With an image's index it fixes the image's noise.
        labels : sequence of int, optional
            True classes.
        indices : sequence of int, optional
            Numbers of the images in their data set; 0, 1, ... by default.
        accept : tuple of str
            Guarantees of the radius function to accept; "statistical" must be asked for, and its
            failure probability is added to that of the certificate.
        log : path, optional
            Append every certificate to this file as soon as it is made (see `certify.logs`).
        progress : bool or callable
            Show a progress bar, or call a function with (images done, images in all).

        Returns
        -------
        CertificateBatch

        Raises
        ------
        InvalidInputError
            Settings that can never certify (with the smallest that can), images of another
            dimension than the noise, a model output of another shape, NaN; an unaccepted guarantee.
        LogFormatError
            The log is damaged or already holds one of the images.
        """
        check_acceptable(self.smoother.radius, accept)
        check_settings(alpha, n, n0, self.smoother.radius)
        size = check_batch_size(batch_size, self.smoother.dim)
        settings = Settings(float(alpha), int(n), int(n0), size, check_count("seed", seed))
        tensor = check_images(images, self.smoother.dim)
        targets = check_labels(labels, len(tensor))
        numbers = check_indices(indices, len(tensor))
        done: list[Certificate] = []
        with ExitStack() as stack:
            writer = None if log is None else stack.enter_context(LogWriter(log))
            if writer is not None:
                writer.refuse_duplicates(numbers)
            report = stack.enter_context(reporter(progress, len(tensor)))
            with evaluation_mode(self.model), torch.inference_mode():
                for image, index, label in zip(tensor, numbers, targets, strict=True):
                    certificate = certify_one(
                        self.model, self.smoother, image, index, label, settings
                    )
                    done.append(certificate)
                    if writer is not None:
                        writer.write(certificate)
                    report(len(done), len(tensor))
        return CertificateBatch(tuple(done))

    def predict(
        self,
        images: Any,
        *,
        alpha: float = 1e-3,
        n: int = 1000,
        batch_size: int | None = None,
        seed: int = 0,
        indices: Sequence[int] | Any = None,
    ) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Classes of the smoothed classifier, or -1 where `n` noisy copies do not decide.

        The class with most votes is returned if an exact two-sided binomial test rejects, at level
        `alpha`, that it and the runner-up are equally likely (PREDICT of Cohen et al.); a returned
        class is then wrong with probability at most `alpha`.

        Parameters
        ----------
        images, alpha, n, batch_size, seed, indices
            As for `certify`.

        Returns
        -------
        ndarray of int64, shape (m,)
        """
        size = check_batch_size(batch_size, self.smoother.dim)
        total = check_count("n", n, minimum=1)
        settings = Settings(check_alpha(alpha), total, 0, size, check_count("seed", seed))
        tensor = check_images(images, self.smoother.dim)
        numbers = check_indices(indices, len(tensor))
        with evaluation_mode(self.model), torch.inference_mode():
            classes = [
                predict_one(self.model, self.smoother, image, index, settings)
                for image, index in zip(tensor, numbers, strict=True)
            ]
        return np.array(classes, dtype=np.int64)
