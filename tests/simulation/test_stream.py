"""Pieces of a stream are the recording; sensor arrays in any order; gravity of a place."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from anymo.records import Placement, SegmentKinematics
from anymo.simulation import (
    DeviceModel,
    MotionSpline,
    SensorArray,
    normal_gravity,
    placement_matrix,
    simulate,
    simulate_stream,
)
from anymo.simulation import stream as stream_module
from anymo.skeleton import NUM_SEGMENTS, SEGMENTS


def placements(num, seed=0):
    rng = np.random.default_rng(seed)
    return [
        Placement(
            segment=SEGMENTS[rng.integers(NUM_SEGMENTS)],
            offset_m=rng.uniform(-0.1, 0.1, 3),
            rotation=Rotation.random(rng=rng).as_matrix(),
        )
        for _ in range(num)
    ]


@pytest.mark.parametrize("gravity", ["included", "removed"])
def test_pieces_of_a_stream_are_the_recording(hand_motion, monkeypatch, gravity):
    monkeypatch.setattr(stream_module, "_BLOCK", 100)
    monkeypatch.setattr(stream_module, "_PIECE_BYTES", 24 * 7 * 33)
    motion, worn = hand_motion(1), placements(7)
    pieces = list(simulate_stream(motion, worn, rate_hz=75.0, gravity=gravity, cutoff_hz=15.0))
    assert [len(f) for f, _ in pieces][:5] == [33, 33, 33, 1, 33]
    force, gyro = (torch.cat(parts).numpy() for parts in zip(*pieces, strict=True))
    recording = simulate(motion, worn, rate_hz=75.0, gravity=gravity, cutoff_hz=15.0)
    for k, sensor in enumerate(recording.sensors):
        np.testing.assert_allclose(force[:, k], sensor.acc, atol=2e-4)
        np.testing.assert_allclose(gyro[:, k], sensor.gyro, atol=2e-5)


def test_a_stream_refuses_before_its_first_piece(hand_motion):
    motion = hand_motion(1)
    for arguments, word in (
        ({"placements": []}, "expected one placement"),
        ({"placements": placements(1), "rate_hz": 0.0}, "rate_hz must be positive"),
        ({"placements": placements(1), "gravity": "yes"}, "expected gravity"),
        ({"placements": placements(1), "gravity_mps2": np.nan}, "finite gravity_mps2"),
    ):
        with pytest.raises(ValueError, match=word):
            simulate_stream(motion, **arguments)


def test_an_array_reads_as_each_sensor_alone_in_any_order():
    rng = np.random.default_rng(3)
    features = torch.from_numpy(rng.standard_normal((11, 5, 18)))
    segment = torch.tensor([4, 0, 2, 0, 4, 4, 3])
    offset = torch.from_numpy(rng.standard_normal((7, 3)))
    rotation = torch.from_numpy(Rotation.random(7, rng=rng).as_matrix())
    matrix = placement_matrix(offset, rotation, 7.0)
    for order in (torch.arange(7), torch.argsort(segment)):
        array = SensorArray.of(segment[order], offset[order], rotation[order], 7.0)
        found = torch.cat(array.read(features), dim=-1)
        expected = torch.einsum("tpk,pkc->tpc", features[:, segment[order]], matrix[order])
        torch.testing.assert_close(found, expected)
        single = torch.cat(array.to("cpu", torch.float32).read(features.float()), dim=-1)
        torch.testing.assert_close(single, expected.float(), atol=1e-4, rtol=1e-5)
        force, gyro = torch.empty(2, 7, 3, 11, dtype=torch.float64)
        assert array.read(features, (force, gyro))[0].data_ptr() == force.data_ptr()
        torch.testing.assert_close(torch.cat([force, gyro], dim=1).permute(2, 0, 1), expected)
    with pytest.raises(ValueError, match=r"expected out of twice \(7, 3, 11\)"):
        array.read(features, (force, gyro[:5]))


@pytest.mark.gpu
def test_the_same_code_on_a_gpu(hand_motion):
    motion, worn = hand_motion(1), placements(50)
    there, here = (
        torch.cat([force.cpu() for force, _ in simulate_stream(motion, worn, device=d)])
        for d in ("cuda", "cpu")
    )
    torch.testing.assert_close(there, here, atol=2e-3, rtol=1e-3)


def test_normal_gravity():
    # Equator and pole of WGS 84 (NIMA TR8350.2); at 45 degrees GRS 80 has 9.806199203 (Moritz 2000).
    assert normal_gravity(0) == pytest.approx(9.7803253359, abs=1e-10)
    assert normal_gravity(90) == normal_gravity(-90) == pytest.approx(9.8321849378, abs=1e-9)
    assert normal_gravity(45) == pytest.approx(9.806199203, abs=2e-6)
    assert normal_gravity(45) - normal_gravity(45, 1000.0) == pytest.approx(3.085e-3, abs=2e-6)  # free air
    for latitude in (91.0, np.nan):
        with pytest.raises(ValueError, match="latitude_deg must be"):
            normal_gravity(latitude)


def test_gravity_of_a_place_is_what_a_sensor_at_rest_reads(hand_motion):
    motion, worn = hand_motion(1), placements(1)
    here, none = (
        simulate(motion, worn, gravity_mps2=g, gravity=w).sensors[0].acc
        for g, w in ((normal_gravity(0), "included"), (normal_gravity(0), "removed"))
    )
    np.testing.assert_allclose(np.linalg.norm(here - none, axis=-1), normal_gravity(0), rtol=1e-9)


def test_bodies_that_are_not_the_segments_are_refused_by_simulate(hand_motion):
    k = MotionSpline(hand_motion(1)).at(60.0)
    few = SegmentKinematics(
        position=k.position[:, :2], rotation=k.rotation[:, :2], features=k.features[:, :2], rate_hz=60.0
    )
    with pytest.raises(ValueError, match="got 2 bodies"):
        simulate(few, placements(1))
    with pytest.raises(ValueError, match="rotation must be"):
        SegmentKinematics(position=k.position, rotation=k.rotation[:, :2], features=k.features, rate_hz=60.0)


def test_a_device_reads_the_motion_at_its_own_times(hand_motion):
    motion, worn, rng = hand_motion(1), placements(2), np.random.default_rng
    first, again = (simulate(motion, worn, rate_hz=50.0, device=DeviceModel(), rng=rng(4)) for _ in range(2))
    ideal = simulate(motion, worn, rate_hz=50.0)
    for a, b, c in zip(first.sensors, again.sensors, ideal.sensors, strict=True):
        np.testing.assert_array_equal(a.acc, b.acc)
        assert a.acc.shape == c.acc.shape
        assert 0.001 < np.abs(a.acc - c.acc).mean() < 1.0
    with pytest.raises(ValueError, match="pass rng"):
        simulate(motion, worn, device=DeviceModel())
