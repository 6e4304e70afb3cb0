"""Where on whose body training sensors sit, and how they are turned there."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from anymo.body import Body
from anymo.body.mounting import flat_turns
from anymo.records import Array
from anymo.skeleton import NUM_SEGMENTS, PARENTS, PLACEMENTS, SEGMENTS

Ints = npt.NDArray[np.int64]

# The bone of a segment ends at its first child's origin; head, hands and toes take that of their parent.
_END = [next((c for c in range(NUM_SEGMENTS) if PARENTS[c] == s), s) for s in range(NUM_SEGMENTS)]

# A device is worn as usual, or turned in its plane, half or a quarter; or with its face to the body.
_TURN_SHARES = (0.5, 0.2, 0.1, 0.1, 0.1)
_TURNS = Rotation.from_rotvec(
    np.pi * np.array([[0, 0, 0], [0, 0, 1], [0, 0, 0.5], [0, 0, -0.5], [0, 1, 0]])
).as_matrix()
_SLOPPY_RAD, _MOVED_M = np.deg2rad(8.0), 0.01  # standard deviations about and along each axis


class Wearers:
    """Bodies that lend each other their shape: a sensor on one is worn on the bones of another.

    Args:
        bodies: those a corpus was built with.
    """

    def __init__(self, bodies: Sequence[Body]) -> None:
        self.bodies = tuple(bodies)
        joint = np.stack([body.joint_position for body in self.bodies])
        end = np.array(_END)
        start = np.array([PARENTS[s] if end[s] == s else s for s in range(NUM_SEGMENTS)])
        self.bone_m = np.linalg.norm(joint[:, end] - joint[:, start], axis=-1)

    def __len__(self) -> int:
        return len(self.bodies)

    def mount(
        self,
        segment: Ints,
        shape: Ints,
        bones: Ints,
        *,
        usual_share: float,
        upright_share: float,
        rng: np.random.Generator,
    ) -> tuple[Array, Array]:
        """New places for N sensors.

        Args:
            segment: (N,) index into skeleton.SEGMENTS that carries each.
            shape: (N,) body whose skin each sits on.
            bones: (N,) body whose bones move it; the place is scaled to the length of its bone.
            usual_share: share of sensors at a named placement of their segment, worn as devices are there
                (`anymo.body.mounting`) or in another of the quarter turns that people give them.
            upright_share: share anywhere on the skin, flat on it (`flat_turns`); the others, anywhere as
                well, are turned any way.
            rng: where the draws come from.

        Returns:
            Offsets (N, 3) in the segment's frame, m, and rotations (N, 3, 3) segment from sensor.
        """
        offset, rotation = np.empty((len(segment), 3)), np.empty((len(segment), 3, 3))
        for b in np.unique(shape):
            rows, body = shape == b, self.bodies[b]
            vertex = body.random_vertices(segment[rows], rng)
            offset[rows], rotation[rows] = body.offset_m[vertex], body.frame[vertex]
        kind = rng.random(len(segment))
        usual, turned = kind < usual_share, kind >= usual_share + upright_share
        flat = ~usual & ~turned
        offset[usual], rotation[usual] = self._usual_places(segment[usual], shape[usual], rng)
        offset *= (self.bone_m[bones, segment] / self.bone_m[shape, segment])[:, None]
        rotation[flat] = rotation[flat] @ flat_turns(int(flat.sum()), rng)
        rotation[turned] = Rotation.random(int(turned.sum()), rng=rng).as_matrix()
        return offset, rotation

    def _usual_places(self, segment: Ints, shape: Ints, rng: np.random.Generator) -> tuple[Array, Array]:
        """Offsets (N, 3) and rotations (N, 3, 3) of devices worn about as usual."""
        num, (first, offset, rotation) = len(segment), self._named
        row = first[segment] + rng.integers(first[segment + 1] - first[segment])
        turn = rng.choice(len(_TURNS), size=num, p=_TURN_SHARES)
        sloppy = Rotation.from_rotvec(rng.normal(scale=_SLOPPY_RAD, size=(num, 3))).as_matrix()
        moved = rng.normal(scale=_MOVED_M, size=(num, 3))
        return offset[shape, row] + moved, rotation[shape, row] @ _TURNS[turn] @ sloppy

    @cached_property
    def _named(self) -> tuple[Ints, Array, Array]:
        """First row of each segment (24,), and by body and row: offsets (B, P, 3), rotations (B, P, 3, 3)."""
        names = [[n for n, carrier in PLACEMENTS.items() if carrier == s] or [s] for s in SEGMENTS]
        first = np.cumsum([0, *map(len, names)])
        worn = [[body.placement(name) for own in names for name in own] for body in self.bodies]
        offset = np.array([[p.offset_m for p in row] for row in worn])
        return first, offset, np.array([[p.rotation for p in row] for row in worn])
