"""The body as a picture shows it best: arms lowered from T-pose, which leaves room and hides nothing."""

from collections.abc import Sequence

import numpy as np
from scipy.spatial.transform import Rotation

from anymo.body.surface import Body
from anymo.body.tpose import pose
from anymo.records import Array, Placement
from anymo.skeleton import INDEX, NUM_SEGMENTS

_LOWERED_DEG = 62.0


def standing(body: Body, worn: Sequence[Placement]) -> tuple[Array, Array, Array]:
    """Skin with lowered arms, and the sensors on it.

    Returns:
        Vertices (V, 3) m, sensor positions (P, 3) m and axes (P, 3, 3) world from sensor.
    """
    turn = np.tile(np.eye(3), (NUM_SEGMENTS, 1, 1))
    for side, sign in (("Left", -1.0), ("Right", 1.0)):
        arm = [INDEX[f"{side}{part}"] for part in ("UpperArm", "ForeArm", "Hand")]
        turn[arm] = Rotation.from_euler("x", sign * _LOWERED_DEG, degrees=True).as_matrix()
    weights = body.skin_weights.astype(np.float64)
    vertices, joints = pose(body.vertices, weights, body.joint_position, turn)
    carrier = [INDEX[p.segment] for p in worn]
    offsets, axes = (np.stack(part) for part in zip(*((p.offset_m, p.rotation) for p in worn), strict=True))
    points = joints[carrier] + np.einsum("pij,pj->pi", turn[carrier], offsets)
    return vertices, points, turn[carrier] @ axes
