"""CMU's skeleton, whichever format carries it: 31 bones of VICON BodyBuilder -> poses of our 23 segments."""

from collections.abc import Sequence

from anymo.motion.joints import WORLD_FROM
from anymo.records import Array
from anymo.skeleton import SEGMENTS

# Segment: bone at whose start it begins, and bone with which it turns. The radius holds two thirds of the
# forearm and bends the elbow, the "wrist" the last third and its twist; the head turns with its last bone,
# but begins at the top of the neck.
_TRUNK = (
    ("root", "root"), ("lowerback", "lowerback"), ("lowerback", "lowerback"), ("upperback", "upperback"),
    ("thorax", "thorax"), ("lowerneck", "lowerneck"), ("upperneck", "head"),
)  # fmt: skip
_ARM = (("clavicle", "clavicle"), ("humerus", "humerus"), ("radius", "wrist"), ("hand", "hand"))
_LEG = (("femur", "femur"), ("tibia", "tibia"), ("foot", "foot"), ("toes", "toes"))
_SOURCE = (
    *_TRUNK,
    *((f"{side}{a}", f"{side}{b}") for limb in (_ARM, _LEG) for side in "rl" for a, b in limb),
)


def segment_poses(bones: Sequence[str], start: Array, turn: Array, unit_m: float) -> tuple[Array, Array]:
    """Segment origins and turns away from the T-pose, in our world axes, from those of the bones.

    L3 begins halfway up the lower back, which it shares with L5.

    Args:
        bones: (B) names as in CMU's `.asf` files.
        start: (T, B, 3) where the bones start; x left, y up, z forward, any unit.
        turn: (T, B, 3, 3) away from rest, same axes.
        unit_m: metres per unit of `start`.

    Returns:
        (T, 23, 3) m and (T, 23, 3, 3), z up.

    Raises:
        ValueError: a bone is missing.
    """
    index = {name: i for i, name in enumerate(bones)}
    if missing := sorted({name for pair in _SOURCE for name in pair} - set(index)):
        raise ValueError(
            f"expected CMU's bones, {', '.join(missing[:6])} not among {', '.join(bones)}; "
            "convert the clip to BVH"
        )
    world = WORLD_FROM["y"]
    position = start[:, [index[a] for a, _ in _SOURCE]] @ (world.T * unit_m)
    l5, l3, t12 = (SEGMENTS.index(name) for name in ("L5", "L3", "T12"))
    position[:, l3] = 0.5 * (position[:, l5] + position[:, t12])
    return position, world @ turn[:, [index[b] for _, b in _SOURCE]] @ world.T
