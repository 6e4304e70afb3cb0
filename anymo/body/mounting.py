"""Where on its segment each named placement sits, where the skin faces there, and how a device is turned."""

from typing import NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation

from anymo.records import Array
from anymo.skeleton import INDEX, PLACEMENTS, placement_name, without_side


class Mounting(NamedTuple):
    """How a device is turned on the skin.

    axes      device x, y, z in the skin's axes: t along the limb away from the trunk, b around it, n outward
    meaning   the same in words
    """

    axes: str
    meaning: str

    @property
    def rotation(self) -> Array:
        """(3, 3) skin from device."""
        skin = dict(zip("tbn", np.eye(3), strict=True))
        return np.stack([skin[word[1]] * (1 if word[0] == "+" else -1) for word in self.axes.split()], axis=1)


class Mount(NamedTuple):
    """Spot on a segment, and how a device sits there.

    along      0 at the segment's origin, 1 at the next joint (hand, toe, head: at the tip)
    outward    direction the skin faces in T-pose: x forward, y to the placement's own side, z up
    mounting   how the device is turned
    height_m   of the device above the skin, m
    skin       segments on whose skin it lies; none: its own
    """

    along: float
    outward: tuple[float, float, float]
    mounting: Mounting = Mounting("+t +b +n", "x along the limb away from the trunk, z out of the skin")
    height_m: float = 0.0
    skin: tuple[str, ...] = ()


_FRONT, _BACK, _OUTER, _TOP = (1.0, 0.0, 0.0), (-1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
_FRONT_OUTER, _BACK_OUTER = (0.8, 0.6, 0.0), (-0.85, 0.53, 0.0)
# Axes of phones and watches as in Android's SensorEvent and Apple's Core Motion: x to the right of the
# screen, y to its top (12 o'clock), z out of it.
_LEFT_WATCH = Mounting("+t +b +n", "watch read from above: x, the crown, to the hand, z out of the face")
_RIGHT_WATCH = Mounting("-t -b +n", "watch read from above: x, the crown, to the elbow, z out of the face")
_PHONE_UPRIGHT = Mounting("+b +t -n", "phone, top up, screen to the body")
_PHONE_HEAD_DOWN = Mounting("+b +t -n", "phone, top down, screen to the body")
_PHONE_SHOWN = Mounting("-b +t +n", "phone, top up, screen outward")
_PHONE_HELD = Mounting("-b +t +n", "phone, back on the palm, top to the finger tips")
_PHONE_BAND = Mounting("+b -t +n", "phone, top to the shoulder, screen outward")
_BAG = Mounting("+b +t -n", "phone in the bag, top up, screen to the body")

_TILT_RAD = np.deg2rad(10.0)

# The rib cage moves as one: what sits low on it goes with T8, though its skin follows T12 more.
_RIBS = ("T12", "T8")

# In T-pose palms face down: the top of an arm is the back of the hand and the outer side of the upper arm.
# Keys go without left and right; L3, T12 and Toe are segments that carry no named placement.
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
    "wrist watch": Mount(0.92, _TOP, _LEFT_WATCH),
    "in the hand": Mount(0.35, (0.0, 0.0, -1.0), _PHONE_HELD, 0.01),
    "upper arm band": Mount(0.5, _TOP, _PHONE_BAND, 0.005),
    "front trouser pocket phone": Mount(0.2, (0.92, 0.38, 0.0), _PHONE_HEAD_DOWN, 0.005),
    "back trouser pocket": Mount(-0.5, _BACK_OUTER, _PHONE_UPRIGHT, 0.005),
    "shirt pocket": Mount(0.1, _FRONT_OUTER, _PHONE_UPRIGHT, 0.01, _RIBS),
    "jacket pocket": Mount(0.2, _FRONT_OUTER, _PHONE_UPRIGHT, 0.03),
    "hip": Mount(1.0, (0.35, 0.94, 0.0), _PHONE_SHOWN, 0.01, ("Pelvis", "L5")),
    "sternum": Mount(0.05, _FRONT, skin=_RIBS),
    "chest strap": Mount(-0.35, _FRONT, skin=_RIBS),
    "backpack": Mount(0.2, _BACK, _BAG, 0.1),
    "shoulder bag": Mount(0.0, _OUTER, _BAG, 0.06),
    "calf": Mount(0.35, _BACK),
    "sock": Mount(0.8, _OUTER),
    "glasses": Mount(0.4, _FRONT),
    "top of the head": Mount(0.2, _TOP),
}


def mount_of(place: str) -> Mount:
    """Spot and mounting of a placement or, for a segment, of the first placement that it carries.

    Raises:
        ValueError: `place` is neither.
    """
    key = placement_name(place)
    if key in INDEX and without_side(key) not in _MOUNTS:
        key = next(name for name, carrier in PLACEMENTS.items() if carrier == key)
    is_right = "right" in key.lower()
    mount = _MOUNTS[without_side(key)]
    x, y, z = mount.outward
    mounting = _RIGHT_WATCH if is_right and mount.mounting is _LEFT_WATCH else mount.mounting
    return mount._replace(outward=(x, -y if is_right else y, z), mounting=mounting)


def flat_turns(num: int, rng: np.random.Generator) -> Array:
    """(N, 3, 3) turns of sensors on the skin: any way in its plane, then a tilt of ±10° about x and y."""
    bound = np.array([_TILT_RAD, _TILT_RAD, np.pi])
    turns: Array = Rotation.from_euler("XYZ", rng.uniform(-bound, bound, (num, 3))).as_matrix()
    return turns


def first_hit(start: Array, outward: Array, vertices: Array, normals: Array) -> int:
    """Vertex nearest to a ray from inside a segment, among those on its side that face its way.

    Args:
        start: (3,) where the ray leaves the limb axis, m.
        outward: (3,) unit direction.
        vertices: (V, 3) of the segment, m.
        normals: (V, 3) outward normals.

    Raises:
        ValueError: no vertex does.
    """
    arm = vertices - start
    reach = arm @ outward
    distance = np.linalg.norm(arm - reach[:, None] * outward, axis=1)
    faces_it = (reach > 0) & (normals @ outward > 0.5)
    if not faces_it.any():
        raise ValueError("placement: no skin of this segment faces that way; give a vertex or placement_at")
    return int(np.argmin(np.where(faces_it, distance, np.inf)))
