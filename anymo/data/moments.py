"""Moments of a corpus, played at some speed or mirrored: what ideal sensors read then, and the pose.

Shapes: N sensors, L grid frames, M samples wanted, B moments, F pose frames.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F

from anymo.data.arrow import EDGE_FRAMES, GRID_HZ, POSE_HZ
from anymo.data.corpus import MotionCorpus
from anymo.skeleton import MIRROR, NUM_SEGMENTS, PARENTS

# Powers of the playback speed: A and B go with s², u stays, w goes with s.
_POWER = torch.tensor([2.0] * 3 + [0.0] * 3 + [2.0] * 9 + [1.0] * 3, dtype=torch.float64)
# Mirrored in the plane y = 0 by M = diag(1, -1, 1), a segment moves as its twin: p' = M p and R' = M R M, so
# A' = M A, u' = M u, B' = M B M, and w' = -M w, the axis of a turn.
_M = torch.tensor([1.0, -1.0, 1.0], dtype=torch.float64)
_SIGN = torch.cat([_M, _M, torch.outer(_M, _M).flatten(), -_M])
_POSE_SIGN = torch.cat([torch.outer(_M, _M)[:, :2].flatten().repeat(len(MIRROR)), _M])
_TWIN = torch.tensor(MIRROR)
_POSE_TWIN = torch.cat([(6 * _TWIN[:, None] + torch.arange(6)).flatten(), 6 * len(MIRROR) + torch.arange(3)])

_IDLE = 1e-3  # summed squared steps of a limb's rotation matrices at 12 Hz: about 0.3 rad/s
_SLOWEST_CLOCK = 1.06  # of devices, six standard deviations of the worst


class Moments(NamedTuple):
    """Where windows are taken from.

    clip      index into the corpus                          (B,) int64
    start     grid frames into the clip                      (B,)
    speed     of playback                                    (B,)
    mirrored  left and right of the movement are swapped     (B,) bool
    """

    clip: torch.Tensor
    start: torch.Tensor
    speed: torch.Tensor
    mirrored: torch.Tensor

    def of(self, rows: torch.Tensor) -> "Moments":
        """Some of them, in any order.

        Args:
            rows: indices (n,) int64 or a mask (N,) bool.
        """
        return Moments(*(values[rows] for values in self))


class Sensors(NamedTuple):
    """Sensors worn at moments.

    moments  when each is worn
    segment  index into skeleton.SEGMENTS that carries it         (N,) int64
    matrix   of `anymo.simulation.placement_matrix`               (N, 18, 6)
    """

    moments: Moments
    segment: torch.Tensor
    matrix: torch.Tensor


class IdealSignals(NamedTuple):
    """What ideal sensors read on the corpus's grid, from a little before their windows begin.

    on_grid  specific force m/s², angular velocity rad/s, sensor frame    (N, L, 6)
    start    of the window, in frames of on_grid                          (N,) float64
    end      of the clip, likewise: past it the last value is held        (N,) int64
    pace     frames to a second of the window                             (N,) float64
    """

    on_grid: torch.Tensor
    start: torch.Tensor
    end: torch.Tensor
    pace: torch.Tensor

    def of(self, rows: torch.Tensor) -> "IdealSignals":
        """Some of them, in any order.

        Args:
            rows: indices (n,) int64 or a mask (N,) bool.
        """
        return IdealSignals(*(values[rows] for values in self))

    def at(self, rate_hz: float, num: int, clock: torch.Tensor | float = 1.0) -> torch.Tensor:
        """Samples (N, M, 6) between the frames, by cubic convolution (Keys 1981, a = -1/2).

        Args:
            rate_hz: of the samples, Hz.
            num: how many, M.
            clock: interval between them over the nominal one, a number or one per sensor (N,).
        """
        device = self.on_grid.device
        step = (self.pace * clock / rate_hz)[:, None]
        position = torch.minimum(
            self.start[:, None] + torch.arange(num, device=device) * step, self.end[:, None]
        )
        return _between(self.on_grid, position)


def ideal_signals(corpus: MotionCorpus, sensors: Sensors, duration_s: float) -> IdealSignals:
    """What N ideal sensors read over some seconds: the matrix product, where the corpus's frames lie.

    Args:
        corpus: whose frames are read.
        sensors: N sensors, each with its moment, segment and matrix.
        duration_s: how long they read, s.
    """
    moments = sensors.moments
    before = moments.start.floor().long() - 1
    first = corpus.first[moments.clip]
    last = corpus.first[moments.clip + 1] - first - 1
    reach = torch.arange(int(float(moments.speed.max()) * duration_s * GRID_HZ * _SLOWEST_CLOCK) + 6)
    frames = first[:, None] + torch.minimum(before[:, None] + reach, last[:, None])
    carrier = torch.where(moments.mirrored, _TWIN[sensors.segment], sensors.segment)
    features = corpus.features[frames, carrier[:, None]]
    factor = torch.where(moments.mirrored[:, None], _SIGN, 1.0) * moments.speed[:, None] ** _POWER
    end = torch.clamp(last - EDGE_FRAMES - 2 - before, max=len(reach) - 3)
    where = moments.start - before, end, moments.speed * GRID_HZ
    return IdealSignals(
        features @ (sensors.matrix * factor[..., None]).to(features), *(t.to(features.device) for t in where)
    )


def lasting_s(corpus: MotionCorpus, moments: Moments) -> torch.Tensor:
    """(B,) s of each moment's window until its clip ends, float64."""
    last = corpus.first[moments.clip + 1] - corpus.first[moments.clip] - 1
    return (last - EDGE_FRAMES - 2 - moments.start) / (moments.speed * GRID_HZ)


