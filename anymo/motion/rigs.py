"""Skeletons of motion files known by their bone names, and how their bones stand in T-pose.

A bone's own axes mean nothing by themselves. `rest` says where its local x, y and z point while the body
stands in T-pose, in the files' axes, on which all these rigs agree: x left, y up, z forward.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy.spatial.transform import Rotation

from anymo.records import Array
from anymo.skeleton import SEGMENTS

_DIRECTIONS = {
    "left": (1, 0, 0), "right": (-1, 0, 0), "up": (0, 1, 0),
    "down": (0, -1, 0), "front": (0, 0, 1), "back": (0, 0, -1),
}  # fmt: skip
# Metres per length unit of CMU's own ASF skeletons and of the BVH files made from them: inches over 0.45.
CMU_UNIT_M = 0.0254 / 0.45


@dataclass(frozen=True, slots=True, eq=False)
class Rig:
    """One family of BVH skeletons.

    bones    bone that carries each of our segments, in the order of skeleton.SEGMENTS; a bone longer than one
             segment stands several times in a row, and the segments share its rotation
    unit_m   metres per length unit of the file
    rest     segment -> world rotation of its bone in T-pose, file axes; identity where left out
    leads_with_t_pose  clips may open with one frame of T-pose, which is no part of the movement
    """

    name: str
    bones: tuple[str, ...]
    unit_m: float
    rest: dict[str, Array] = field(default_factory=dict)
    leads_with_t_pose: bool = False


def _bones(trunk: str, limbs: str, left: str, right: str) -> tuple[str, ...]:
    """Bones of the 23 segments from seven of the trunk and eight of a limb pair, `*` being the side."""
    arm, leg = limbs.split(",")[:4], limbs.split(",")[4:]
    pairs = [bone.replace("*", side) for part in (arm, leg) for side in (right, left) for bone in part]
    return (*trunk.split(","), *pairs)


def _pose(axes: str, tilt: str = "x", degrees: float = 0.0) -> Array:
    """World rotation whose columns are the named directions, then turned about a local axis."""
    columns = np.array([_DIRECTIONS[d] for d in axes.split()], dtype=np.float64).T
    return np.asarray(columns @ Rotation.from_euler(tilt, degrees, degrees=True).as_matrix())


def _limb_rest(left: dict[str, Array], right: dict[str, Array]) -> dict[str, Array]:
    return {f"Left{k}": v for k, v in left.items()} | {f"Right{k}": v for k, v in right.items()}


def _character_creator_rest() -> dict[str, Array]:
    """T-pose of the Character Creator rig, read off the T-pose frame that opens some of its clips."""
    upright = "left up front"
    trunk = {"Pelvis": 11.8, "L5": 16.2, "L3": 16.2, "T12": -5.1, "T8": -10.4, "Neck": 11.0}
    leg = {
        "UpperLeg": _pose("right down front", "x", 4.6),
        "LowerLeg": _pose("right down front", "x", -4.6),
        "Foot": _pose("right front up", "x", -12.7),
        "Toe": _pose("right front up", "x", 5.7),
    }
    arm = {"Shoulder": -15.0, "UpperArm": 0.0, "ForeArm": 0.0, "Hand": 0.0}
    left = {name: _pose("down left front", "x", tilt) for name, tilt in arm.items()}
    right = {name: _pose("up right front", "x", tilt) for name, tilt in arm.items()}
    return {k: _pose(upright, "x", tilt) for k, tilt in trunk.items()} | _limb_rest(left | leg, right | leg)


def _bandai_namco_rest() -> dict[str, Array]:
    """T-pose of the Bandai-Namco rig, whose bones run along their local ±x.

    The axes follow from the offsets and from the hinges: knees and elbows turn about local y. The pitch of
    feet (39.6°) and toes (23°) is the one they have while the foot stands flat in the clips.
    """
    trunk = {name: _pose("up front left") for name in ("L3", "T12", "T8", "Neck", "Head")}
    arm = ("Shoulder", "UpperArm", "ForeArm", "Hand")
    pitch = {"Foot": 39.6, "Toe": 23.0}
    left = {name: _pose("left up front") for name in arm}
    left |= {name: _pose("down left front") for name in ("UpperLeg", "LowerLeg")}
    left |= {name: _pose("front left up", "y", angle) for name, angle in pitch.items()}
    right = {name: _pose("left down back") for name in arm}
    right |= {name: _pose("up left back") for name in ("UpperLeg", "LowerLeg")}
    right |= {name: _pose("back left down", "y", angle) for name, angle in pitch.items()}
    return trunk | {name: _pose("up right front") for name in ("Pelvis", "L5")} | _limb_rest(left, right)


RIGS: tuple[Rig, ...] = (
    Rig(
        "CMU by cgspeed, MotionBuilder names",
        _bones(
            "Hips,LowerBack,LowerBack,Spine,Spine1,Neck1,Head",
            "*Shoulder,*Arm,*ForeArm,*Hand,*UpLeg,*Leg,*Foot,*ToeBase",
            "Left",
            "Right",
        ),
        CMU_UNIT_M,
    ),
    Rig(
        "CMU by cgspeed, 3ds Max names",
        _bones(
            "Hips,lowerback,lowerback,Chest,Chest2,Neck,Head",
            "*Collar,*Shoulder,*Elbow,*Wrist,*Hip,*Knee,*Ankle,*Toe",
            "Left",
            "Right",
        ),
        CMU_UNIT_M,
    ),
    Rig(
        "CMU by cgspeed, Poser names",
        _bones(
            "hip,hip,abdomen,abdomen,chest,neck,head",
            "*Collar,*Shldr,*ForeArm,*Hand,*Thigh,*Shin,*Foot,*Foot end",
            "l",
            "r",
        ),
        0.01,
    ),
    Rig(
        "Character Creator",
        _bones(
            "CC_Base_Pelvis,CC_Base_Waist,CC_Base_Waist,CC_Base_Spine01,CC_Base_Spine02,CC_Base_NeckTwist01,"
            "CC_Base_Head",
            "CC_Base_*_Clavicle,CC_Base_*_Upperarm,CC_Base_*_Forearm,CC_Base_*_Hand,"
            "CC_Base_*_Thigh,CC_Base_*_Calf,CC_Base_*_Foot,CC_Base_*_ToeBase",
            "L",
            "R",
        ),
        0.01,
        rest=_character_creator_rest(),
        leads_with_t_pose=True,
    ),
    Rig(
        "Bandai-Namco",
        _bones(
            "Hips,Hips,Spine,Spine,Chest,Neck,Head",
            "Shoulder_*,UpperArm_*,LowerArm_*,Hand_*,UpperLeg_*,LowerLeg_*,Foot_*,Toes_*",
            "L",
            "R",
        ),
        0.01,
        rest=_bandai_namco_rest(),
    ),
)


def rig_of(bone_names: set[str], where: str) -> Rig:
    """The rig whose bones are all there.

    Raises:
        ValueError: no rig fits; the message names the nearest one, what it misses, and the file's bones.
    """
    assert all(len(rig.bones) == len(SEGMENTS) for rig in RIGS)
    missing = [(sorted(set(rig.bones) - bone_names), rig) for rig in RIGS]
    lacks, rig = min(missing, key=lambda m: len(m[0]))
    if lacks:
        raise ValueError(
            f"{where}: no known skeleton fits; nearest is {rig.name!r}, which lacks {', '.join(lacks[:6])}. "
            f"Known: {', '.join(r.name for r in RIGS)}. Bones in the file: {', '.join(sorted(bone_names))}"
        )
    return rig
