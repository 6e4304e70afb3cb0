"""What acc and gyro contradict together: gravity that is or is not there, and the gyroscope's unit."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from anymo.data import load_set, read_recording
from anymo.data.rest import carried_mean
from anymo.records import GRAVITY_MPS2, Array, Recording

RATE = 50.0
STATED = {"rate_hz": RATE, "acc_unit": "m/s^2", "gyro_unit": "rad/s", "placement": "left wrist"}


def swinging(gravity: float = GRAVITY_MPS2, rate_hz: float = RATE) -> Array:
    """(10 s, 6) of an arm that swings and is shaken; no second of it is quiet."""
    t = np.arange(round(10 * rate_hz)) / rate_hz
    angle, turning = 1.2 * np.sin(2 * np.pi * t), 2.4 * np.pi * np.cos(2 * np.pi * t)
    shaken = 6.0 * np.sin(4 * np.pi * t)
    world = np.stack([0 * t, shaken, 0 * t + gravity], axis=1)
    acc = Rotation.from_rotvec(np.stack([angle, 0 * t, 0 * t], axis=1)).inv().apply(world)
    return np.concatenate([acc, np.stack([turning, 0 * t, 0 * t], axis=1)], axis=1)


@pytest.mark.parametrize("rate_hz", [10.0, 50.0, 200.0])
@pytest.mark.parametrize("gravity", [0.0, GRAVITY_MPS2])
def test_gravity_is_what_stays_where_it_is(rate_hz: float, gravity: float) -> None:
    signal = swinging(gravity, rate_hz)
    mean = carried_mean(signal[:, :3], signal[:, 3:], rate_hz)
    assert mean == pytest.approx(gravity, abs=0.02 * (50 / rate_hz) * GRAVITY_MPS2)


def test_movement_without_rest_is_told_by_the_gyroscope() -> None:
    read_recording(swinging(), gravity="included", **STATED)
    read_recording(swinging(0.0), gravity="removed", **STATED)
    with pytest.raises(
        ValueError, match=r"mean of acc is .* g .*expected over 0\.45.*gravity was removed; state"
    ):
        read_recording(swinging(0.0), gravity="included", **STATED)
    with pytest.raises(ValueError, match=r'expected under 0\.75.*state gravity="included"'):
        read_recording(swinging(), gravity="removed", **STATED)


@pytest.mark.parametrize(("unit", "factor"), [("deg/s", 180 / np.pi), ("rad/s", np.pi / 180)])
def test_a_gyroscope_of_the_other_unit(unit: str, factor: float) -> None:
    signal = swinging()
    signal[:, 3:] *= factor if unit == "deg/s" else 1.0
    wrong = "rad/s" if unit == "deg/s" else "deg/s"
    with pytest.raises(ValueError, match=rf'it looks like {unit}; state gyro_unit="{unit}"'):
        read_recording(signal, gravity="included", **STATED | {"gyro_unit": wrong})


def restated(recording: Recording, gyro_factor: float, gravity: str) -> Recording:
    (sensor,) = recording.sensors
    assert sensor.gyro is not None
    array = np.concatenate([sensor.acc, gyro_factor * sensor.gyro], axis=1)[sensor.valid]
    return read_recording(array, **STATED | {"rate_hz": sensor.rate_hz, "gravity": gravity})


@pytest.mark.parametrize("name", ["basic_motions", "spar"])
def test_real_recordings_stated_wrong(name: str) -> None:
    """Each is refused: deg/s as rad/s, and gravity that is stated as what it is not."""
    for recording in load_set(name)[::5]:
        gravity = recording.sensors[0].gravity
        restated(recording, 1.0, gravity)
        with pytest.raises(ValueError, match='state gyro_unit="deg/s"'):
            restated(recording, 180 / np.pi, gravity)
        was = "removed" if gravity == "included" else "included"
        with pytest.raises(ValueError, match=f'state gravity="{gravity}"'):
            restated(recording, 1.0, was)


@pytest.mark.parametrize("name", ["basic_motions", "spar"])
def test_slices_stated_right_are_read(name: str) -> None:
    for recording in load_set(name)[::7]:
        (sensor,) = recording.sensors
        num = round(4.0 * sensor.rate_hz)
        for start in range(0, len(sensor.acc) - num + 1, num):
            rows = slice(start, start + num)
            array = np.concatenate([sensor.acc[rows], sensor.gyro[rows]], axis=1)
            stated = STATED | {"rate_hz": sensor.rate_hz, "gravity": sensor.gravity}
            (read,) = read_recording(array, nan="mask", **stated).sensors
            assert len(read.acc) == num


@pytest.mark.parametrize("gravity", ["included", "removed"])
def test_without_a_gyroscope_movement_tells_nothing_of_gravity(gravity: str) -> None:
    """Stated in `anymo.data.rest`; a quiet second does tell."""
    signal = swinging()[:, :3]
    stated = {key: said for key, said in STATED.items() if key != "gyro_unit"}
    read_recording(signal, gravity=gravity, **stated)
    quiet = np.concatenate([signal, np.tile([0.0, 0.0, 9.8], (150, 1))])
    if gravity == "removed":
        with pytest.raises(ValueError, match="gravity='removed'"):
            read_recording(quiet, gravity=gravity, **stated)
