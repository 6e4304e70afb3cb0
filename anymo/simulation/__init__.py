"""Simulation: motion to what an inertial sensor at any place on the body would read.

The door is `simulate`; `simulate_stream` is for hours at thousands of placements, `simulate_skin` for skin
that deforms, `PoseSpline` for any rigid body; training draws placements through `placement_matrix` directly.
`presets.device` names real parts; `align` and `RankTransform` calibrate on real recordings.
"""

from anymo.simulation import presets
from anymo.simulation.alignment import SensorAlignment, align
from anymo.simulation.device import DeviceModel, clip_generator
from anymo.simulation.imu import SensorArray, normal_gravity, placement_matrix, simulate
from anymo.simulation.kinematics import MotionSpline, PoseSpline
from anymo.simulation.rank_transform import RankTransform
from anymo.simulation.skin import simulate_skin
from anymo.simulation.smoothing import choose_cutoff
from anymo.simulation.stream import simulate_stream

__all__ = [
    "DeviceModel",
    "MotionSpline",
    "PoseSpline",
    "RankTransform",
    "SensorAlignment",
    "SensorArray",
    "align",
    "choose_cutoff",
    "clip_generator",
    "normal_gravity",
    "placement_matrix",
    "presets",
    "simulate",
    "simulate_skin",
    "simulate_stream",
]
