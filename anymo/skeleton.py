"""The body as the rest of the house knows it: 23 segments, their tree, sides, and names people use.

Order and names are those of Xsens MVN and of AnyMo (arXiv 2605.22715). A segment's origin is its proximal
joint; its frame is x forward, y left, z up while the body stands in T-pose facing +x (docs/conventions.md).
"""

import re
from difflib import get_close_matches
from functools import lru_cache

import numpy as np
import numpy.typing as npt

SEGMENTS: tuple[str, ...] = (
    "Pelvis", "L5", "L3", "T12", "T8", "Neck", "Head",
    "RightShoulder", "RightUpperArm", "RightForeArm", "RightHand",
    "LeftShoulder", "LeftUpperArm", "LeftForeArm", "LeftHand",
    "RightUpperLeg", "RightLowerLeg", "RightFoot", "RightToe",
    "LeftUpperLeg", "LeftLowerLeg", "LeftFoot", "LeftToe",
)  # fmt: skip
NUM_SEGMENTS = len(SEGMENTS)
INDEX: dict[str, int] = {name: i for i, name in enumerate(SEGMENTS)}

# Parent of each segment; the pelvis is the root.
PARENTS: tuple[int, ...] = (-1, 0, 1, 2, 3, 4, 5, 4, 7, 8, 9, 4, 11, 12, 13, 0, 15, 16, 17, 0, 19, 20, 21)

# The same segment on the other side of the body (itself on the mid line).
MIRROR: tuple[int, ...] = tuple(
    INDEX[n.replace("Right", "\0").replace("Left", "Right").replace("\0", "Left")] for n in SEGMENTS
)

# Segment origins in their parent's frame in T-pose, metres, for an adult of 1.75 m: joint centres after
# Winter (2009, table 4.1) segment lengths, rounded; every reader and body brings its own.
DEFAULT_JOINT_OFFSETS: npt.NDArray[np.float64] = np.array(
    [
        [0.0, 0.0, 0.0], [-0.02, 0.0, 0.09], [0.0, 0.0, 0.10], [0.0, 0.0, 0.10], [0.0, 0.0, 0.10],
        [0.0, 0.0, 0.15], [0.02, 0.0, 0.09],
        [0.0, -0.03, 0.10], [0.0, -0.155, 0.0], [0.0, -0.29, 0.0], [0.0, -0.255, 0.0],
        [0.0, 0.03, 0.10], [0.0, 0.155, 0.0], [0.0, 0.29, 0.0], [0.0, 0.255, 0.0],
        [0.0, -0.09, -0.02], [0.0, 0.0, -0.42], [0.0, 0.0, -0.42], [0.13, 0.0, -0.06],
        [0.0, 0.09, -0.02], [0.0, 0.0, -0.42], [0.0, 0.0, -0.42], [0.13, 0.0, -0.06],
    ]
)  # fmt: skip
DEFAULT_JOINT_OFFSETS.setflags(write=False)

# Names people use for where a device sits, and the segment that carries it. `anymo.body` turns the same
# names into points on the surface with the usual mounting.
PLACEMENTS: dict[str, str] = {
    "left wrist": "LeftForeArm",
    "right wrist": "RightForeArm",
    "left hand": "LeftHand",
    "right hand": "RightHand",
    "left forearm": "LeftForeArm",
    "right forearm": "RightForeArm",
    "left upper arm": "LeftUpperArm",
    "right upper arm": "RightUpperArm",
    "left shoulder": "LeftShoulder",
    "right shoulder": "RightShoulder",
    "chest": "T8",
    "upper back": "T8",
    "lower back": "L5",
    "waist": "Pelvis",
    "front left trouser pocket": "LeftUpperLeg",
    "front right trouser pocket": "RightUpperLeg",
    "left thigh": "LeftUpperLeg",
    "right thigh": "RightUpperLeg",
    "left shank": "LeftLowerLeg",
    "right shank": "RightLowerLeg",
    "left ankle": "LeftLowerLeg",
    "right ankle": "RightLowerLeg",
    "left foot": "LeftFoot",
    "right foot": "RightFoot",
    "head": "Head",
    "left ear": "Head",
    "right ear": "Head",
    "neck": "Neck",
    "left wrist watch": "LeftForeArm",
    "right wrist watch": "RightForeArm",
    "in the left hand": "LeftHand",
    "in the right hand": "RightHand",
    "left upper arm band": "LeftUpperArm",
    "right upper arm band": "RightUpperArm",
    "front left trouser pocket phone": "LeftUpperLeg",
    "front right trouser pocket phone": "RightUpperLeg",
    "back left trouser pocket": "Pelvis",
    "back right trouser pocket": "Pelvis",
    "shirt pocket": "T8",
    "left jacket pocket": "L5",
    "right jacket pocket": "L5",
    "left hip": "Pelvis",
    "right hip": "Pelvis",
    "sternum": "T8",
    "chest strap": "T8",
    "backpack": "T8",
    "left shoulder bag": "Pelvis",
    "right shoulder bag": "Pelvis",
    "left calf": "LeftLowerLeg",
    "right calf": "RightLowerLeg",
    "left sock": "LeftLowerLeg",
    "right sock": "RightLowerLeg",
    "glasses": "Head",
    "top of the head": "Head",
}

