"""Where on its segment each named placement sits: how far along, and which way the skin faces there."""

from typing import NamedTuple

import numpy as np

from anymo.records import Array
from anymo.skeleton import PLACEMENTS, segment_of


class Mount(NamedTuple):
    """Spot on a segment.

    along    0 at the segment's origin, 1 at the next joint (hand, toe, head: at the tip)
    outward  direction the skin faces in T-pose: x forward, y to the placement's own side, z up
    """

    along: float
    outward: tuple[float, float, float]


_FRONT, _BACK, _OUTER, _TOP = (1.0, 0.0, 0.0), (-1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)

# In T-pose palms face down: the top of an arm is the back of the hand and the outer side of the upper arm.
# Keys go without left and right; the last three are segments that carry no named placement.
_MOUNTS: dict[str, Mount] = {
    "wrist": Mount(0.92, _TOP),
    "hand": Mount(0.35, _TOP),
    "forearm": Mount(0.4, _TOP),
    "upper arm": Mount(0.5, _TOP),
    "shoulder": Mount(0.7, _TOP),
    "chest": Mount(0.25, _FRONT),
    "upper back": Mount(0.4, _BACK),
    "lower back": Mount(0.5, _BACK),
    "waist": Mount(0.8, _FRONT),
    "front trouser pocket": Mount(0.2, (0.92, 0.38, 0.0)),
    "thigh": Mount(0.5, _FRONT),
    "shank": Mount(0.4, _FRONT),
    "ankle": Mount(0.9, _OUTER),
    "foot": Mount(0.6, _TOP),
    "head": Mount(0.6, _FRONT),
    "ear": Mount(0.3, _OUTER),
    "neck": Mount(0.5, _BACK),
    "L3": Mount(0.5, _BACK),
    "T12": Mount(0.5, _BACK),
    "Toe": Mount(0.4, _TOP),
}


def mount_of(place: str) -> Mount:
    """Spot of a placement or, for a segment, of the first placement that it carries.

    Raises:
        ValueError: `place` is neither.
    """
    segment = segment_of(place)
    key = " ".join(place.lower().replace("_", " ").replace("-", " ").split())
    if place == segment:
        key = next((name for name, carrier in PLACEMENTS.items() if carrier == segment), segment)
    stem = " ".join(word for word in key.split() if word not in ("left", "right"))
    along, (x, y, z) = _MOUNTS[stem.removeprefix("Left").removeprefix("Right")]
    return Mount(along, (x, -y if "right" in key.lower() else y, z))


def first_hit(start: Array, outward: Array, vertices: Array, normals: Array) -> int:
    """Vertex nearest to a ray from inside a segment, among those on its side that face its way.

    Args:
        start: (3,) where the ray leaves the limb axis, m.
        outward: (3,) unit direction.
        vertices: (V, 3) of the segment, m.
        normals: (V, 3) outward normals.
    """
    arm = vertices - start
    reach = arm @ outward
    distance = np.linalg.norm(arm - reach[:, None] * outward, axis=1)
    faces_it = (reach > 0) & (normals @ outward > 0.5)
    return int(np.argmin(np.where(faces_it, distance, np.inf)))
