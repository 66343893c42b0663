"""The smoothed classifier: what class wins under noise, and how far away that is certain."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from certify.certificate import CertificateBatch
from certify.certifier import Certifier, certify_all, run_settings
from certify.distributed import Workers
from certify.execution import Execution
from certify.forward import evaluation_mode
from certify.input_space import InputSpace
from certify.inputs import check_images, check_indices, check_labels
from certify.interfaces import ACCEPTED_BY_DEFAULT, RadiusLike, Smoother, check_acceptable
from certify.logs import LogWriter
from certify.modes import choose_rule, shared_alpha
from certify.multiclass import check_top
from certify.procedures import Settings
from certify.runner import BaseClassifier
from certify.smoothers import AdditiveSmoother, as_radius
from certify.stopping import FixedRule
from numerics.progress import reporter
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
    inputs : InputSpace, optional
        Range of the images, which is then checked, and the normalisation that follows the noise.
    execution : Execution, optional
        Batch size, autocast, compilation, memory layout.
    classes : int, optional
        Number of classes; by default the width of the logits.

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
    >>> import radii, torch
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
        *,
        inputs: InputSpace | None = None,
        execution: Execution | None = None,
        classes: int | None = None,
    ) -> None:
        self.smoother: Smoother = AdditiveSmoother(q, as_radius(q, adversary))
        self._set(model, inputs, execution, classes)

    @classmethod
    def from_smoother(
        cls,
        model: BaseClassifier,
        smoother: Smoother,
        *,
        inputs: InputSpace | None = None,
        execution: Execution | None = None,
        classes: int | None = None,
    ) -> SmoothedClassifier:
        """A base classifier under any randomisation that knows its radius."""
        made = cls.__new__(cls)
        made.smoother = smoother
        made._set(model, inputs, execution, classes)
        return made

    def _set(
        self,
        model: BaseClassifier,
        inputs: InputSpace | None,
        execution: Execution | None,
        classes: int | None,
    ) -> None:
        self.model, self.inputs = model, inputs
        self.execution = execution or Execution()
        self.classes = None if classes is None else check_count("classes", classes, minimum=1)

    def certify(
        self,
        images: Any,
        *,
        labels: Sequence[int] | Any = None,
        alpha: float = 1e-3,
        n: int = 100_000,
        n0: int = 64,
        target: float | None = None,
        gain: float | None = None,
        step: int | None = None,
        top: int | None = None,
        family: int = 1,
        seed: int = 0,
        indices: Sequence[int] | Any = None,
        batch_size: int | None = None,
        accept: tuple[str, ...] = ACCEPTED_BY_DEFAULT,
        log: str | os.PathLike[str] | None = None,
        log_settings: Mapping[str, str] | None = None,
        progress: bool | Callable[[int, int], None] = False,
        workers: Workers | None = None,
    ) -> CertificateBatch:
        """Certificates of images.

        `n0` noisy copies select a class, fresh ones count it; a lower confidence limit of its
        probability at `alpha` gives the radius, and a limit of at most 1/2 an abstention. How many
        copies are counted depends on the mode, its guarantee does not:

        * by default `n`, with the one-sided Clopper-Pearson limit;
        * with `target` as many as it takes to decide whether that radius is certified, at most `n`;
        * with `gain` until `step` more cannot raise the radius by more than that, at most `n`;
        * with `top` `n` again, but all classes are counted: the certificate says that the class
          stays among the `top` most probable (1: that it stays first, also below probability 1/2).

        Parameters
        ----------
        images : tensor or array, shape (m, *shape)
            Floating-point images in the range the model expects *before* noise.
        labels : sequence of int, optional
            True classes.
        alpha : float
            Probability, per image, of a wrong certificate.
        n, n0 : int
            Noisy copies for counting (or their cap) and for selection.
        target, gain, step, top
            Mode; see above. `target` and `gain` are radii in input units.
        family : int
            With the number of images of a data set, `alpha` bounds the probability that *any* of
            their certificates is wrong: each image gets alpha / family (Bonferroni).
        seed : int
            With an image's index it fixes the image's noise.
        indices : sequence of int, optional
            Numbers of the images in their data set; 0, 1, ... by default.
        batch_size : int, optional
            Copies per forward pass, instead of that of `execution`. It changes speed and memory,
            not the noise (but a model's last bits may depend on its batch, and a tie of two logits
            with them).
        accept : tuple of str
            Guarantees of the radius function to accept; "statistical" must be asked for, and its
            failure probability is added to that of the certificate.
        log : path, optional
            Append every certificate to this file as soon as it is made (see `certify.logs`).
            Images that the file already holds are read from it: repeating a call resumes it.
        log_settings : mapping of str to str, optional
            More settings to state in the log and to compare on resuming, such as the data's name.
        progress : bool or callable
            Show a progress bar, or call a function with (images done, images in all).
        workers : Workers, optional
            Certify images side by side, in processes or on a Ray cluster (`certify.distributed`).
            The results are the same.

        Returns
        -------
        CertificateBatch

        Raises
        ------
        InvalidInputError
            Settings that can never certify (with the smallest that can), images of another
            dimension than the noise, a model output of another shape, NaN; an unaccepted guarantee.
        LogFormatError
            The log is damaged, in use, or of other settings (with the difference).
        """
        radius = self.smoother.radius
        check_acceptable(radius, accept)
        share = shared_alpha(check_alpha(alpha), family)
        rule = choose_rule(radius, alpha=share, n=n, n0=n0, target=target, gain=gain, step=step)
        if top is not None:
            check_top(top, self.classes, radius, one_mode=target is None and gain is None)
        settings = Settings(rule, int(n0), check_count("seed", seed), top)
        execution = self._execution(batch_size)
        tensor = check_images(images, self.smoother.dim)
        if self.inputs is not None:
            self.inputs.check(tensor)
        targets = check_labels(labels, len(tensor))
        numbers = check_indices(indices, len(tensor))
        certifier = Certifier(
            self.model,
            self.smoother,
            settings,
            execution,
            self.inputs,
            self.classes,
            copies=len(tensor) * rule.cap,
        )
        run = partial(certify_all if workers is None else workers.certify, certifier)
        if log is None:
            with evaluation_mode(self.model), reporter(progress, len(tensor)) as report:
                return run(tensor, numbers, targets, None, report)
        stated = run_settings(self.model, self.smoother, settings, execution, self.inputs)
        with (
            LogWriter(log, settings={**stated, **(log_settings or {})}) as writer,
            evaluation_mode(self.model),
            reporter(progress, len(tensor)) as report,
        ):
            return run(tensor, numbers, targets, writer, report)

    def _execution(self, batch_size: int | None) -> Execution:
        return (
            self.execution if batch_size is None else replace(self.execution, batch_size=batch_size)
        )

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
        total = check_count("n", n, minimum=1)
        settings = Settings(FixedRule(total, check_alpha(alpha)), 0, check_count("seed", seed))
        tensor = check_images(images, self.smoother.dim)
        if self.inputs is not None:
            self.inputs.check(tensor)
        numbers = check_indices(indices, len(tensor))
        certifier = Certifier(
            self.model,
            self.smoother,
            settings,
            self._execution(batch_size),
            self.inputs,
            self.classes,
        )
        with evaluation_mode(self.model):
            classes = [
                certifier.predict(image, index)
                for image, index in zip(tensor, numbers, strict=True)
            ]
        return np.array(classes, dtype=np.int64)