# Other words for the same thing, and other names for the same place.
_WORDS = {
    "trousers": "trouser", "pants": "trouser", "jeans": "trouser", "rear": "back", "smartwatch": "watch",
    "smartphone": "phone", "l": "left", "r": "right", "rucksack": "backpack", "shin": "shank",
    "coat": "jacket", "handbag": "bag", "armband": "band", "handheld": "phone",
}  # fmt: skip
_FILLERS = {"a", "an", "on", "of", "the", "my", "worn", "side"}
_SIDED_ALIASES = {
    "* watch": "* wrist watch", "* wristband": "* wrist", "* lower arm": "* forearm", "* shoe": "* foot",
    "* lower leg": "* shank", "* upper leg": "* thigh", "* earbud": "* ear", "* earphone": "* ear",
    "* band": "* upper arm band", "* arm band": "* upper arm band", "* bag": "* shoulder bag",
    "* belt hip": "* hip", "belt *": "* hip", "* palm": "in the * hand", "* hand phone": "in the * hand",
    "phone in the * hand": "in the * hand", "* trouser pocket": "front * trouser pocket",
    "* trouser pocket phone": "front * trouser pocket phone",
    "phone in * trouser pocket": "front * trouser pocket phone",
    "phone in front * trouser pocket": "front * trouser pocket phone",
}  # fmt: skip
ALIASES: dict[str, str] = {
    "chest pocket": "shirt pocket", "breast pocket": "shirt pocket", "belt": "waist", "belt buckle": "waist",
    "belly": "waist", "necklace": "sternum", "pendant": "sternum", "forehead": "head", "headband": "head",
    "helmet": "top of the head", "bag backpack": "backpack", "smart glasses": "glasses",
    **{a.replace("*", s): p.replace("*", s) for s in ("left", "right") for a, p in _SIDED_ALIASES.items()},
}  # fmt: skip

# What a mirror swaps in captions and placements; "right after" is no side.
_TURNS = r"(?:counter|anti)[- ]?clockwise|clockwise"
_SIDE = re.compile(
    rf"\b(?:left|right(?! (?:after|away|before|now)\b))(?=\b|wards?\b|most\b)|\b(?:{_TURNS})\b", re.IGNORECASE
)
_MIRRORED = {"left": "right", "right": "left", "clockwise": "counterclockwise"}


def mirror_words(text: str) -> str:
    """Swap left and right, clockwise and counterclockwise in a sentence, as a mirrored motion needs."""
    return _SIDE.sub(_mirrored, text)


def _mirrored(match: re.Match[str]) -> str:
    word = match.group()
    swapped = _MIRRORED.get(word.lower(), "clockwise")
    return swapped.capitalize() if word[0].isupper() else swapped


def _words(name: str) -> tuple[str, ...]:
    """The words of a name that tell it apart, in one spelling and in alphabetical order."""
    said = [_WORDS.get(word, word) for word in re.findall(r"\w+", name.lower().replace("_", " "))]
    return tuple(sorted(word for word in said if word not in _FILLERS))


