"""Sensors on deforming skin: each vertex is a weighted sum of rigid points, and so is its acceleration.

Linear blend skinning puts a vertex at x = Σ wₖ (pₖ + Rₖ rₖ) with constant weights wₖ and offsets rₖ in the
segments' frames (Magnenat-Thalmann et al. 1988). Differentiated twice,

    ẍ = Σ wₖ (aₖ + Cₖ rₖ),   Cₖ = ([αₖ]× + [ωₖ]×[ωₖ]×) Rₖ = Rₖ Bₖ,   aₖ = Rₖ Aₖ

in the world frame: 12 numbers for each segment and frame, and one matrix product for all vertices.
"""

import numpy as np
import numpy.typing as npt
import torch

from anymo.body import Body
from anymo.records import GRAVITY_MPS2, SegmentKinematics


def simulate_skin(
    kinematics: SegmentKinematics,
    body: Body,
    vertices: torch.Tensor,
    *,
    mounting: torch.Tensor | None = None,
    gravity_mps2: float = GRAVITY_MPS2,
) -> torch.Tensor:
    """What ideal sensors stuck to vertices of the skin read.

    The sensor moves with the vertex; its orientation, and so its gyroscope, follow the segment that moves the
    vertex most.

    Args:
        kinematics: of the 23 segments, of a motion with the body's own joint_offsets.
        body: whose skin it is.
        vertices: (V,) int64 indices into the body's vertices, on the torch device to compute on.
        mounting: (V, 3, 3) dominant segment from sensor; None for the body's surface frames.
        gravity_mps2: 0 where the device removes gravity.

    Returns:
        (T, V, 6) specific force m/s² and angular velocity rad/s, sensor frame, float64.

    Raises:
        ValueError: a vertex the body does not have.
    """
    num = len(body.vertices)
    if len(vertices) == 0 or int(vertices.min()) < 0 or int(vertices.max()) >= num:
        raise ValueError(f"skin: expected vertices from 0 to {num - 1}, got {vertices.tolist()[:8]}")
    device, chosen = vertices.device, vertices.cpu().numpy()
    features = torch.from_numpy(kinematics.features).to(device)
    rotation = torch.from_numpy(kinematics.rotation).to(device)
    in_body = torch.cat([features[..., :3, None], features[..., 6:15].unflatten(-1, (3, 3))], dim=-1)
    rigid = (rotation @ in_body).transpose(1, 2).flatten(2)
    force = (rigid @ skinning_matrix(body, chosen).to(device)).mT.contiguous()
    force[..., 2] += gravity_mps2
    segment = torch.from_numpy(body.vertex_segment[chosen]).to(device)
    if mounting is None:
        mounting = torch.from_numpy(body.frame[chosen]).to(device)
    world_from_sensor = rotation[:, segment] @ mounting
    force = (world_from_sensor.mT @ force[..., None])[..., 0]
    gyro = (mounting.mT @ features[:, segment, 15:, None])[..., 0]
    return torch.cat([force, gyro], dim=-1)


def skinning_matrix(body: Body, vertices: npt.NDArray[np.int64]) -> torch.Tensor:
    """(92, V) weights wₖ and weighted offsets wₖ rₖ: blends what is [origin, linear part] of each segment.

    With [pₖ Rₖ], (T, 3, 92), on its left it gives posed vertices, with [aₖ Cₖ] their accelerations.
    """
    weight = body.skin_weights[vertices].astype(np.float64)
    weight /= weight.sum(axis=1, keepdims=True)
    offset = body.vertices[vertices, None] - body.joint_position
    columns = np.concatenate([np.ones((*weight.shape, 1)), offset], axis=-1) * weight[..., None]
    return torch.from_numpy(columns.reshape(len(vertices), -1).T.copy())
