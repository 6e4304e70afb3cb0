"""Anatomical joint angles from segment rotations, and how far people's joints go."""

import numpy as np
import numpy.typing as npt

from anymo.skeleton import INDEX

Floats = npt.NDArray[np.float64]

# Active range, degrees, low to high: American Academy of Orthopaedic Surgeons (1965), Joint Motion: Method of
# Measuring and Recording; what AAOS lacks or measures unloaded (trunk, knee, ankle, wrist) after
# Kapandji (2007), The Physiology of the Joints, 6th ed.
RANGES_DEG: dict[str, tuple[float, float]] = {
    "hip_flexion": (-30, 120),
    "hip_abduction": (-30, 45),
    "knee_flexion": (-10, 140),
    "ankle_plantarflexion": (-30, 50),
    "shoulder_backward": (-90, 60),
    "elbow_flexion": (-10, 150),
    "wrist_flexion": (-85, 85),
    "wrist_radial": (-30, 20),
    "trunk_flexion": (-45, 105),
    "trunk_side": (-40, 40),
    "trunk_turn": (-45, 45),
    "head_flexion": (-60, 60),
    "head_side": (-45, 45),
    "head_turn": (-80, 80),
}


def joint_angles(rotations: Floats) -> dict[str, Floats]:
    """Angles of the main joints, measured on bone directions, so that no Euler order can flip them.

    Args:
        rotations: (T, 23, 3, 3) parent from segment.

    Returns:
        Name of RANGES_DEG -> degrees: (T, 2) left and right for limbs, (T, 1) for trunk and head.
    """
    sides = [_limbs(rotations, side, sign) for side, sign in (("Left", 1.0), ("Right", -1.0))]
    angles = {name: np.stack([s[name] for s in sides], axis=-1) for name in sides[0]}
    for part, chain in (("trunk", ("L5", "L3", "T12", "T8")), ("head", ("Neck", "Head"))):
        whole = np.eye(3)
        for name in chain:
            whole = whole @ rotations[:, INDEX[name]]
        angles |= {f"{part}_{name}": value[:, None] for name, value in _column(whole).items()}
    return {name: np.degrees(value) for name, value in angles.items()}


def excess_deg(rotations: Floats, tolerance_deg: float = 10.0) -> dict[str, Floats]:
    """How far each joint is outside its range; arguments and shapes as `joint_angles`.

    Args:
        rotations: (T, 23, 3, 3) parent from segment.
        tolerance_deg: allowed beyond, for the ranges are averages with a standard deviation of 5 to 10
            degrees, and a capture's zero is as uncertain as its calibration pose.
    """
    out = {}
    for name, angle in joint_angles(rotations).items():
        low, high = RANGES_DEG[name]
        out[name] = np.maximum(np.maximum(low - angle, angle - high) - tolerance_deg, 0.0)
    return out


def _limbs(rotations: Floats, side: str, sign: float) -> dict[str, Floats]:
    """One side's angles, rad; `sign` is +1 on the left, where outward is +y."""
    local = {n: rotations[:, INDEX[side + n]] for n in ("UpperLeg", "LowerLeg", "Foot", "ForeArm", "Hand")}
    upper_arm = rotations[:, INDEX[f"{side}Shoulder"]] @ rotations[:, INDEX[f"{side}UpperArm"]]
    thigh, shank = -local["UpperLeg"][..., 2], -local["LowerLeg"][..., 2]
    arm, fore, hand = (sign * r[..., 1] for r in (upper_arm, local["ForeArm"], local["Hand"]))
    return {
        "hip_flexion": np.arctan2(thigh[:, 0], -thigh[:, 2]),
        "hip_abduction": np.arctan2(sign * thigh[:, 1], np.hypot(thigh[:, 0], thigh[:, 2])),
        "knee_flexion": np.arctan2(-shank[:, 0], -shank[:, 2]),
        "ankle_plantarflexion": np.arcsin(np.clip(-local["Foot"][:, 2, 0], -1.0, 1.0)),
        "shoulder_backward": np.arcsin(np.clip(-arm[:, 0], -1.0, 1.0)),
        "elbow_flexion": np.arctan2(fore[:, 0], sign * fore[:, 1]),
        "wrist_flexion": np.arcsin(np.clip(-hand[:, 2], -1.0, 1.0)),
        "wrist_radial": np.arcsin(np.clip(hand[:, 0], -1.0, 1.0)),
    }


def _column(rotation: Floats) -> dict[str, Floats]:
    """Flexion and lean of the upper end against the lower one, and turn about it, rad."""
    up = rotation[..., 2]
    return {
        "flexion": np.arctan2(up[:, 0], up[:, 2]),
        "side": np.arcsin(np.clip(up[:, 1], -1.0, 1.0)),
        "turn": np.arctan2(rotation[:, 1, 0] - rotation[:, 0, 1], rotation[:, 0, 0] + rotation[:, 1, 1]),
    }
