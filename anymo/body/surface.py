"""A body's skin in T-pose: candidate places for sensors, their frames, and draws from them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from anymo.body.mounting import first_hit, mount_of
from anymo.records import Array, Placement
from anymo.skeleton import INDEX, NUM_SEGMENTS, PARENTS, SEGMENTS, segment_of

Ints = npt.NDArray[np.int64]

# Segment that a limb axis points to: the first child, the neck for T8; -1 for head, hands and toes.
_NEXT: tuple[int, ...] = tuple(
    next((c for c in range(NUM_SEGMENTS) if PARENTS[c] == s), -1) for s in range(NUM_SEGMENTS)
)
_TILT_RAD = np.deg2rad(10.0)


def _unit(v: Array) -> Array:
    length: Array = np.linalg.norm(v, axis=-1, keepdims=True)
    return v / length


@dataclass(frozen=True, kw_only=True, eq=False)
class Body:
    """Outer skin of one body in T-pose: z up, facing +x, left is +y, feet on z = 0, pelvis above the origin.

    Every vertex is a candidate placement; eyeballs and the cavities of mouth and eyes are not part of it.
    In T-pose the axes of all segments are those of the world.

    vertices        m                                         (V, 3)
    faces           triangles, counter-clockwise from outside (F, 3)
    joint_position  segment origins, m                        (23, 3)
    skin_weights    how much each segment moves a vertex      (V, 23)  float32
    """

    vertices: Array
    faces: Ints
    joint_position: Array
    skin_weights: npt.NDArray[np.float32]

    @cached_property
    def joint_offsets(self) -> Array:
        """(23, 3) segment origin in its parent's frame, m; zero for the pelvis."""
        offsets = self.joint_position - self.joint_position[list(PARENTS)]
        offsets[0] = 0.0
        return offsets

    @cached_property
    def vertex_segment(self) -> Ints:
        """(V,) segment that moves the vertex most."""
        segment: Ints = np.argmax(self.skin_weights, axis=1)
        return segment

    @cached_property
    def offset_m(self) -> Array:
        """(V, 3) vertex in the frame of its segment, m."""
        return self.vertices - self.joint_position[self.vertex_segment]

    @cached_property
    def normals(self) -> Array:
        """(V, 3) outward unit normals: the area-weighted mean of the faces around a vertex."""
        return _unit(self._sum_over_faces(self._face_cross))

    @cached_property
    def axes(self) -> Array:
        """(23, 3) unit limb axes: to the next joint; hands, toes and head away from the one before."""
        joint = self.joint_position
        return _unit(
            np.array(
                [
                    joint[n] - joint[s] if n >= 0 else joint[s] - joint[p]
                    for s, (n, p) in enumerate(zip(_NEXT, PARENTS, strict=True))
                ]
            )
        )

    @cached_property
    def frame(self) -> Array:
        """(V, 3, 3) segment from surface, columns [t b n] as in AnyMo (arXiv 2605.22715).

        n is the outward normal, t = unit(a − (a·n) n) the limb axis within the skin, b = n × t; the axis a
        runs between joints, where AnyMo takes centroids of vertices.
        """
        n, a = self.normals, self.axes[self.vertex_segment]
        t = _unit(a - np.sum(a * n, axis=1, keepdims=True) * n)
        return np.stack([t, np.cross(n, t), n], axis=-1)

    def placement(
        self,
        place: str,
        *,
        vertex: int | None = None,
        rng: np.random.Generator | None = None,
        jitter_m: float = 0.0,
    ) -> Placement:
        """Sensor flat on the skin: x along the limb away from the trunk, y around it, z outward.

        Args:
            place: one of skeleton.PLACEMENTS, or a segment (its first placement).
            vertex: index of a vertex of that segment, instead of the usual spot.
            rng: draws the jitter.
            jitter_m: the sensor sits on a random vertex of the same side of the segment, up to this far away.

        Raises:
            ValueError: unknown place, vertex on another segment, or jitter without rng.
        """
        segment = segment_of(place)
        if vertex is None:
            vertex = self._usual_vertex(place)
        elif not 0 <= vertex < len(self.vertices) or SEGMENTS[self.vertex_segment[vertex]] != segment:
            raise ValueError(
                f"placement {place!r}: vertex must be one of the {segment}, got {vertex}; "
                "choose among np.flatnonzero(body.vertex_segment == skeleton.INDEX[segment])"
            )
        if jitter_m > 0:
            vertex = self._nearby_vertex(vertex, jitter_m, rng)
        return Placement(
            segment=segment, offset_m=self.offset_m[vertex], rotation=self.frame[vertex], name=place
        )

    def random_placement(self, segment: str, rng: np.random.Generator) -> Placement:
        """Sensor anywhere on a segment, turned as in `random_placements`."""
        offset, rotation = self.random_placements(np.array([INDEX[segment_of(segment)]]), rng)
        return Placement(segment=segment, offset_m=offset[0], rotation=rotation[0])

    def random_placements(self, segments: Ints, rng: np.random.Generator) -> tuple[Array, Array]:
        """Sensors anywhere on given segments, uniform over the skin's area.

        Mounted flat but for a tilt of ±10° about the sensor's x and y, after a turn in the plane of the skin
        that is uniform over the circle.

        Args:
            segments: (N,) indices into skeleton.SEGMENTS.
            rng: source of the draws.

        Returns:
            Offsets (N, 3) in the segment frame, m, and rotations (N, 3, 3) segment from sensor.

        Raises:
            ValueError: an index is not that of a segment.
        """
        if segments.size and not 0 <= segments.min() <= segments.max() < NUM_SEGMENTS:
            raise ValueError(
                f"segments: expected indices from 0 to {NUM_SEGMENTS - 1}, got {segments.min()} to "
                f"{segments.max()}; look them up in skeleton.INDEX"
            )
        order, area, start = self._area_table
        low, high = area[start[segments]], area[start[segments + 1]]
        drawn = np.searchsorted(area, low + (high - low) * rng.random(len(segments)), side="right") - 1
        vertex = order[np.minimum(drawn, start[segments + 1] - 1)]  # rounding can reach the upper end
        bound = np.array([_TILT_RAD, _TILT_RAD, np.pi])
        turn = Rotation.from_euler("XYZ", rng.uniform(-bound, bound, (len(segments), 3)))
        return self.offset_m[vertex], self.frame[vertex] @ turn.as_matrix()

    @cached_property
    def _face_cross(self) -> Array:
        corner = self.vertices[self.faces]
        return np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])

    def _sum_over_faces(self, values: Array) -> Array:
        total = np.zeros((len(self.vertices), values.shape[1]))
        for corner in self.faces.T:
            np.add.at(total, corner, values)
        return total

    @cached_property
    def _area_table(self) -> tuple[Ints, Array, Ints]:
        """Vertices sorted by segment (V,), area before each of them (V + 1,), first of each segment (24,)."""
        doubled = np.linalg.norm(self._face_cross, axis=1, keepdims=True)
        order = np.argsort(self.vertex_segment, kind="stable")
        area = np.concatenate([[0.0], np.cumsum(self._sum_over_faces(doubled)[order, 0] / 6.0)])
        start = np.searchsorted(self.vertex_segment[order], np.arange(NUM_SEGMENTS + 1))
        return order, area, start

    def _usual_vertex(self, place: str) -> int:
        along, outward = mount_of(place)
        segment = INDEX[segment_of(place)]
        own = np.flatnonzero(self.vertex_segment == segment)
        origin, axis, after = self.joint_position[segment], self.axes[segment], _NEXT[segment]
        end = self.joint_position[after] @ axis if after >= 0 else (self.vertices[own] @ axis).max()
        start = origin + along * (end - origin @ axis) * axis
        return int(own[first_hit(start, np.array(outward), self.vertices[own], self.normals[own])])

    def _nearby_vertex(self, vertex: int, radius_m: float, rng: np.random.Generator | None) -> int:
        if rng is None:
            raise ValueError("placement: jitter_m needs rng, got None; pass np.random.default_rng(seed)")
        near = np.linalg.norm(self.vertices - self.vertices[vertex], axis=1) <= radius_m
        near &= (self.vertex_segment == self.vertex_segment[vertex]) & (
            self.normals @ self.normals[vertex] > 0
        )
        return int(rng.choice(np.flatnonzero(near)))
