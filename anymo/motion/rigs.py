"""Skeletons of motion files known by their bone names, and how their bones stand in T-pose.

A bone's own axes mean nothing by themselves. Most rigs stand in T-pose while all their channels are zero; for
those that do not, `rest` says where a bone's local x, y and z point in T-pose, in file axes x left, y up, z
forward.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

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
             segment stands several times in a row, and the segments share its rotation; of "a|b" the first
             that the file has
    unit_m   metres per length unit of the file; None where it varies
    rest     segment -> world rotation of its bone in T-pose; identity where left out
    up       axis of the files that points up; None where it varies
    turns    segment -> bone that turns as it does, where that is not the one at its origin
    forearm_share  of the forearm that reaches from the elbow to the hand's bone
    """

    name: str
    bones: tuple[str, ...]
    unit_m: float | None = None
    rest: dict[str, Array] = field(default_factory=dict)
    up: str | None = None
    turns: dict[str, str] = field(default_factory=dict)
    forearm_share: float = 1.0


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


# CMU's radius is two thirds of the forearm; the wrist, its last third, turns it, but lost its length in BVH.
# The head begins at the top of the neck and turns with its last bone.
_CMU_TURNS = {"Head": "Head"} | {
    f"{side}{segment}": f"{side}{bone}"
    for side in ("Left", "Right")
    for segment, bone in (("ForeArm", "Hand"), ("Hand", "FingerBase"))
}
_MOTIONBUILDER = "*Shoulder,*Arm,*ForeArm,*Hand,*UpLeg,*Leg,*Foot,*ToeBase|*Toe|*Foot end"
_JOINTS = "*Collar,*Shoulder,*Elbow,*Wrist,*Hip,*Knee,*Ankle,*Toe|*Foot|*Ankle end"
_LIMBS = "*Shoulder,*UpperArm,*LowerArm,*Hand,*UpperLeg,*LowerLeg,*Foot,*Toes|*Toe|*Foot end"

# The first whose bones are all there is taken: those with more bones stand before those with fewer.
RIGS: tuple[Rig, ...] = (
    Rig(
        "CMU by cgspeed, MotionBuilder names",
        _bones("Hips,LowerBack,LowerBack,Spine,Spine1,Neck,Neck1", _MOTIONBUILDER, "Left", "Right"),
        CMU_UNIT_M,
        up="y",
        turns=_CMU_TURNS,
        forearm_share=2 / 3,
    ),
    Rig(
        "CMU by cgspeed, 3ds Max names",
        _bones("Hips,lowerback,lowerback,Chest,Chest2,lowerneck,Neck", _JOINTS, "Left", "Right"),
        CMU_UNIT_M,
        up="y",
        turns={"Head": "Head"},
        forearm_share=2 / 3,
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
        up="y",
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
        up="y",
        turns={f"{side}ForeArm": f"CC_Base_{side[0]}_ForearmTwist02" for side in ("Left", "Right")},
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
        up="y",
    ),
    Rig("the 23 segments", SEGMENTS),
    Rig("Xsens MVN", _bones("Hips,Chest,Chest2,Chest3,Chest4,Neck,Head", _JOINTS, "Left", "Right")),
    Rig(
        "MotionBuilder names, four spine bones",
        _bones("Hips,Spine,Spine1,Spine2,Spine3,Neck,Head", _MOTIONBUILDER, "Left", "Right"),
    ),
    Rig(
        "Mixamo",
        _bones("Hips,Spine,Spine,Spine1,Spine2,Neck,Head", _MOTIONBUILDER, "Left", "Right"),
    ),
    Rig(
        "MotionBuilder names, two spine bones",
        _bones("Hips,Hips,Spine,Spine,Spine1,Neck|Neck1,Head", _MOTIONBUILDER, "Left", "Right"),
    ),
    Rig(
        "Rokoko",
        _bones(
            "Hips,Spine1,Spine2,Spine3,Spine4|Spine3,Neck,Head",
            "*Shoulder,*Arm,*ForeArm,*Hand,*Thigh,*Shin,*Foot,*Toe|*Foot end",
            "Left",
            "Right",
        ),
    ),
    Rig(
        "Unity and VRM humanoid",
        _bones("Hips,Hips,Spine,Chest,UpperChest|Chest,Neck,Head", _LIMBS, "Left", "Right"),
    ),
    Rig("SMPL", _bones("Pelvis,Spine1,Spine1,Spine2,Spine3,Neck,Head", _JOINTS, "Left", "Right")),
    Rig("SMPL, short names", _bones("Pelvis,Spine1,Spine1,Spine2,Spine3,Neck,Head", _JOINTS, "L", "R")),
    Rig(
        "Unreal mannequin",
        _bones(
            "pelvis,spine_01,spine_01,spine_02,spine_03,neck_01,head",
            "clavicle_*,upperarm_*,lowerarm_*,hand_*,thigh_*,calf_*,foot_*,ball_*",
            "l",
            "r",
        ),
    ),
    Rig(
        "3ds Max biped",
        _bones(
            "Bip01_Pelvis|Bip01,Bip01_Spine,Bip01_Spine,Bip01_Spine1,Bip01_Spine2|Bip01_Spine1,"
            "Bip01_Neck,Bip01_Head",
            "Bip01_*_Clavicle,Bip01_*_UpperArm,Bip01_*_Forearm,Bip01_*_Hand,"
            "Bip01_*_Thigh,Bip01_*_Calf,Bip01_*_Foot,Bip01_*_Toe0",
            "L",
            "R",
        ),
    ),
)

