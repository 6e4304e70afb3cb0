"""The eight physics identities of the house, against the real simulator, in float64."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from anymo.records import GRAVITY_MPS2, Motion, Placement
from anymo.simulation import MotionSpline, simulate
from anymo.skeleton import DEFAULT_JOINT_OFFSETS, INDEX, NUM_SEGMENTS

RATE = 200.0
T = np.arange(0, 4, 1 / RATE)
INNER = slice(40, -40)  # away from the spline's ends


def make_motion(position, root_rotation, rotations=None):
    local = np.tile(np.eye(3), (len(T), NUM_SEGMENTS, 1, 1)) if rotations is None else rotations.copy()
    local[:, 0] = root_rotation
    return Motion(
        root_position=position, rotations=local, joint_offsets=np.array(DEFAULT_JOINT_OFFSETS), rate_hz=RATE
    )


def about(axis, angle):
    return Rotation.from_rotvec(np.multiply.outer(angle, np.asarray(axis, float))).as_matrix()


def read(motion, offset=(0, 0, 0), mounting=None, segment="Pelvis", **kwargs):
    mounting = np.eye(3) if mounting is None else mounting
    placement = Placement(segment=segment, offset_m=np.array(offset, float), rotation=mounting)
    s = simulate(motion, [placement], rate_hz=RATE, **kwargs).sensors[0]
    return s.acc, s.gyro


def wild_motion(seed=0):
    """Smooth random motion of every segment."""
    rng = np.random.default_rng(seed)
    phase = rng.uniform(0, 2 * np.pi, (3, NUM_SEGMENTS, 3))
    amplitude = rng.uniform(0.1, 0.4, (3, NUM_SEGMENTS, 3))
    freq = np.array([0.4, 0.9, 1.7])
    angle = np.einsum(
        "ksd,tksd->tsd", amplitude, np.sin(2 * np.pi * freq[:, None, None] * T[:, None, None, None] + phase)
    )
    local = Rotation.from_rotvec(angle.reshape(-1, 3)).as_matrix().reshape(len(T), NUM_SEGMENTS, 3, 3)
    position = np.stack([0.3 * np.sin(2 * T), 0.2 * np.cos(3 * T), 1 + 0.05 * np.sin(9 * T)], -1)
    return make_motion(position, local[:, 0], local)


def test_rest_reads_gravity_up():
    acc, gyro = read(make_motion(np.zeros((len(T), 3)), about([0, 0, 1], 0 * T)))
    np.testing.assert_allclose(acc, np.tile([0, 0, GRAVITY_MPS2], (len(T), 1)), atol=1e-9)
    np.testing.assert_allclose(gyro, 0, atol=1e-9)


def test_free_fall_reads_nothing():
    position = np.stack([0 * T, 0 * T, -0.5 * GRAVITY_MPS2 * T**2], -1)
    acc, _ = read(make_motion(position, about([0, 0, 1], 0 * T)))
    np.testing.assert_allclose(acc[INNER], 0, atol=1e-6)


def test_turntable():
    omega, radius = 3.0, 0.4
    acc, gyro = read(make_motion(np.zeros((len(T), 3)), about([0, 0, 1], omega * T)), offset=(radius, 0, 0))
    np.testing.assert_allclose(
        acc[INNER], np.tile([-(omega**2) * radius, 0, GRAVITY_MPS2], (len(T[INNER]), 1)), atol=1e-5
    )
    np.testing.assert_allclose(gyro[INNER], np.tile([0, 0, omega], (len(T[INNER]), 1)), atol=1e-6)


def test_lever_arm():
    angle = 0.8 * np.sin(2 * T)
    rate, alpha = 1.6 * np.cos(2 * T), -3.2 * np.sin(2 * T)
    d = np.array([0.3, 0.1, 0.0])
    near, _ = read(make_motion(np.zeros((len(T), 3)), about([0, 0, 1], angle)))
    far, _ = read(make_motion(np.zeros((len(T), 3)), about([0, 0, 1], angle)), offset=d)
    w = np.stack([0 * T, 0 * T, rate], -1)
    expected = np.cross(np.stack([0 * T, 0 * T, alpha], -1), d) + np.cross(w, np.cross(w, d))
    np.testing.assert_allclose((far - near)[INNER], expected[INNER], atol=1e-5)


@pytest.mark.parametrize("segment", ["Pelvis", "LeftForeArm", "RightFoot"])
def test_heading_changes_nothing(segment):
    motion = wild_motion()
    turn = about([0, 0, 1], np.array(1.1))
    local = motion.rotations.copy()
    local[:, 0] = turn @ local[:, 0]
    turned = make_motion(motion.root_position @ turn.T, local[:, 0], local)
    for a, b in zip(
        read(motion, (0.1, 0, 0.05), segment=segment),
        read(turned, (0.1, 0, 0.05), segment=segment),
        strict=True,
    ):
        np.testing.assert_allclose(a, b, atol=1e-8)


def test_tilt_changes_the_force():
    motion = wild_motion()
    tilt = about([1, 0, 0], np.array(0.45))
    local = motion.rotations.copy()
    local[:, 0] = tilt @ local[:, 0]
    tilted = make_motion(motion.root_position @ tilt.T, local[:, 0], local)
    assert np.abs(read(motion)[0] - read(tilted)[0]).max() > 3
    # ... but not once the device has removed gravity: only gravity tells the tilt.
    np.testing.assert_allclose(
        read(motion, gravity="removed")[0], read(tilted, gravity="removed")[0], atol=1e-8
    )


def test_constant_velocity_changes_nothing():
    motion = wild_motion()
    drift = motion.root_position + np.multiply.outer(T, [2.0, -1.0, 0.3]) + [5, 5, 5]
    moving = make_motion(drift, motion.rotations[:, 0], motion.rotations)
    for a, b in zip(read(motion, segment="Head"), read(moving, segment="Head"), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_mounting_turns_both_readings():
    motion = wild_motion()
    mounting = Rotation.random(random_state=1).as_matrix()
    for plain, turned in zip(
        read(motion, (0, 0.2, 0), segment="RightHand"),
        read(motion, (0, 0.2, 0), mounting, segment="RightHand"),
        strict=True,
    ):
        np.testing.assert_allclose(turned, plain @ mounting, atol=1e-10)


def test_time_reversal():
    motion = wild_motion()
    back = make_motion(motion.root_position[::-1], motion.rotations[::-1, 0], motion.rotations[::-1])
    (f, w), (fb, wb) = (
        read(motion, (0, 0.1, 0.1), segment="LeftFoot"),
        read(back, (0, 0.1, 0.1), segment="LeftFoot"),
    )
    np.testing.assert_allclose(fb[::-1], f, atol=1e-6)
    np.testing.assert_allclose(wb[::-1], -w, atol=1e-6)


def test_agrees_with_second_differences_of_the_sensor_path():
    """Two implementations: the matrix product, and double differences of the sensor's own world path."""
    motion, offset = wild_motion(3), np.array([0.05, -0.2, 0.03])
    fine = MotionSpline(motion).at(2000.0)
    s = INDEX["RightForeArm"]
    path = fine.position[:, s] + fine.rotation[:, s] @ offset
    second = (path[2:] - 2 * path[1:-1] + path[:-2]) * 2000.0**2 + [0, 0, GRAVITY_MPS2]
    slow = (np.swapaxes(fine.rotation[1:-1, s], -1, -2) @ second[..., None])[..., 0]
    placement = Placement(segment="RightForeArm", offset_m=offset)
    fast = simulate(motion, [placement], rate_hz=2000.0).sensors[0].acc[1:-1]
    inner = slice(400, -400)
    assert np.sqrt(np.mean((fast - slow)[inner] ** 2)) < 1e-3 * np.sqrt(np.mean(slow[inner] ** 2))


def test_sampling_at_other_rates_agrees_at_common_times():
    motion = wild_motion()
    p = [Placement(segment="LeftHand", offset_m=np.array([0, 0.1, 0.0]))]
    fast, slow = (simulate(motion, p, rate_hz=r).sensors[0].acc for r in (100.0, 25.0))
    np.testing.assert_allclose(fast[::4], slow, atol=1e-9)


def test_errors_name_the_remedy():
    motion = wild_motion()
    with pytest.raises(ValueError, match="expected one placement"):
        simulate(motion, [])
    with pytest.raises(ValueError, match="cutoff_hz must be under half"):
        MotionSpline(motion, cutoff_hz=150)
    short = Motion(
        root_position=motion.root_position[:4], rotations=motion.rotations[:4],
        joint_offsets=motion.joint_offsets, rate_hz=RATE,
    )  # fmt: skip
    with pytest.raises(ValueError, match="at least 6 frames"):
        MotionSpline(short)