def pose_of(corpus: MotionCorpus, moments: Moments, window_s: float) -> torch.Tensor:
    """(B, F, POSE_SIZE) at 12 Hz, to the nearest frame of the corpus.

    Args:
        corpus: whose poses are read.
        moments: B moments.
        window_s: how long each lasts, s; F = 12 window_s.
    """
    num = int(window_s * POSE_HZ)
    frames = (moments.start * (POSE_HZ / GRID_HZ))[:, None] + torch.arange(num) * moments.speed[:, None]
    first, last = corpus.first_pose[moments.clip], corpus.first_pose[moments.clip + 1] - 1
    pose = corpus.pose[torch.minimum(first[:, None] + frames.round().long(), last[:, None])]
    rows = moments.mirrored.nonzero().flatten().to(pose.device)
    pose[rows] = pose[rows].index_select(2, _POSE_TWIN.to(pose.device)) * _POSE_SIGN.to(pose)
    pose[..., -3:] *= moments.speed.to(pose)[:, None, None]  # the pelvis velocity
    return pose


def busier_side(pose: torch.Tensor) -> torch.Tensor:
    """(B, 23) bool: segments that turn against the trunk at over 1.4 times the rate of their twins.

    Args:
        pose: (B, F, POSE_SIZE) of `pose_of`.
    """
    local = pose[..., : 6 * NUM_SEGMENTS].unflatten(-1, (NUM_SEGMENTS, 6))
    steps = local.diff(dim=1).square().sum(-1).mean(1)
    turning = steps @ _LIMB.T.to(steps)
    busier: torch.Tensor = (turning > 2 * turning[:, _TWIN]) & (turning > _IDLE)
    return busier


def _limb() -> torch.Tensor:
    """(23, 23): one where the second is the first segment, or lies between it and the trunk."""
    limb = torch.zeros(NUM_SEGMENTS, NUM_SEGMENTS)
    for segment in range(NUM_SEGMENTS):
        at = segment
        while MIRROR[at] != at:
            limb[segment, at] = 1.0
            at = PARENTS[at]
    return limb


_LIMB = _limb()


def _between(on_grid: torch.Tensor, position: torch.Tensor) -> torch.Tensor:
    """Cubic convolution of (N, L, 6) at positions (N, M) in its frames."""
    num, length, channels = on_grid.shape
    whole = position.floor()
    t = (position - whole).to(on_grid.dtype)
    weights = torch.stack(
        [
            ((-0.5 * t + 1.0) * t - 0.5) * t,
            (1.5 * t - 2.5) * t * t + 1.0,
            ((-1.5 * t + 2.0) * t + 0.5) * t,
            (0.5 * t - 0.5) * t * t,
        ],
        dim=-1,
    )
    device = on_grid.device
    left = whole.long() - 1 + length * torch.arange(num, device=device)[:, None]
    mixed = F.embedding_bag(
        (left[..., None] + torch.arange(4, device=device)).view(-1, 4),
        on_grid.reshape(-1, channels),
        per_sample_weights=weights.view(-1, 4),
        mode="sum",
    )
    return mixed.view(num, -1, channels)