_PLACE_OF = {_words(alias): place for alias, place in ALIASES.items()} | {_words(p): p for p in PLACEMENTS}


@lru_cache(maxsize=1024)
def placement_name(name: str) -> str:
    """The key of PLACEMENTS that a name means, or the segment itself for the name of a segment.

    Case, punctuation, the order of the words and words such as "the" do not matter; synonyms are known:
    "Left wrist, watch" is "left wrist watch", "belt, right hip" is "right hip".

    Raises:
        ValueError: the name is neither; the message names the closest ones.
    """
    if name in INDEX:
        return name
    if (words := _words(name)) in _PLACE_OF:
        return _PLACE_OF[words]
    key = " ".join(name.lower().replace("_", " ").replace("-", " ").split())
    near = [p for side in ("left", "right") if (p := _PLACE_OF.get(_words(f"{side} {name}")))]
    near = near or get_close_matches(key, [*PLACEMENTS, *ALIASES, *SEGMENTS], n=1, cutoff=0.5)
    hint = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
    raise ValueError(
        f"placement: expected one of the known placements or segments, got {name!r}; {hint}"
        f"Known placements: {', '.join(PLACEMENTS)}. Known segments: {', '.join(SEGMENTS)}."
    )


def segment_of(name: str) -> str:
    """Segment that carries a placement; accepts a placement name or a segment name.

    Raises:
        ValueError: the name is neither; the message names the closest ones.
    """
    place = placement_name(name)
    return PLACEMENTS.get(place, place)


def without_side(name: str) -> str:
    """A place without left and right: "wrist watch" of "left wrist watch", "ForeArm" of "RightForeArm".

    Raises:
        ValueError: as `placement_name`.
    """
    return re.sub(r"\b(?:left|right) |^(?:Left|Right)(?=[A-Z])", "", placement_name(name))


def edges() -> npt.NDArray[np.int64]:
    """(2, 44) directed edges of the body graph, both ways, child and parent."""
    pairs = [(c, p) for c, p in enumerate(PARENTS) if p >= 0]
    return np.array(pairs + [(p, c) for c, p in pairs], dtype=np.int64).T


def hop_distance() -> npt.NDArray[np.int64]:
    """(23, 23) number of joints between two segments along the skeleton."""
    return _along_skeleton(np.ones(NUM_SEGMENTS)).astype(np.int64)


def path_length() -> npt.NDArray[np.float64]:
    """(23, 23) distance between the origins of two segments along the bones of an adult of 1.75 m, m."""
    return _along_skeleton(np.linalg.norm(DEFAULT_JOINT_OFFSETS, axis=1))


def _along_skeleton(to_parent: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(23, 23) lengths of the shortest paths, given each segment's distance to its parent, (23,)."""
    distance = np.full((NUM_SEGMENTS, NUM_SEGMENTS), np.inf)
    np.fill_diagonal(distance, 0.0)
    for a, b in edges().T:
        distance[a, b] = to_parent[a if PARENTS[a] == b else b]
    for k in range(NUM_SEGMENTS):
        distance = np.minimum(distance, distance[:, k, None] + distance[None, k, :])
    return distance


def forward_kinematics(
    root_position: npt.NDArray[np.float64],
    rotations: npt.NDArray[np.float64],
    joint_offsets: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """World pose of the 23 segments: R_c = R_p L_c and p_c = p_p + R_p o_c down the tree.

    Args:
        root_position: (T, 3) pelvis origin, world frame, m.
        rotations: (T, 23, 3, 3) parent from segment; entry 0 is world from pelvis.
        joint_offsets: (23, 3) segment origin in its parent's frame, m.

    Returns:
        Positions (T, 23, 3) m and rotations (T, 23, 3, 3) world from segment.
    """
    position = np.empty((*rotations.shape[:2], 3))
    world = np.empty_like(rotations)
    position[:, 0], world[:, 0] = root_position, rotations[:, 0]
    for child, parent in enumerate(PARENTS[1:], start=1):
        world[:, child] = world[:, parent] @ rotations[:, child]
        position[:, child] = position[:, parent] + world[:, parent] @ joint_offsets[child]
    return position, world
