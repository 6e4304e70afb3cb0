"""Sensors on skin: against differences of the posed mesh, and rigid sensors where the skin is rigid."""

import numpy as np
import pytest
import torch

from anymo import body
from anymo.records import GRAVITY_MPS2, Motion, Placement
from anymo.simulation import MotionSpline, simulate, simulate_skin
from anymo.skeleton import SEGMENTS

FINE_HZ = 500.0


@pytest.fixture(scope="module")
def wearer():
    return body.load()


@pytest.fixture(scope="module")
def motion(hand_motion, wearer):
    swing = hand_motion(5, duration_s=3.0)
    return Motion(
        root_position=swing.root_position,
        rotations=swing.rotations,
        joint_offsets=wearer.joint_offsets,
        rate_hz=swing.rate_hz,
    )


def posed(kinematics, wearer, vertices):
    """(T, V, 3) linear blend skinning the slow way, m."""
    place = np.zeros((len(kinematics.position), len(vertices), 3))
    for s in range(len(SEGMENTS)):
        local = wearer.vertices[vertices] - wearer.joint_position[s]
        moved = kinematics.position[:, s, None] + local @ np.swapaxes(kinematics.rotation[:, s], -1, -2)
        place += wearer.skin_weights[vertices, s].astype(float)[:, None] * moved
    return place / wearer.skin_weights[vertices].astype(float).sum(1)[:, None]


def test_acceleration_is_that_of_the_posed_mesh(wearer, motion):
    rng = np.random.default_rng(0)
    blended = np.flatnonzero(wearer.skin_weights.max(axis=1) < 0.7)
    vertices = rng.choice(blended, 40, replace=False)
    fine = MotionSpline(motion).at(FINE_HZ)
    found = simulate_skin(fine, wearer, torch.from_numpy(vertices)).numpy()
    path = posed(fine, wearer, vertices)
    force = (path[2:] - 2 * path[1:-1] + path[:-2]) * FINE_HZ**2 + [0, 0, GRAVITY_MPS2]
    segment = wearer.vertex_segment[vertices]
    to_sensor = np.swapaxes(fine.rotation[1:-1, segment] @ wearer.frame[vertices], -1, -2)
    expected = (to_sensor @ force[..., None])[..., 0]
    inner = slice(100, -100)
    error = (found[1:-1, :, :3] - expected)[inner]
    assert np.sqrt((error**2).mean()) < 2e-4 * np.sqrt((expected**2).mean())
    for k, s in enumerate(segment):
        np.testing.assert_allclose(
            found[:, k, 3:], fine.features[:, s, 15:] @ wearer.frame[vertices[k]], atol=1e-9
        )


def test_rigid_skin_reads_as_a_rigid_sensor_and_blended_skin_does_not(wearer, motion):
    weight = wearer.skin_weights.max(axis=1)
    rigid, blended = int(np.argmax(weight)), int(np.argmin(weight))
    assert weight[rigid] > 1 - 1e-6
    kinematics = MotionSpline(motion).at(60.0)
    found = simulate_skin(kinematics, wearer, torch.tensor([rigid, blended])).numpy()
    for k, (vertex, same) in enumerate(((rigid, True), (blended, False))):
        placement = Placement(
            segment=SEGMENTS[wearer.vertex_segment[vertex]],
            offset_m=wearer.offset_m[vertex],
            rotation=wearer.frame[vertex],
        )
        stream = simulate(kinematics, [placement]).sensors[0]
        assert (np.abs(found[:, k, :3] - stream.acc).max() < 1e-3) == same
        np.testing.assert_allclose(found[:, k, 3:], stream.gyro, atol=1e-9)


def test_gravity_and_mounting(wearer, motion):
    kinematics, vertices = MotionSpline(motion).at(60.0), torch.tensor([10, 2000])
    turn = torch.eye(3, dtype=torch.float64).expand(2, 3, 3)
    free, heavy = (
        simulate_skin(kinematics, wearer, vertices, mounting=turn, gravity_mps2=g) for g in (0.0, 9.8)
    )
    up = torch.from_numpy(kinematics.features[:, wearer.vertex_segment[vertices.numpy()], 3:6])
    torch.testing.assert_close((heavy - free)[..., :3], 9.8 * up)
    torch.testing.assert_close(heavy[..., 3:], free[..., 3:])


def test_vertices_off_the_body_are_refused(wearer, motion):
    kinematics = MotionSpline(motion).at(60.0)
    for vertices in ([-1], [len(wearer.vertices)], []):
        with pytest.raises(ValueError, match="skin: expected vertices from 0 to"):
            simulate_skin(kinematics, wearer, torch.tensor(vertices, dtype=torch.int64))
