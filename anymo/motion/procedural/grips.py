"""Hands and knees that stay where they are put: inverse kinematics of the arm and of a kneeling leg."""

from dataclasses import dataclass

import numpy as np

from anymo.motion.procedural.curves import soft_positive
from anymo.motion.rotations import about, seen_from
from anymo.records import Array
from anymo.skeleton import INDEX

_ROUNDING_M = 0.004
_FINGERS_FORWARD = about(2, np.array(-np.pi / 2))  # palm down, left hand
_MIRROR_Y = np.diag([1.0, -1.0, 1.0])


@dataclass(frozen=True, slots=True, eq=False)
class Grip:
    """A wrist led along a path.

    path    of the wrist, world, m, in the frame that the curves are planned in     (T, 3)
    elbow   direction the elbow points to: forward, outward, up                     (3,)
    flat    the palm lies on the floor, fingers forward; else the hand follows its own angles
    """

    path: Array
    elbow: tuple[float, float, float] = (-0.3, 0.5, -1.0)
    flat: bool = False


def reach(grip: Grip, side: str, shoulder: Array, clavicle: Array, arm: Array, joint_offsets: Array) -> Array:
    """Bend an arm so that its wrist is on the path: two bones, law of cosines.

    Args:
        grip: the path; out of reach, it is drawn in softly.
        side: "l" or "r".
        shoulder: (T, 3) shoulder joint, world, m.
        clavicle: (T, 3, 3) world from shoulder segment.
        arm: (T, 4, 3, 3) shoulder, upper arm, forearm, hand, parent from segment; the hand's is kept
            unless the grip is flat.
        joint_offsets: (23, 3) m.

    Returns:
        (T, 4, 3, 3) the same with the arm bent.
    """
    flip = np.eye(3) if side == "l" else _MIRROR_Y
    wanted, clavicle = (grip.path - shoulder) @ flip, flip @ clavicle @ flip
    upper_m, fore_m = (float(np.linalg.norm(joint_offsets[INDEX[n]])) for n in ("LeftForeArm", "LeftHand"))
    distance = np.linalg.norm(wanted, axis=-1)
    along = wanted / distance[:, None]
    longest = 0.998 * (upper_m + fore_m)
    distance = longest - soft_positive(longest - distance, _ROUNDING_M)
    inward = -(np.array(grip.elbow) - (along @ grip.elbow)[:, None] * along)
    inward /= np.linalg.norm(inward, axis=-1, keepdims=True)
    frame = np.stack([inward, along, np.cross(inward, along)], axis=-1)
    upper = frame @ about(2, _angle(upper_m, distance, fore_m))
    fore = upper @ about(2, _angle(upper_m, fore_m, distance) - np.pi)
    hand = flip @ arm[:, 3] @ flip
    if grip.flat:
        hand = seen_from(fore, np.broadcast_to(_FINGERS_FORWARD, fore.shape))
        twist = about(1, np.arctan2(hand[:, 0, 2] - hand[:, 2, 0], hand[:, 0, 0] + hand[:, 2, 2]))
        fore, hand = fore @ twist, seen_from(twist, hand)
    bent = [flip @ arm[:, 0] @ flip, seen_from(clavicle, upper), seen_from(upper, fore), hand]
    return np.asarray(flip @ np.stack(bent, axis=1) @ flip)


def _angle(a: Array | float, b: Array | float, opposite: Array | float) -> Array:
    """Angle between sides a and b of a triangle."""
    return np.asarray(np.arccos(np.clip((a * a + b * b - opposite**2) / (2 * a * b), -1.0, 1.0)))


def kneel(hip: Array, knee: Array, shank_rad: Array) -> tuple[Array, Array]:
    """World rotations (T, 3, 3) of a thigh whose knee is drawn to a path, and of a shank lying behind it.

    Args:
        hip: (T, 3) hip joint, world, m.
        knee: (T, 3) path of the knee, world, m; met as well as the thigh's length allows.
        shank_rad: (T,) 0 lies level behind the knee; positive raises the ankle.
    """
    up = hip - knee
    up /= np.linalg.norm(up, axis=-1, keepdims=True)
    forward = np.cross([0.0, 1.0, 0.0], up)
    forward /= np.linalg.norm(forward, axis=-1, keepdims=True)
    thigh = np.stack([forward, np.cross(up, forward), up], axis=-1)
    return thigh, about(1, np.pi / 2 + shank_rad)
