"""Bodies on the floor: how thick each segment is, and how a pose comes to rest without sliding."""

import numpy as np
from scipy.integrate import cumulative_trapezoid
from scipy.special import logsumexp, softmax

from anymo.records import Array
from anymo.skeleton import INDEX, forward_kinematics

SOLE_M = 0.02  # height of the toe joint over the floor when the foot stands flat

# From a segment's joint down to the skin it lies on, m: half of the depths and breadths that Pheasant and
# Haslegrave (2006, table 10.1) give for hip, abdomen, chest, head, knee, ankle and hand of adults, rounded.
_FLESH_M = {
    "Pelvis": 0.10, "L5": 0.10, "L3": 0.10, "T12": 0.10, "T8": 0.11, "Neck": 0.07, "Head": 0.09,
    "Shoulder": 0.08, "UpperArm": 0.06, "ForeArm": 0.04, "Hand": 0.03,
    "UpperLeg": 0.09, "LowerLeg": 0.055, "Foot": 0.045, "Toe": SOLE_M,
}  # fmt: skip
FLESH_M: Array = np.array([_FLESH_M[name.removeprefix("Left").removeprefix("Right")] for name in INDEX])
FLESH_M.setflags(write=False)


def settle_once(root: Array, rotations: Array, joint_offsets: Array) -> Array:
    """Root path (T, 3), m, raised or lowered as a whole until the lowest skin of the clip touches z = 0."""
    height = forward_kinematics(root, rotations, joint_offsets)[0][..., 2] - FLESH_M
    return np.asarray(root - [0.0, 0.0, height.min()])


def settle_always(root: Array, rotations: Array, joint_offsets: Array, t: Array, give_m: float) -> Array:
    """Root path of a body that lies on whatever is lowest, frame by frame, and rolls over it without sliding.

    The height is a soft minimum over the joints, h = -g ln Σ exp(-hⱼ/g), so one support takes over smoothly
    from another; the horizontal velocity of the supports, weighted by the derivative of h, is zero.

    Args:
        root: (T, 3) m; only its start is kept.
        rotations: (T, 23, 3, 3) parent from segment, entry 0 world from pelvis.
        joint_offsets: (23, 3) m.
        t: (T,) s.
        give_m: g, how softly one support takes over, m.

    Returns:
        (T, 3) m.
    """
    still = np.broadcast_to(root[:1] * [1.0, 1.0, 0.0], root.shape)
    place = forward_kinematics(still, rotations, joint_offsets)[0]
    weight = -(place[..., 2] - FLESH_M) / give_m
    share = softmax(weight, axis=1)
    slip = np.einsum("tj,tjc->tc", share, np.gradient(place[..., :2], t, axis=0))
    slid: Array = cumulative_trapezoid(slip, t, axis=0, initial=0)
    return np.concatenate(
        [
            still[:, :2] - slid,
            give_m * logsumexp(weight, axis=1, keepdims=True),
        ],
        axis=1,
    )
