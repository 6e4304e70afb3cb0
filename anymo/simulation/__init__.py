"""Simulation: motion to what an inertial sensor at any place on the body would read.

The door is `simulate`; training draws thousands of placements through `placement_matrix` directly.
"""

from anymo.simulation.device import DeviceModel
from anymo.simulation.imu import placement_matrix, simulate
from anymo.simulation.kinematics import MotionSpline

__all__ = ["DeviceModel", "MotionSpline", "placement_matrix", "simulate"]
