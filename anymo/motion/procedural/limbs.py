"""From named curves of angles and foot paths to the rotations of the 23 segments.

Angles are radians, positive as the name says, and mirror-symmetric: the right arm with the left arm's values
is its mirror image. Arms hang, legs stand and the trunk is upright where all are zero.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from anymo.motion.procedural.contact import SOLE_M, settle_always, settle_once
from anymo.motion.procedural.curves import soft_positive
from anymo.motion.procedural.grips import Grip, kneel, reach
from anymo.motion.rotations import about, roll_pitch_yaw, rotation_of, seen_from
from anymo.records import Array
from anymo.skeleton import INDEX, MIRROR, NUM_SEGMENTS, forward_kinematics

Facts = dict[str, float]  # what came out of the draw: "mps", "per_minute", "seconds"

ROOT = ("x", "y", "z", "lean", "pitch", "yaw")  # m from neutral standing; left, forward, to the left
TRUNK = ("bend", "side", "turn", "nod", "tilt", "look")  # trunk then head: forward, left, to the left
# Forward raise, sideways raise, inward twist, elbow flexion, pronation, wrist flexion, wrist to the thumb
# side, shoulder up, shoulder forward.
ARM = ("flex", "out", "twist", "elbow", "pron", "wrist", "dev", "shrug", "reach")
# Planted place of the ankle (m), clearance (m), heel up, toes outward; then, without the floor, hip flexion,
# leg outward, knee flexion, toes down.
LEG = ("fx", "fy", "lift", "heel", "toe_out", "hip", "spread", "knee", "ankle")
LENGTHS = frozenset({"x", "y", "z", "fx", "fy", "lift"})
NAMES = (*ROOT, *TRUNK, *(f"{side}.{name}" for side in "lr" for name in (*ARM, *LEG)))
CHANNEL: dict[str, int] = {name: i for i, name in enumerate(NAMES)}
LENGTH_COLUMNS = [i for n, i in CHANNEL.items() if n.split(".")[-1] in LENGTHS]
_HEEL_BEHIND_ANKLE_M = 0.05
_ROUNDING_M = 0.004
_KNEE_UP = 0.3
_ELBOW_STOP_RAD = 0.05  # elbows do not bend backwards; they come to a soft stop
_ANKLE_STOP_RAD = 0.52  # ankles bend up by 30 degrees at most (Kapandji 2007); then the heel lifts
_MIRROR_Y = np.diag([1.0, -1.0, 1.0])
_SIDE = {"l": "Left", "r": "Right"}
TOE = {"l": INDEX["LeftToe"], "r": INDEX["RightToe"]}
_TRUNK_SEGMENTS = ("L5", "L3", "T12", "T8")


def channels_of(pose: dict[str, float]) -> dict[int, float]:
    """Column -> value of a pose written in degrees and metres; `b.` names both sides."""
    out: dict[int, float] = {}
    for name, value in pose.items():
        names = [name.replace("b.", f"{side}.") for side in "lr"] if name.startswith("b.") else [name]
        value = value if name.split(".")[-1] in LENGTHS else float(np.radians(value))
        out |= {CHANNEL[n]: value for n in names}
    return out


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """Lengths that foot planning needs, m."""

    joint_offsets: Array

    @property
    def thigh(self) -> float:
        """Hip to knee."""
        return float(np.linalg.norm(self.joint_offsets[INDEX["LeftLowerLeg"]]))

    @property
    def shank(self) -> float:
        """Knee to ankle."""
        return float(np.linalg.norm(self.joint_offsets[INDEX["LeftFoot"]]))

    @property
    def leg(self) -> float:
        """Hip to ankle, stretched."""
        return self.thigh + self.shank

    @property
    def trunk(self) -> float:
        """Pelvis to shoulders, upright."""
        return float(self.joint_offsets[[INDEX[n] for n in (*_TRUNK_SEGMENTS, "LeftShoulder")], 2].sum())

    @property
    def scale(self) -> float:
        """Size against the default adult."""
        return self.leg / 0.84

    @property
    def hip_drop(self) -> float:
        """Hips below the pelvis origin."""
        return -float(self.joint_offsets[INDEX["LeftUpperLeg"], 2])

    @property
    def hip_half_width(self) -> float:
        """Hip from the mid line."""
        return float(self.joint_offsets[INDEX["LeftUpperLeg"], 1])

    @property
    def ankle_height(self) -> float:
        """Ankle over the floor, foot flat."""
        return SOLE_M - float(self.joint_offsets[INDEX["LeftToe"], 2])

    @property
    def standing_height(self) -> float:
        """Pelvis origin over the floor, knees all but straight."""
        return 0.985 * self.leg + self.hip_drop + self.ankle_height


class Curves:
    """Named curves over time of one performance; starts as neutral standing.

    value       one column per name in NAMES                       (T, C)
    on_floor    legs follow planned feet (True) or leg angles (False)
    settles     "once": the whole clip is raised or lowered until its lowest skin touches the floor;
                "always": every frame is, and rolls over what is lowest (anymo.motion.procedural.contact)
    give_m      how softly one support takes over from another when it settles always, m
    slope_rad   of the ground that planted feet tilt with, uphill positive
    grips       hands led along a path, by side "l" or "r"
    knees       kneeling: paths of the knees, m, by side           (T, 3)
    carried     path of what the person stands or sits in, m       (T, 3)
    """

    def __init__(self, t: Array, body: Body) -> None:
        self.t, self.body, self.on_floor = t, body, True
        self.settles: Literal["never", "once", "always"] = "never"
        self.give_m, self.slope_rad = 0.01, 0.0
        self.grips: dict[str, Grip] = {}
        self.knees: dict[str, Array] = {}
        self.carried: Array | None = None
        self.value = np.zeros((len(t), len(NAMES)))
        self.add({"b.out": 9.0, "b.elbow": 14.0, "b.toe_out": 7.0})
        self["l.fy"] += body.hip_half_width
        self["r.fy"] -= body.hip_half_width

    def __getitem__(self, name: str) -> Array:
        return self.value[:, CHANNEL[name]]

    def __setitem__(self, name: str, value: Array | float) -> None:
        self.value[:, CHANNEL[name]] = value

    def add(self, pose: dict[str, float], weight: Array | float = 1.0) -> None:
        """Add a pose in degrees and metres (of a body of scale 1), times a curve (T,) or a number."""
        for column, value in channels_of(pose).items():
            size = self.body.scale if column in LENGTH_COLUMNS else 1.0
            self.value[:, column] += size * value * weight

    def arm(self, side: str) -> Array:
        """(T, 9) view of one arm."""
        first = CHANNEL[f"{side}.flex"]
        return self.value[:, first : first + len(ARM)]


def _arm_rotations(arm: Array) -> list[Array]:
    """Shoulder, upper arm, forearm and hand of a left arm, parent from segment, each (T, 3, 3)."""
    flex, out, twist, elbow, pron, wrist, dev, shrug, reach = arm.T
    zero = np.zeros_like(flex)
    hanging = about(0, np.full_like(flex, -np.pi / 2))
    swing = rotation_of(np.stack([out, -flex, zero], axis=-1))
    return [
        rotation_of(np.stack([shrug, zero, -reach], axis=-1)),
        swing @ hanging @ about(1, twist),
        about(2, -soft_positive(elbow, _ELBOW_STOP_RAD)) @ about(1, pron),
        rotation_of(np.stack([-wrist, zero, -dev], axis=-1)),
    ]


def ankle_path(foot: Array, toe_offset: Array, body: Body) -> tuple[Array, Array]:
    """Ankle (T, 3) and foot yaw-pitch (T, 3, 3): the sole rolls over heel and ball without sinking in.

    `foot` (T, 5) is x, y and lift, m, then heel and yaw, rad; `toe_offset` (3,), m. The height over the floor
    is the soft maximum over the two contact points, so it is smooth.
    """
    x, y, lift, heel, yaw = foot.T
    points = np.array([[-_HEEL_BEHIND_ANKLE_M, -body.ankle_height], [toe_offset[0], -body.ankle_height]])
    cosine, sine = np.cos(heel)[:, None], np.sin(heel)[:, None]
    turned_x = cosine * points[:, 0] + sine * points[:, 1]
    depth = -(cosine * points[:, 1] - sine * points[:, 0])
    weight = np.exp((depth - depth.max(axis=1, keepdims=True)) / _ROUNDING_M)
    height = depth.max(axis=1) + _ROUNDING_M * np.log(weight.sum(axis=1))
    weight /= weight.sum(axis=1, keepdims=True)
    roll = np.sum(weight * (points[:, 0] - turned_x), axis=1)
    ankle = np.stack([x + roll * np.cos(yaw), y + roll * np.sin(yaw), height + lift], axis=-1)
    return ankle, about(2, yaw) @ about(1, heel)


def _stand_on(hip: Array, ankle: Array, foot: Array, body: Body) -> tuple[Array, Array]:
    """World rotations of thigh and shank, (T, 3, 3) each: two-bone inverse kinematics, knee over the toes.

    Args:
        hip: (T, 3) hip joint, world, m.
        ankle: (T, 3) wanted ankle, world, m; a target out of reach is drawn in, softly.
        foot: (T, 3, 3) world from foot; its x axis says where the knee points, its z axis where the leg
            lies along x.
        body: lengths.
    """
    leg = ankle - hip
    wanted = np.linalg.norm(leg, axis=-1)
    longest = 0.9985 * body.leg
    distance = longest - soft_positive(longest - wanted, _ROUNDING_M)
    return _bend(leg / wanted[:, None], distance, foot[..., 0] + _KNEE_UP * foot[..., 2], body)


def _bend(direction: Array, distance: Array, knee_forward: Array, body: Body) -> tuple[Array, Array]:
    up = -direction
    left = np.cross(up, knee_forward)
    left /= np.linalg.norm(left, axis=-1, keepdims=True)
    frame = np.stack([np.cross(left, up), left, up], axis=-1)
    a, b = body.thigh, body.shank
    at_hip = np.arccos(np.clip((a * a + distance**2 - b * b) / (2 * a * distance), -1, 1))
    knee = np.pi - np.arccos(np.clip((a * a + b * b - distance**2) / (2 * a * b), -1, 1))
    thigh = frame @ about(1, -at_hip)
    return thigh, thigh @ about(1, knee)


def _plant(
    leg: Array, hip: Array, side: str, curves: Curves, heel_lifts: int = 2
) -> tuple[Array, Array, Array]:
    """World rotations of thigh, shank and foot; lifts the heel of `leg`, in place, before the ankle gives."""
    ankle, foot = ankle_path(leg, curves.body.joint_offsets[TOE[side]], curves.body)
    foot = foot @ about(1, np.array(-curves.slope_rad))
    thigh, shank = _stand_on(hip, ankle, foot, curves.body)
    if heel_lifts == 0:
        return thigh, shank, foot
    bent = np.arcsin(np.clip(np.einsum("tc,tc->t", shank[..., 2], foot[..., 0]), -1.0, 1.0))
    leg[:, 3] += soft_positive(bent - _ANKLE_STOP_RAD, _ELBOW_STOP_RAD)
    return _plant(leg, hip, side, curves, heel_lifts - 1)


def _leg_rotations(curves: Curves, side: str, hip: Array, pelvis: Array) -> list[Array]:
    """Thigh, shank, foot and toe of one side, parent from segment, each (T, 3, 3)."""
    first = CHANNEL[f"{side}.fx"]
    leg = curves.value[:, first : first + len(LEG)].copy()
    sign = 1.0 if side == "l" else -1.0
    leg[:, 4] *= sign
    if curves.on_floor:
        thigh, shank, foot = _plant(leg[:, :5], hip, side, curves)
        toes_up = soft_positive(leg[:, 3], 0.1)
        return [
            seen_from(pelvis, thigh),
            seen_from(thigh, shank),
            seen_from(shank, foot),
            about(1, -toes_up),
        ]
    flex, spread, knee, down = leg[:, 5:].T
    zero = np.zeros_like(flex)
    if side in curves.knees:
        thigh, shank = kneel(hip, curves.knees[side], knee)
        return [seen_from(pelvis, thigh), seen_from(thigh, shank), about(1, down), about(1, zero)]
    thigh = rotation_of(np.stack([sign * spread, -flex, zero], axis=-1)) @ about(2, leg[:, 4])
    return [thigh, about(1, knee), about(1, down), about(1, zero)]


def pose_body(curves: Curves) -> tuple[Array, Array]:
    """Root position (T, 3) m, facing +x, and rotations (T, 23, 3, 3) parent from segment."""
    value, body = curves.value, curves.body
    root = value[:, :3] + [0.0, 0.0, body.standing_height]
    rotations = np.empty((len(value), NUM_SEGMENTS, 3, 3))
    pelvis = rotations[:, 0] = roll_pitch_yaw(curves["lean"], curves["pitch"], curves["yaw"])
    share = 1.0 / len(_TRUNK_SEGMENTS)
    trunk = roll_pitch_yaw(share * curves["side"], share * curves["bend"], share * curves["turn"])
    head = roll_pitch_yaw(0.5 * curves["tilt"], 0.5 * curves["nod"], 0.5 * curves["look"])
    for segments, rotation in ((_TRUNK_SEGMENTS, trunk), (("Neck", "Head"), head)):
        rotations[:, [INDEX[s] for s in segments]] = rotation[:, None]
    for side, name in _SIDE.items():
        arm = np.stack(_arm_rotations(curves.arm(side)), axis=1)
        first = INDEX[f"{name}Shoulder"]
        rotations[:, first : first + 4] = arm if side == "l" else _MIRROR_Y @ arm @ _MIRROR_Y
        first = INDEX[f"{name}UpperLeg"]
        hip = root + pelvis @ body.joint_offsets[first]
        rotations[:, first : first + 4] = np.stack(_leg_rotations(curves, side, hip, pelvis), axis=1)
    _reach(curves, root, rotations)
    if curves.settles == "once":
        root = settle_once(root, rotations, body.joint_offsets)
    elif curves.settles == "always":
        root = settle_always(root, rotations, body.joint_offsets, curves.t, curves.give_m)
    if curves.carried is not None:
        root += curves.carried
    return root, rotations


def _reach(curves: Curves, root: Array, rotations: Array) -> None:
    """Lead the hands that hold on to something, in place."""
    if not curves.grips:
        return
    place, world = forward_kinematics(root, rotations, curves.body.joint_offsets)
    for side, grip in curves.grips.items():
        first = INDEX[f"{_SIDE[side]}Shoulder"]
        arm = slice(first, first + 4)
        rotations[:, arm] = reach(
            grip, side, place[:, first + 1], world[:, first], rotations[:, arm], curves.body.joint_offsets
        )


def mirrored(root: Array, rotations: Array) -> tuple[Array, Array]:
    """Movement with left and right swapped, mirrored in x-z: root (T, 3), rotations (T, 23, 3, 3)."""
    return root @ _MIRROR_Y, _MIRROR_Y @ rotations[:, list(MIRROR)] @ _MIRROR_Y
