"""PyTorch as an array library for sampling recipes, on any device with float64.

The counterpart of `smoothing.sampling.NumpyArrays`; both follow `smoothing.recipes.Arrays`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from numerics.tail_kernels import BINS, FIRST_BIN, HALF, LOCAL_BITS, LOCAL_MASK
from numerics.tail_table import BIN_DEGREE, TailTable

__all__ = ["TorchArrays"]


class TorchArrays:
    """Operations of sampling recipes on tensors of one device."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._tables: dict[int, tuple[TailTable, _TensorTable]] = {}

    def at_uniforms(self, table: TailTable, uniforms: torch.Tensor) -> torch.Tensor:
        """Values of a table at uniforms k 2^-53, same shape."""
        return self.read(table, self.signed_tails(uniforms))

    def read(self, table: TailTable, tails: torch.Tensor) -> torch.Tensor:
        """Values of a table at signed tails, same shape."""
        # Keyed by identity; the table is kept beside its copy, so an id is never used again.
        if id(table) not in self._tables:
            self._tables[id(table)] = (table, _TensorTable(table, self._device))
        return self._tables[id(table)][1](tails)

    def signed_tails(self, uniforms: torch.Tensor) -> torch.Tensor:
        """Uniforms as signed tails (see `numerics.tail_table.signed_tails`)."""
        centred = uniforms - HALF
        return torch.copysign(0.5 - centred.abs(), centred)

    def truncated_tails(
        self, tails: torch.Tensor, inside: torch.Tensor, outside: torch.Tensor
    ) -> torch.Tensor:
        """Signed tails scaled into a truncated law (see `smoothing.recipes.Maximum`)."""
        size = tails.abs()
        share = 1 - 2 * size
        below = share * inside
        return torch.where(below < 0.5, -below, 2 * size + share * outside)

    def row_norms(self, array: torch.Tensor, order: int) -> torch.Tensor:
        """Norms of order 1 or 2 of the rows, as a column."""
        return torch.linalg.vector_norm(array, ord=order, dim=1, keepdim=True)

    def clipped(
        self, magnitudes: torch.Tensor, limits: torch.Tensor, signs: torch.Tensor
    ) -> torch.Tensor:
        """min(magnitudes, limits) with the signs of the third tensor."""
        return torch.copysign(torch.minimum(magnitudes, limits), signs)

    def select(self, array: torch.Tensor, columns: npt.NDArray[np.intp]) -> torch.Tensor:
        """Some columns of a tensor."""
        return array[:, self._indices(columns)]

    def put(self, array: torch.Tensor, columns: npt.NDArray[np.intp], values: torch.Tensor) -> None:
        """Replace some columns of a tensor."""
        array[:, self._indices(columns)] = values

    def put_faces(
        self, array: torch.Tensor, uniforms: torch.Tensor, magnitudes: torch.Tensor
    ) -> None:
        """In each row set one random entry to +magnitude or -magnitude."""
        entry = (uniforms[:, :1] * (2 * array.shape[1])).to(torch.int64)
        signs = 1.0 - 2.0 * (entry % 2)
        array.scatter_(1, entry // 2, signs * magnitudes)

    def in_cells(
        self,
        ends: npt.NDArray[np.float64],
        centres: npt.NDArray[np.float64],
        edges: npt.NDArray[np.float64],
        choices: torch.Tensor,
        uniforms: torch.Tensor,
    ) -> torch.Tensor:
        """Points of cells, see `smoothing.recipes.Arrays`."""
        ends_, centres_, edges_ = (
            torch.as_tensor(a, device=self._device) for a in (ends, centres, edges)
        )
        cell = torch.searchsorted(ends_, choices[:, 0].contiguous(), right=True)
        points = centres_[cell]
        for j in range(edges.shape[1]):
            points += (uniforms[:, j : j + 1] - 0.5) * edges_[cell, j]
        return torch.where(uniforms[:, -1:] < 0.5, -points, points)

    def empty_like(self, array: torch.Tensor) -> torch.Tensor:
        """A tensor of the same shape to fill."""
        return torch.empty_like(array)

    def _indices(self, columns: npt.NDArray[np.intp]) -> torch.Tensor:
        return torch.from_numpy(columns).to(self._device)


class _TensorTable:
    """A `TailTable` copied to a device; the algorithm is that of `numerics.tail_kernels`."""

    def __init__(self, table: TailTable, device: torch.device) -> None:
        def copy(array: npt.NDArray[np.float64]) -> torch.Tensor:
            return torch.from_numpy(np.ascontiguousarray(array)).to(device)

        self._bins = copy(table.bins.T)  # one row per power: gathered one at a time
        self._left, self._width = copy(table.left), copy(table.width)
        self._series = copy(table.series.T)
        self._lower = table.lower_count

    def __call__(self, tails: torch.Tensor) -> torch.Tensor:
        p, upper = tails.abs(), tails > 0
        bits = p.view(torch.int64)
        place = ((bits >> LOCAL_BITS) - FIRST_BIN).clamp_(0, BINS - 1).add_(BINS * upper)
        z = (bits & LOCAL_MASK).to(p.dtype).mul_(2.0**-LOCAL_BITS).sub_(0.5)
        result = self._bins[BIN_DEGREE][place]
        for power in range(BIN_DEGREE - 1, -1, -1):
            result = result.mul_(z).add_(self._bins[power][place])
        rare = torch.isnan(result)
        result[rare] = self._from_pieces(p[rare], upper[rare])
        return result

    def _from_pieces(self, p: torch.Tensor, upper: torch.Tensor) -> torch.Tensor:
        """Legendre series (Clenshaw) of the pieces that hold p."""
        low = torch.searchsorted(self._left[: self._lower].contiguous(), p, right=True) - 1
        high = torch.searchsorted(self._left[self._lower :].contiguous(), p, right=True) - 1
        piece = torch.where(upper, high.clamp_min(0) + self._lower, low.clamp_min(0))
        z = (2.0 * (p - self._left[piece]) / self._width[piece] - 1.0).clamp_(-1.0, 1.0)
        first, second = torch.zeros_like(z), torch.zeros_like(z)
        for k in range(len(self._series) - 1, 0, -1):
            ahead = (2 * k + 1) / (k + 1) * z * first - (k + 1) / (k + 2) * second
            first, second = self._series[k][piece] + ahead, first
        return self._series[0][piece] + z * first - 0.5 * second
