"""The ideal sensor as a matrix product, and the `simulate` door."""

from collections.abc import Sequence

import numpy as np
import torch

from anymo.records import (
    GRAVITY_MPS2,
    Gravity,
    Motion,
    Placement,
    Recording,
    SegmentKinematics,
    SensorStream,
)
from anymo.simulation.device import DeviceModel
from anymo.simulation.kinematics import MotionSpline
from anymo.skeleton import INDEX


def placement_matrix(
    offset_m: torch.Tensor, rotation: torch.Tensor, gravity_mps2: torch.Tensor | float = GRAVITY_MPS2
) -> torch.Tensor:
    """Constant matrix of each sensor: its reading is features (T, 18) times this (18, 6).

    f = Qᵀ(A + γu + Br) and gyro = Qᵀw (anymo.simulation.kinematics).

    Args:
        offset_m: (P, 3) sensor position in its segment's frame, m.
        rotation: (P, 3, 3) segment from sensor, Q.
        gravity_mps2: γ, a number or one per sensor (P,); 0 where the device removes gravity.

    Returns:
        (P, 18, 6), columns specific force x, y, z in m/s² then angular velocity x, y, z in rad/s.
    """
    num = len(offset_m)
    matrix = offset_m.new_zeros(num, 18, 6)
    gamma = torch.as_tensor(gravity_mps2, dtype=offset_m.dtype, device=offset_m.device).expand(num)
    matrix[:, 0:3, :3] = rotation
    matrix[:, 3:6, :3] = gamma[:, None, None] * rotation
    matrix[:, 6:15, :3] = torch.einsum("pji,pk->pjki", rotation, offset_m).reshape(num, 9, 3)
    matrix[:, 15:18, 3:] = rotation
    return matrix


def simulate(
    motion: Motion | SegmentKinematics,
    placements: Sequence[Placement],
    *,
    rate_hz: float = 60.0,
    gravity: Gravity = "included",
    gravity_mps2: float = GRAVITY_MPS2,
    device: DeviceModel | None = None,
    rng: np.random.Generator | None = None,
    cutoff_hz: float | None = None,
) -> Recording:
    """What sensors at these placements read during a motion.

    Args:
        motion: the movement, or its kinematics (then `rate_hz` and `cutoff_hz` are the kinematics' own).
        placements: where the sensors sit and how they are turned.
        rate_hz: sampling rate of the sensors, Hz; derivatives are taken at these very times.
        gravity: "included" gives specific force, "removed" linear acceleration.
        gravity_mps2: magnitude of gravity, m/s².
        device: errors of a real device; None for the ideal sensor.
        rng: generator the device's errors are drawn from; needed with `device`.
        cutoff_hz: low-pass of captured motion before differentiation, Hz.

    Returns:
        A recording with one stream per placement, all samples valid; its text is the motion's captions.

    Raises:
        ValueError: no placements, or a device without a generator.

    Example:
        >>> from anymo.motion import procedural
        >>> import numpy as np
        >>> motion = procedural.generate("walking", np.random.default_rng(0))
        >>> wrist = Placement(segment="left wrist", offset_m=np.array([0.0, 0.22, 0.03]))
        >>> simulate(motion, [wrist], rate_hz=50).sensors[0].acc.shape[1]
        3
    """
    if not placements:
        raise ValueError(
            "simulate: expected one placement or more, got none; see anymo.body.load().placement"
        )
    if device is not None and rng is None:
        raise ValueError("simulate: a device draws its errors; pass rng=np.random.default_rng(seed)")
    kinematics = (
        motion if isinstance(motion, SegmentKinematics) else MotionSpline(motion, cutoff_hz).at(rate_hz)
    )
    gamma = gravity_mps2 if gravity == "included" else 0.0
    matrix = placement_matrix(
        torch.from_numpy(np.stack([p.offset_m for p in placements])),
        torch.from_numpy(np.stack([p.rotation for p in placements])),
        gamma,
    ).numpy()
    streams = []
    for placement, m in zip(placements, matrix, strict=True):
        signal = kinematics.features[:, INDEX[placement.segment]] @ m
        if device is not None and rng is not None:
            signal = device.apply(signal, kinematics.rate_hz, rng)
        streams.append(
            SensorStream(
                acc=signal[:, :3],
                gyro=signal[:, 3:],
                valid=np.ones(len(signal), dtype=bool),
                rate_hz=kinematics.rate_hz,
                placement=placement.name or placement.segment,
                gravity=gravity,
            )
        )
    text = motion.captions[0].text if isinstance(motion, Motion) and motion.captions else ""
    name = motion.name if isinstance(motion, Motion) else ""
    return Recording(sensors=tuple(streams), text=text, name=name, source="simulated")
