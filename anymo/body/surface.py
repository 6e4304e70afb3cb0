"""A body's skin in T-pose: candidate places for sensors, their frames, and draws from them."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from anymo.body.fitting import fit
from anymo.body.mounting import Mount, first_hit, flat_turns, mount_of
from anymo.body.nearest import nearest_on_triangles
from anymo.records import Array, Placement
from anymo.skeleton import (
    DEFAULT_JOINT_OFFSETS,
    INDEX,
    NUM_SEGMENTS,
    PARENTS,
    PLACEMENTS,
    SEGMENTS,
    forward_kinematics,
    segment_of,
)

Ints = npt.NDArray[np.int64]

# Segment that a limb axis points to: the first child, the neck for T8; -1 for head, hands and toes.
_NEXT: tuple[int, ...] = tuple(
    next((c for c in range(NUM_SEGMENTS) if PARENTS[c] == s), -1) for s in range(NUM_SEGMENTS)
)
_SHORTEST_BONE_M = 1e-3
_DEFAULT_JOINTS = forward_kinematics(
    np.zeros((1, 3)), np.tile(np.eye(3), (1, NUM_SEGMENTS, 1, 1)), DEFAULT_JOINT_OFFSETS
)[0][0]


def _unit(v: Array) -> Array:
    length: Array = np.linalg.norm(v, axis=-1, keepdims=True)
    return v / length


def _frames(normals: Array, axes: Array) -> Array:
    """(N, 3, 3) columns t, b, n from normals n and limb axes, both (N, 3) unit vectors."""
    t = _unit(axes - np.sum(axes * normals, axis=1, keepdims=True) * normals)
    return np.stack([t, np.cross(normals, t), normals], axis=-1)


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
        """(23, 3) unit limb axes: to the next joint; hands, toes and head away from the one before.

        Where a rig puts both joints in one place, the axis is that of the default skeleton.
        """
        bone, usual = (
            np.array(
                [
                    joint[n] - joint[s] if n >= 0 else joint[s] - joint[p]
                    for s, (n, p) in enumerate(zip(_NEXT, PARENTS, strict=True))
                ]
            )
            for joint in (self.joint_position, _DEFAULT_JOINTS)
        )
        return _unit(np.where(np.linalg.norm(bone, axis=1, keepdims=True) > _SHORTEST_BONE_M, bone, usual))

    @cached_property
    def frame(self) -> Array:
        """(V, 3, 3) segment from surface, columns [t b n] as in AnyMo (arXiv 2605.22715).

        n is the outward normal, t = unit(a − (a·n) n) the limb axis within the skin, b = n × t; the axis a
        runs between joints, where AnyMo takes centroids of vertices.
        """
        return _frames(self.normals, self.axes[self.vertex_segment])

    def placement(
        self,
        place: str,
        *,
        vertex: int | None = None,
        rng: np.random.Generator | None = None,
        jitter_m: float = 0.0,
    ) -> Placement:
        """A device worn as people wear it: `mount_of(place)`, by default flat on the skin.

        A flat sensor has x along the limb away from the trunk, y around it, z outward. Phones and watches
        have the axes of their screens (docs/placements.md).

        Args:
            place: a name as skeleton.placement_name understands it, or a segment (its first placement).
            vertex: index of a vertex of that segment, instead of the usual spot.
            rng: draws the jitter.
            jitter_m: the sensor sits on a random vertex of the same side of the segment, up to this far away.

        Raises:
            ValueError: unknown place, vertex on another segment, or jitter without rng.
        """
        segment, mount = segment_of(place), mount_of(place)
        if vertex is None:
            vertex = self._usual_vertex(segment, mount)
        elif not 0 <= vertex < len(self.vertices) or SEGMENTS[self.vertex_segment[vertex]] != segment:
            raise ValueError(
                f"placement {place!r}: vertex must be one of the {segment}, got {vertex}; "
                "choose among np.flatnonzero(body.vertex_segment == skeleton.INDEX[segment])"
            )
        if jitter_m > 0:
            vertex = self._nearby_vertex(vertex, jitter_m, rng)
        return Placement(
            segment=segment,
            offset_m=self.vertices[vertex]
            + mount.height_m * self.normals[vertex]
            - self.joint_position[INDEX[segment]],
            rotation=self.frame[vertex] @ mount.mounting.rotation,
            name=place,
        )

    def placement_at(
        self, segment: str, offset_m: Array, *, within_m: float = 0.05, name: str = ""
    ) -> Placement:
        """Sensor flat on the skin at the point nearest to a given one.

        Args:
            segment: one of skeleton.SEGMENTS, or a placement on it.
            offset_m: (3,) point in the segment frame, m.
            within_m: how far the point may be from the segment's skin, inside or outside, m.
            name: of the placement.

        Raises:
            ValueError: the point is farther away than that, or no point; the message says how far and names
                the nearest spot.
        """
        carrier, point = segment_of(segment), np.asarray(offset_m, dtype=np.float64)
        if point.shape != (3,) or not np.isfinite(point).all():
            raise ValueError(f"placement {name!r}: offset_m must be (3,) finite metres, got {offset_m}")
        origin = self.joint_position[INDEX[carrier]]
        faces = self.faces[(self.vertex_segment[self.faces] == INDEX[carrier]).any(axis=1)]
        face, share = nearest_on_triangles(point + origin, self.vertices[faces])
        spot = share @ self.vertices[faces[face]]
        distance = float(np.linalg.norm(spot - origin - point))
        if distance > within_m:
            raise ValueError(
                f"placement {name!r}: offset_m {np.round(point, 3).tolist()} in the {carrier} frame is "
                f"{distance:.3f} m off the body, expected within {within_m:g} m of that segment's skin; the "
                f"nearest spot is {np.round(spot - origin, 3).tolist()}, near {self._nearest_name(spot)!r}"
            )
        normal = _unit(share @ self.normals[faces[face]])
        rotation = _frames(normal[None], self.axes[[INDEX[carrier]]])[0]
        return Placement(segment=carrier, offset_m=spot - origin, rotation=rotation, name=name)

    def on_skin(self, placement: Placement, *, within_m: float = 0.05) -> Placement:
        """The placement moved to the nearest point of its segment's skin, turned as it was.

        Raises:
            ValueError: it is farther than within_m off the body, as in `placement_at`.
        """
        spot = self.placement_at(
            placement.segment, placement.offset_m, within_m=within_m, name=placement.name
        )
        return replace(placement, offset_m=spot.offset_m)

    def fitted(self, joint_offsets: Array) -> "Body":
        """This body with other bone lengths: joints exactly as given, girths scaled with the stature.

        Args:
            joint_offsets: (23, 3) segment origins in their parents' frames, m, as in `Motion.joint_offsets`.

        Raises:
            ValueError: offsets of another shape, or of no human proportions.
        """
        vertices, joints = fit(self.vertices, self.skin_weights, self.joint_position, joint_offsets)
        return replace(self, vertices=vertices, joint_position=joints)

    def random_placement(self, segment: str, rng: np.random.Generator) -> Placement:
        """Sensor anywhere on a segment (or a placement's), turned as in `random_placements`.

        Raises:
            ValueError: an unknown segment or placement.
        """
        offset, rotation = self.random_placements(np.array([INDEX[segment_of(segment)]]), rng)
        return Placement(segment=segment, offset_m=offset[0], rotation=rotation[0])

    def random_placements(self, segments: Ints, rng: np.random.Generator) -> tuple[Array, Array]:
        """Sensors anywhere on given segments, uniform over the skin's area and mounted as `flat_turns` says.

        Args:
            segments: (N,) indices into skeleton.SEGMENTS.
            rng: source of the draws.

        Returns:
            Offsets (N, 3) in the segment frame, m, and rotations (N, 3, 3) segment from sensor.

        Raises:
            ValueError: an index is not that of a segment.
        """
        vertex = self.random_vertices(segments, rng)
        return self.offset_m[vertex], self.frame[vertex] @ flat_turns(len(segments), rng)

    def random_vertices(self, segments: Ints, rng: np.random.Generator) -> Ints:
        """Vertices (N,) of given segments (N,), uniform over the skin's area.

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
        vertices: Ints = order[np.minimum(drawn, start[segments + 1] - 1)]  # rounding can reach the upper end
        return vertices

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

    def _usual_vertex(self, segment: str, mount: Mount) -> int:
        index = INDEX[segment]
        own = np.flatnonzero(np.isin(self.vertex_segment, [INDEX[name] for name in mount.skin or (segment,)]))
        origin, axis, after = self.joint_position[index], self.axes[index], _NEXT[index]
        end = self.joint_position[after] @ axis if after >= 0 else (self.vertices[own] @ axis).max()
        start = origin + mount.along * (end - origin @ axis) * axis
        return int(own[first_hit(start, np.array(mount.outward), self.vertices[own], self.normals[own])])

    def _nearest_name(self, point: Array) -> str:
        spots = {name: self.placement(name) for name in PLACEMENTS}
        return min(
            spots,
            key=lambda name: float(
                np.linalg.norm(self.joint_position[INDEX[spots[name].segment]] + spots[name].offset_m - point)
            ),
        )

    def _nearby_vertex(self, vertex: int, radius_m: float, rng: np.random.Generator | None) -> int:
        if rng is None:
            raise ValueError("placement: jitter_m needs rng, got None; pass np.random.default_rng(seed)")
        near = np.linalg.norm(self.vertices - self.vertices[vertex], axis=1) <= radius_m
        near &= (self.vertex_segment == self.vertex_segment[vertex]) & (
            self.normals @ self.normals[vertex] > 0
        )
        return int(rng.choice(np.flatnonzero(near)))
