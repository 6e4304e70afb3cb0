"""Linear filters over time as matrix products.

A block of samples goes through one matrix, and the states between blocks are found by doubling. Time is the
last axis of every signal here, so that a block is a row of a matrix.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt
import torch

from anymo.records import Array

_BLOCK = 32  # samples to a matrix product
_FORGOTTEN = 1e-9  # what is left of a state when it is dropped
_MOST_DOUBLINGS = 40  # of the distance that states pass over: longer than any signal


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StateSpace:
    """Discrete filter x[k+1] = A x[k] + B u[k], y[k] = C x[k] + D u[k] of one input.

    a (N, N), b (N,), c (O, N), d (O,)
    """

    a: Array
    b: Array
    c: Array
    d: Array

    @classmethod
    def bilinear(cls, a: Array, b: Array, c: Array, d: Array, rate_hz: float, match_hz: float) -> Self:
        """A continuous filter made discrete, exact at 0 and at `match_hz` (Tustin with prewarping).

        Above a quarter of the sampling rate there is nothing to match; then the quarter is matched.

        Args:
            a: (N, N) of dx/dt = a x + b u.
            b: (N,).
            c: (O, N) of y = c x + d u.
            d: (O,).
            rate_hz: of the samples, Hz.
            match_hz: where the discrete filter is exact besides 0, Hz.
        """
        half = _half_step(rate_hz, match_hz)
        identity = np.eye(len(a))
        inverse = np.linalg.inv(identity - half * a)
        return cls(
            a=inverse @ (identity + half * a),
            b=2 * half * inverse @ b,
            c=c @ inverse,
            d=d + half * c @ inverse @ b,
        )

    def impulse(self, num: int) -> Array:
        """(O, num) impulse response."""
        response = np.empty((len(self.c), num))
        response[:, 0], state = self.d, self.b
        for k in range(1, num):
            response[:, k], state = self.c @ state, self.a @ state
        return response

    def run(
        self,
        signal: torch.Tensor,
        stride: int = 1,
        initial: torch.Tensor | None = None,
        num: int | None = None,
    ) -> list[torch.Tensor]:
        """Filter along the last axis and keep every `stride`-th sample from the first.

        Args:
            signal: (..., T).
            stride: decimation, 1, 2, 4, 8 or 16.
            initial: (...) the input held before the first sample; the first sample if None.
            num: how many of the outputs; all if None.

        Returns:
            Each output, (..., ceil(T / stride)).
        """
        length = signal.shape[-1]
        rows = _padded(signal, -length % _BLOCK).reshape(-1, _BLOCK)
        matrices = _matrices(self, stride, signal.dtype, signal.device)
        held = (signal[..., 0] if initial is None else initial).flatten()
        states = self._states(rows, matrices.settled[:, None] * held, matrices)
        outputs = []
        for forced, free in list(zip(matrices.forced, matrices.free, strict=True))[:num]:
            out = (rows @ forced).addmm_(states.T, free)
            outputs.append(out.reshape(*signal.shape[:-1], -1)[..., : -(-length // stride)])
        return outputs

    def _states(self, rows: torch.Tensor, first: torch.Tensor, matrices: "_Matrices") -> torch.Tensor:
        """(N, blocks) states at the start of each block, by doubling (Hillis and Steele 1986).

        States stand first, for a product with few columns is several times slower than one with few rows.
        """
        order, channels = first.shape
        arriving = (matrices.arrive @ rows.T).view(order, channels, -1)
        states = torch.cat([first[:, None], arriving[..., :-1].transpose(1, 2)], dim=1).flatten(1)
        for doubling, jump in enumerate(matrices.jumps):
            if (step := channels << doubling) >= states.shape[1]:
                break
            states[:, step:] += jump @ states[:, :-step]
        return states.view(order, -1, channels).transpose(1, 2).flatten(1)


class _Matrices(NamedTuple):
    """A filter over one block: forced (block, kept) and free (N, kept) of each output, arrive (N, block).

    jumps are the powers of a by which states pass over 1, 2, 4, ... blocks, while anything is left of them.
    """

    forced: list[torch.Tensor]
    free: list[torch.Tensor]
    arrive: torch.Tensor
    jumps: list[torch.Tensor]
    settled: torch.Tensor


@lru_cache(maxsize=256)
def _matrices(space: StateSpace, stride: int, dtype: torch.dtype, device: torch.device) -> _Matrices:
    like = torch.empty(0, dtype=dtype, device=device)
    powers = [np.eye(len(space.a))]
    for _ in range(_BLOCK):
        powers.append(space.a @ powers[-1])
    lag = np.arange(_BLOCK)[:, None] - np.arange(_BLOCK)
    toeplitz = np.where(lag >= 0, space.impulse(_BLOCK)[:, lag], 0.0)[:, ::stride]
    free = np.einsum("on,knm->okm", space.c, np.stack(powers[:-1:stride]))
    jumps = [powers[-1]]
    while np.abs(jumps[-1]).max() > _FORGOTTEN and len(jumps) < _MOST_DOUBLINGS:
        jumps.append(jumps[-1] @ jumps[-1])
    return _Matrices(
        forced=[_tensor(m.T, like) for m in toeplitz],
        free=[_tensor(m.T, like) for m in free],
        arrive=_tensor(np.stack([power @ space.b for power in powers[-2::-1]], axis=1), like),
        jumps=[_tensor(m, like) for m in jumps],
        settled=_tensor(np.linalg.solve(np.eye(len(space.a)) - space.a, space.b), like),
    )


def _half_step(rate_hz: float, match_hz: float) -> float:
    """Half of a sampling interval, s, stretched so that the trapezoidal rule is exact at `match_hz`."""
    omega = 2 * np.pi * min(match_hz, rate_hz / 4)
    return float(np.tan(omega / (2 * rate_hz)) / omega)


def _padded(signal: torch.Tensor, num: int) -> torch.Tensor:
    return torch.nn.functional.pad(signal, (0, num)) if num else signal


@lru_cache(maxsize=256)
def butterworth(cutoff_hz: float, rate_hz: float) -> StateSpace:
    """Second-order Butterworth low-pass; its two outputs are the signal and the derivative, per s."""
    w = 2 * np.pi * cutoff_hz
    a = np.array([[0.0, 1.0], [-w * w, -np.sqrt(2) * w]])
    c = np.diag(
        [1.0, 2 * rate_hz * _half_step(rate_hz, cutoff_hz)]
    )  # the slope exact at 0, not at the cutoff
    return StateSpace.bilinear(a, np.array([0.0, w * w]), c, np.zeros(2), rate_hz, cutoff_hz)


@lru_cache(maxsize=64)
def leaky_mean(time_constant_s: float, rate_hz: float) -> StateSpace:
    """First-order low-pass y[k] = (1 − κ) y[k−1] + κ u[k], κ = 1 − exp(−1 / (τ rate))."""
    keep = np.exp(-1 / (time_constant_s * rate_hz))
    one = np.ones((1, 1))
    return StateSpace(a=keep * one, b=(1 - keep) * one[0], c=keep * one, d=(1 - keep) * one[0])


@lru_cache(maxsize=64)
def recursion(keep: float) -> StateSpace:
    """First-order recursion y[k] = a y[k−1] + u[k]."""
    one = np.ones((1, 1))
    return StateSpace(a=keep * one, b=one[0], c=keep * one, d=one[0])


def coloured(
    normal: Callable[[tuple[int, ...]], torch.Tensor], shape: torch.Size, taps: Array
) -> torch.Tensor:
    """White noise of some shape (..., T), drawn by `normal`, through a symmetric finite filter.

    Args:
        normal: gives standard normal deviates of a shape.
        shape: of the result, time last.
        taps: (K,) of the filter, K odd.
    """
    blocks, reach = -(-shape[-1] // _BLOCK), -(-(len(taps) - 1) // _BLOCK)
    noise = normal((*shape[:-1], blocks + reach, _BLOCK))
    band = np.zeros(((reach + 1) * _BLOCK, _BLOCK))
    for k in range(_BLOCK):
        band[k : k + len(taps), k] = taps
    parts = (noise @ _tensor(rows, noise) for rows in np.split(band, reach + 1))
    total = sum(part[..., s : s + blocks, :] for s, part in enumerate(parts))
    return torch.as_tensor(total).flatten(-2)[..., : shape[-1]]


def _tensor(array: npt.ArrayLike, like: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array)).to(like)
