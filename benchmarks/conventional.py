"""The usual way to simulate a worn sensor, vectorised: differences of its world path, nearest frames.

Central differences of central differences for acceleration, as np.gradient twice, and the angle between the
frames before and after for the gyroscope; each frame is turned into the sensor, and a sample is that of its
nearest frame.
"""

import torch

from anymo.records import GRAVITY_MPS2


def conventional(
    position: torch.Tensor,
    rotation: torch.Tensor,
    offset_m: torch.Tensor,
    mounting: torch.Tensor,
    segment: torch.Tensor,
    frame_rate_hz: float,
    nearest: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Specific force and angular velocity (N, P, 3) at the frames `nearest` to the samples.

    Args:
        position: (T, S, 3) m.
        rotation: (T, S, 3, 3) world from segment.
        offset_m: (P, 3) in the segment's frame.
        mounting: (P, 3, 3) segment from sensor.
        segment: (P,) sorted.
        frame_rate_hz: of the motion.
        nearest: (N,) frames, from 2 to T - 3: the differences need two on each side.
    """
    acc, gyro = position.new_empty(2, len(position) - 4, len(segment), 3)
    first = 0
    for body, num in enumerate(torch.bincount(segment, minlength=position.shape[1]).tolist()):
        if num == 0:
            continue
        chosen = slice(first, first + num)
        first += num
        R, Q = rotation[:, body], mounting[chosen]
        path = position[:, body, :, None] + R @ offset_m[chosen].T
        force = torch.add(path[4:], path[:-4]).sub_(path[2:-2], alpha=2).mul_(frame_rate_hz**2 / 4)
        force[:, 2] += GRAVITY_MPS2
        force = R[2:-2].mT @ force
        for axis in range(3):  # three products of vectors: faster than a product of matrices for each sensor
            turned = force[:, 0] * Q[:, 0, axis]
            turned.addcmul_(force[:, 1], Q[:, 1, axis]).addcmul_(force[:, 2], Q[:, 2, axis])
            acc[:, chosen, axis] = turned
        w = angular_velocity(R[1:-1], frame_rate_hz)
        gyro[:, chosen] = (w @ Q.permute(1, 0, 2).reshape(3, -1)).view(len(w), num, 3)
    return acc.index_select(0, nearest - 2), gyro.index_select(0, nearest - 2)


def angular_velocity(rotation: torch.Tensor, frame_rate_hz: float) -> torch.Tensor:
    """(T - 2, 3) rotation vector from the frame before to the one after, own axes, over two frames."""
    step = rotation[:-2].mT @ rotation[2:]
    vector = torch.stack([step[:, i, j] - step[:, j, i] for i, j in ((2, 1), (0, 2), (1, 0))], dim=-1)
    cosine = (step.diagonal(dim1=-2, dim2=-1).sum(-1) - 1) / 2
    angle = torch.atan2(vector.norm(dim=-1) / 2, cosine)
    return vector * (angle / (2 * torch.sin(angle).clamp_min(1e-9)) * (frame_rate_hz / 2))[:, None]
