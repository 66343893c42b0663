"""Balls of perturbations: projections onto them, and steps of steepest ascent in their norms."""

from __future__ import annotations

import torch

from numerics.validation import check_choice

__all__ = ["BALLS", "ascent_step", "norms", "project"]

#: Norms whose balls attacks can search.
BALLS = ("l1", "l2", "linf")

#: Share of the coordinates that a step in l_1 moves. One coordinate is the steepest step there and
#: needs a step per coordinate; a hundredth of them is the compromise of Tramer and Boneh 2019.
_L1_SHARE = 0.01


def norms(x: torch.Tensor, ball: str) -> torch.Tensor:
    """Norm of every row, shape (m,)."""
    order = {"l1": 1.0, "l2": 2.0, "linf": float("inf")}[check_choice("norm", ball, BALLS)]
    return torch.linalg.vector_norm(x.flatten(1), ord=order, dim=1)


def project(x: torch.Tensor, radius: torch.Tensor | float, ball: str) -> torch.Tensor:
    """Nearest points (in l_2) of a ball around 0.

    Parameters
    ----------
    x : tensor, shape (m, ...)
        Perturbations.
    radius : tensor of shape (m,), or float
        Radii >= 0.
    ball : {"l1", "l2", "linf"}
        Norm.

    References
    ----------
    .. [1] Duchi et al., Efficient projections onto the l1-ball for learning in high dimensions,
       ICML 2008, figure 1.

    Examples
    --------
    >>> project(torch.tensor([[3.0, -4.0]]), 5.0, "l1")
    tensor([[ 2., -3.]])
    """
    flat = x.flatten(1)
    limit = torch.as_tensor(radius, dtype=x.dtype, device=x.device).expand(len(x)).unsqueeze(1)
    if check_choice("norm", ball, BALLS) == "linf":
        inside = torch.minimum(torch.maximum(flat, -limit), limit)
    elif ball == "l2":
        size = flat.norm(dim=1, keepdim=True)
        inside = torch.where(size > limit, flat * (limit / size.clamp_min(1e-30)), flat)
    else:
        inside = _project_l1(flat, limit)
    return inside.reshape(x.shape)


def _project_l1(flat: torch.Tensor, limit: torch.Tensor) -> torch.Tensor:
    """Shrink all magnitudes by the one amount that makes their sum the radius."""
    magnitude = flat.abs()
    ordered = magnitude.sort(dim=1, descending=True).values
    excess = ordered.cumsum(dim=1) - limit
    counts = torch.arange(1, flat.shape[1] + 1, device=flat.device, dtype=flat.dtype)
    kept = (ordered * counts > excess).sum(dim=1, keepdim=True).clamp_min(1)
    threshold = excess.gather(1, kept - 1) / kept
    shrunk = flat.sign() * (magnitude - threshold.clamp_min(0.0)).clamp_min(0.0)
    outside = magnitude.sum(dim=1, keepdim=True) > limit
    return torch.where(outside, shrunk, flat) * (limit > 0)


def ascent_step(gradient: torch.Tensor, ball: str) -> torch.Tensor:
    """Direction of norm 1 along which a function grows fastest (for l_1: almost, see above)."""
    flat = gradient.flatten(1)
    if check_choice("norm", ball, BALLS) == "linf":
        step = flat.sign()
    elif ball == "l2":
        step = flat / flat.norm(dim=1, keepdim=True).clamp_min(1e-30)
    else:
        many = max(1, round(_L1_SHARE * flat.shape[1]))
        where = flat.abs().topk(many, dim=1).indices
        step = torch.zeros_like(flat).scatter_(1, where, flat.gather(1, where).sign() / many)
    return step.reshape(gradient.shape)
