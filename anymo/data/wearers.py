"""Where on whose body training sensors sit, and how they are turned there."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from anymo.body import Body
from anymo.body.mounting import flat_turns
from anymo.records import Array
from anymo.skeleton import NUM_SEGMENTS, PARENTS

Ints = npt.NDArray[np.int64]

# The bone of a segment ends at its first child's origin; head, hands and toes take that of their parent.
_END = [next((c for c in range(NUM_SEGMENTS) if PARENTS[c] == s), s) for s in range(NUM_SEGMENTS)]


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
        self, segment: Ints, shape: Ints, bones: Ints, upright_share: float, rng: np.random.Generator
    ) -> tuple[Array, Array]:
        """New places for N sensors.

        Args:
            segment: (N,) index into skeleton.SEGMENTS that carries each.
            shape: (N,) body whose skin each sits on.
            bones: (N,) body whose bones move it; the place is scaled to the length of its bone.
            upright_share: share of sensors flat on the skin (`flat_turns`); the others are turned any way.
            rng: where the draws come from.

        Returns:
            Offsets (N, 3) in the segment's frame, m, and rotations (N, 3, 3) segment from sensor.
        """
        offset, rotation = np.empty((len(segment), 3)), np.empty((len(segment), 3, 3))
        for b in np.unique(shape):
            rows, body = shape == b, self.bodies[b]
            vertex = body.random_vertices(segment[rows], rng)
            offset[rows], rotation[rows] = body.offset_m[vertex], body.frame[vertex]
        offset *= (self.bone_m[bones, segment] / self.bone_m[shape, segment])[:, None]
        upright = rng.random(len(segment)) < upright_share
        num = int(upright.sum())
        rotation[upright] = rotation[upright] @ flat_turns(num, rng)
        rotation[~upright] = Rotation.random(len(segment) - num, rng=rng).as_matrix()
        return offset, rotation
