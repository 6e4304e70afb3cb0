"""Devices people carry, with the figures of their data sheets; docs/devices.md gives the source of each."""

import numpy as np

from anymo.records import GRAVITY_MPS2
from anymo.simulation.allan import FLOOR
from anymo.simulation.device import DeviceModel, Dropout
from anymo.simulation.fusion import Fusion
from anymo.simulation.triad import Clock, Triad
from anymo.simulation.wobble import Wobble

_SKIN_N_PER_M = 800.0  # middle of 330 to 1900 N/m, along the skin of the leg (Karlsson and Tranberg 1999)
_UPTURN_S = 1000.0  # cluster time at which the random walk reaches the floor; no data sheet states it


def _mg(value: float) -> float:
    return value * 1e-3 * GRAVITY_MPS2


def _dps(value: float) -> float:
    return float(np.deg2rad(value))


def _walk(instability: float) -> float:
    """K whose √(τ / 3) meets the floor of B at the upturn."""
    return float(FLOOR * instability * np.sqrt(3 / _UPTURN_S))


def _worn(mass_kg: float, tilt_radius_m: float) -> Wobble:
    """A device of some mass on skin."""
    frequency = np.sqrt(_SKIN_N_PER_M / mass_kg) / (2 * np.pi)
    return Wobble(frequency_hz=float(frequency), tilt_radius_m=tilt_radius_m)


PHONE = DeviceModel(  # STMicroelectronics LSM6DSO
    acc=Triad(
        noise_density=_mg(0.080),
        bias_instability=_mg(0.04),
        random_walk=_walk(_mg(0.04)),
        turn_on_bias=_mg(20),
        scale_error=0.01,
        cross_axis=0.005,
        misalignment_rad=_dps(1),
        full_scale=_mg(8000),
        bits=16,
        bandwidth=0.5,
    ),
    gyro=Triad(
        noise_density=_dps(0.0038),
        bias_instability=_dps(3 / 3600),
        random_walk=_walk(_dps(3 / 3600)),
        turn_on_bias=_dps(1),
        scale_error=0.01,
        cross_axis=0.005,
        misalignment_rad=_dps(1),
        full_scale=_dps(2293.76),
        bits=16,
        bandwidth=0.32,
    ),
    clock=Clock(oversampling=2, jitter_s=5e-4, drift=2e-5),
    wobble=_worn(0.17, 0.07),
)

WATCH = DeviceModel(  # Bosch Sensortec BMI270
    acc=Triad(
        noise_density=_mg(0.16),
        bias_instability=_mg(0.06),
        random_walk=_walk(_mg(0.06)),
        turn_on_bias=_mg(20),
        scale_error=0.004,
        cross_axis=0.005,
        misalignment_rad=_dps(1),
        full_scale=_mg(8000),
        bits=16,
        bandwidth=0.405,
    ),
    gyro=Triad(
        noise_density=_dps(0.007),
        bias_instability=_dps(5 / 3600),
        random_walk=_walk(_dps(5 / 3600)),
        turn_on_bias=_dps(0.5),
        scale_error=0.004,
        cross_axis=0.002,
        misalignment_rad=_dps(1),
        full_scale=_dps(2000),
        bits=16,
        bandwidth=0.4,
    ),
    clock=Clock(oversampling=2, jitter_s=2e-4, drift=2e-5),
    wobble=_worn(0.03, 0.02),
)

MTW = DeviceModel(  # Xsens MTw Awinda
    acc=Triad(
        noise_density=_mg(0.2),
        bias_instability=_mg(0.1),
        random_walk=_walk(_mg(0.1)),
        turn_on_bias=_mg(3),
        scale_error=0.001,
        misalignment_rad=_dps(0.1),
        full_scale=160.0,
        bandwidth=0.443,
    ),
    gyro=Triad(
        noise_density=_dps(0.01),
        bias_instability=_dps(10 / 3600),
        random_walk=_walk(_dps(10 / 3600)),
        turn_on_bias=_dps(0.1),
        scale_error=0.001,
        misalignment_rad=_dps(0.1),
        full_scale=_dps(2000),
        bandwidth=0.443,
    ),
    clock=Clock(oversampling=2, drift=1e-5),
    wobble=_worn(0.016, 0.02),
    dropout=Dropout(share=0.002, burst_s=0.05),
)

LOGGER = DeviceModel(  # InvenSense MPU-6050 on a hobby board
    acc=Triad(
        noise_density=_mg(0.4),
        bias_instability=_mg(0.15),
        random_walk=_walk(_mg(0.15)),
        turn_on_bias=_mg(50),
        scale_error=0.03,
        cross_axis=0.02,
        misalignment_rad=_dps(1),
        full_scale=_mg(8000),
        bits=16,
        bandwidth=0.44,
    ),
    gyro=Triad(
        noise_density=_dps(0.005),
        bias_instability=_dps(0.0012 / FLOOR),
        random_walk=_walk(_dps(0.0012 / FLOOR)),
        turn_on_bias=_dps(20 / 3),  # the sheet gives a tolerance
        scale_error=0.03,
        cross_axis=0.02,
        misalignment_rad=_dps(1),
        full_scale=_dps(2000),
        bits=16,
        bandwidth=0.42,
    ),
    clock=Clock(oversampling=2, jitter_s=1e-3, drift=5e-5),
    wobble=_worn(0.02, 0.02),
    dropout=Dropout(share=0.005, burst_s=0.1),
)

TAG = DeviceModel(  # STMicroelectronics LIS2DH12: an accelerometer
    acc=Triad(
        noise_density=_mg(0.22),
        bias_instability=_mg(0.1),
        random_walk=_walk(_mg(0.1)),
        turn_on_bias=_mg(40),
        scale_error=0.04,
        cross_axis=0.01,
        misalignment_rad=_dps(1),
        full_scale=_mg(8000),
        bits=12,
        bandwidth=1 / 9,
    ),
    gyro=None,
    clock=Clock(oversampling=2, jitter_s=1e-3, drift=1e-2),
    wobble=_worn(0.01, 0.015),
    fusion=Fusion(time_constant_s=0.8),
    dropout=Dropout(share=0.02, burst_s=0.3),
)

PRESETS = {"phone": PHONE, "watch": WATCH, "mtw": MTW, "logger": LOGGER, "tag": TAG}


def device(name: str) -> DeviceModel:
    """A preset by name.

    Raises:
        ValueError: no preset of this name.
    """
    if name not in PRESETS:
        raise ValueError(f"device: unknown {name!r}; choose one of {', '.join(PRESETS)}")
    return PRESETS[name]