# Where a bone map leaves a segment out, it moves with another one, nearer the pelvis.
_CARRIED_BY = {"L5": "Pelvis", "L3": "L5", "T12": "L3", "T8": "T12", "Neck": "T8", "Head": "Neck"} | {
    f"{side}{segment}": carrier.replace("*", side)
    for side in ("Left", "Right")
    for segment, carrier in (("Shoulder", "T8"), ("Toe", "*Foot end"))
}


def _key(bone: str) -> str:
    """A bone's name without namespace, case and separators: `mixamorig:LeftUpLeg` is `leftupleg`."""
    return re.sub(r"[^a-z0-9]", "", re.split(r"[:|]", bone)[-1].lower())


def rig_of(bone_names: Iterable[str], where: str) -> Rig:
    """The rig whose bones are all there, with the names as the file has them.

    Raises:
        ValueError: no rig fits; the message names the nearest one, what it misses, and the file's bones.
    """
    assert all(len(rig.bones) == len(SEGMENTS) for rig in RIGS)
    by_key = {_key(name): name for name in reversed(list(bone_names))}
    lacks, nearest = [""] * (len(SEGMENTS) + 1), RIGS[0]
    for rig in RIGS:
        found = [
            next((by_key[k] for k in map(_key, bone.split("|")) if k in by_key), None) for bone in rig.bones
        ]
        missing = sorted({bone for bone, name in zip(rig.bones, found, strict=True) if name is None})
        missing += [bone for bone in rig.turns.values() if _key(bone) not in by_key]
        if not missing:
            turns = {segment: by_key[_key(bone)] for segment, bone in rig.turns.items()}
            return replace(rig, bones=tuple(name for name in found if name is not None), turns=turns)
        if len(missing) < len(lacks):
            lacks, nearest = missing, rig
    raise ValueError(
        f"{where}: no known skeleton fits; nearest is {nearest.name!r}, which lacks {', '.join(lacks[:6])}. "
        f"Known: {', '.join(r.name for r in RIGS)}; for others pass bones=, segment to bone. "
        f"Bones in the file: {', '.join(sorted(by_key.values())[:200])}"
    )


def mapped_rig(bones: Mapping[str, str], bone_names: Iterable[str], where: str) -> Rig:
    """A rig from segment -> bone, as a user knows it; shoulders, toes, neck, head and spine may be left out.

    Args:
        bones: segment -> bone of the file.
        bone_names: all of the file.
        where: what to call the file in errors.

    Raises:
        ValueError: a segment or bone is unknown, or one that is needed is left out.
    """
    names = set(bone_names)
    if unknown := sorted(set(bones) - set(SEGMENTS)):
        raise ValueError(f"{where}: bones names segment {unknown[0]!r}; known are {', '.join(SEGMENTS)}")
    if absent := sorted(set(bones.values()) - names):
        raise ValueError(
            f"{where}: no bone {absent[0]!r} in the file; it has {', '.join(sorted(names)[:200])}"
        )
    chosen: dict[str, str] = {}
    for segment in SEGMENTS:
        carrier = _CARRIED_BY.get(segment, "").removesuffix(" end")
        if segment not in bones and carrier not in chosen:
            raise ValueError(f"{where}: bones leaves out {segment}; arms, legs and pelvis must be whole")
        bone = bones.get(segment) or chosen[carrier]
        if segment not in bones and segment.endswith("Toe") and f"{bone} end" in names:
            bone = f"{bone} end"
        chosen[segment] = bone
    return Rig("given bones", tuple(chosen[segment] for segment in SEGMENTS))
