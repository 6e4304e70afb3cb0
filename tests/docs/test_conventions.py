"""Every row of the table of signs in docs/conventions.md, against the real body and the real simulator."""

import re
from pathlib import Path

import numpy as np
import pytest

from anymo import body
from anymo.motion.procedural.limbs import Body as Lengths
from anymo.motion.procedural.limbs import Curves, pose_body
from anymo.records import GRAVITY_MPS2, Motion
from anymo.simulation import simulate

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "conventions.md"
RATE_HZ = 100.0
T = np.arange(-40, 41) / RATE_HZ
POSTURE, TURN, PUSH = np.ones_like(T), T, T**2 / 2  # held; at 1 rad/s; at 1 m/s²

# Movement as the document names it -> the curve, and the channels of anymo.motion.procedural.limbs for it.
STILL: tuple[np.ndarray, dict[str, float]] = (POSTURE, {})
MOVEMENTS: dict[str, tuple[np.ndarray, dict[str, float]]] = {
    "standing, arms hanging": STILL,
    "lying on the back": (POSTURE, {"pitch": -np.pi / 2}),
    "forearms level, palms down": (POSTURE, {f"{s}.{n}": np.pi / 2 for s in "lr" for n in ("elbow", "pron")}),
    "starting forward": (PUSH, {"x": 1.0}),
    "starting to the left": (PUSH, {"y": 1.0}),
    "starting upward": (PUSH, {"z": 1.0}),
    "turning to the left": (TURN, {"yaw": 1.0}),
    "bowing forward": (TURN, {"pitch": 1.0}),
    "leaning to the left": (TURN, {"lean": 1.0}),
    "raising the arms forward": (TURN, {"l.flex": 1.0, "r.flex": 1.0}),
    "raising the arms sideways": (TURN, {"l.out": 1.0, "r.out": 1.0}),
    "bending the elbows": (TURN, {"l.elbow": 1.0, "r.elbow": 1.0}),
    "raising the thighs forward": (TURN, {"l.hip": 1.0, "r.hip": 1.0}),
    "looking to the left": (TURN, {"look": 1.0}),
    "nodding": (TURN, {"nod": 1.0}),
}
ROW = re.compile(r"^\| ([^|]+?) +\| ([^|]+?) +\| (acc|gyro) ([xyz]) +\| ([+−]\d+\.\d+) +\|", re.M)
ROWS = [m.groups() for m in ROW.finditer(DOCUMENT.read_text(encoding="utf-8"))]


@pytest.fixture(scope="module")
def wearer() -> body.Body:
    return body.load()


def reading(wearer: body.Body, movement: str, placement: str) -> dict[str, np.ndarray]:
    """Acc and gyro in the middle of the movement; accelerations of movements are shown without gravity."""
    curve, channels = MOVEMENTS[movement]
    curves = Curves(T, Lengths(wearer.joint_offsets))
    curves.on_floor = not any("hip" in name for name in channels)
    if movement == "bending the elbows":
        curves.add({"b.elbow": 30.0})  # a hanging arm is at the elbows' stop
    for name, size in channels.items():
        curves[name] = curves[name] + size * curve
    root, rotations = pose_body(curves)
    motion = Motion(
        root_position=root, rotations=rotations, joint_offsets=wearer.joint_offsets, rate_hz=RATE_HZ
    )
    recording = simulate(
        motion,
        [wearer.placement(placement)],
        rate_hz=RATE_HZ,
        gravity="removed" if curve is PUSH else "included",
    )
    (stream,) = recording.sensors
    assert stream.gyro is not None
    return {"acc": stream.acc[len(T) // 2], "gyro": stream.gyro[len(T) // 2]}


def test_the_table_is_there() -> None:
    assert len(ROWS) >= 30
    assert {row[0] for row in ROWS} == set(MOVEMENTS)


@pytest.mark.parametrize(("movement", "placement", "kind", "axis", "stated"), ROWS)
def test_row(wearer: body.Body, movement: str, placement: str, kind: str, axis: str, stated: str) -> None:
    found = reading(wearer, movement, placement)[kind]
    value = found["xyz".index(axis)]
    assert value == pytest.approx(float(stated.replace("−", "-")), abs=0.051)
    assert abs(value) == np.abs(found).max(), f"another axis reads more: {found}"


def test_standard_gravity() -> None:
    assert GRAVITY_MPS2 == 9.80665
