"""The ideal sensor as a matrix product, and the `simulate` door."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

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
from anymo.simulation.device import DeviceModel, Measurement
from anymo.simulation.kinematics import MotionSpline
from anymo.skeleton import INDEX, NUM_SEGMENTS

Readings = tuple[torch.Tensor, torch.Tensor]


def normal_gravity(latitude_deg: float, height_m: float = 0.0) -> float:
    """Gravity on the WGS 84 ellipsoid, m/s²: 9.780 at the equator, 9.832 at the poles.

    Somigliana's closed formula and its second-order change with height (NIMA TR8350.2, third edition, 2000,
    eqs. 4-1 and 4-3).

    Args:
        latitude_deg: geodetic latitude, -90 to 90.
        height_m: above the ellipsoid; the formula holds for small heights.

    Raises:
        ValueError: a latitude that is none.
    """
    if not -90 <= latitude_deg <= 90:
        raise ValueError(f"gravity: latitude_deg must be from -90 to 90, got {latitude_deg}")
    semi_major_m, flattening, equator, somigliana, e2 = (
        6378137.0, 1 / 298.257223563, 9.7803253359, 0.00193185265241, 0.00669437999014,
    )  # fmt: skip
    ratio = 0.00344978650684  # m = ω²a²b / GM
    sin2 = float(np.sin(np.deg2rad(latitude_deg)) ** 2)
    surface: float = equator * (1 + somigliana * sin2) / (1 - e2 * sin2) ** 0.5
    slope = 2 / semi_major_m * (1 + flattening + ratio - 2 * flattening * sin2)
    return surface * (1 - slope * height_m + 3 * height_m**2 / semi_major_m**2)


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


@dataclass(frozen=True, slots=True, eq=False)
class SensorArray:
    """Ideal sensors in one gravity, laid out so that those of a segment are one matrix product.

    Of the (18, 6) of a sensor, w alone acts on the gyroscope and not on the force, so the product is
    (3 n, 15) x (15, T) and (3 n, 3) x (3, T); with time last it writes whole rows.

    bodies    that carry sensors, ascending
    force     rows of the n sensors of each of them, in their order, gravity included    (3 n, 15)
    gyro      likewise                                                                   (3 n, 3)
    place     where each sensor's rows are; None if sorted                               (P,)
    """

    bodies: tuple[int, ...]
    force: tuple[torch.Tensor, ...]
    gyro: tuple[torch.Tensor, ...]
    place: torch.Tensor | None

    @classmethod
    def of(
        cls, segment: torch.Tensor, offset_m: torch.Tensor, rotation: torch.Tensor, gravity_mps2: float
    ) -> Self:
        """Lay out sensors.

        Args:
            segment: (P,) index of the body that carries each.
            offset_m: (P, 3) position in the body's frame, m.
            rotation: (P, 3, 3) body from sensor.
            gravity_mps2: γ; 0 where the devices remove gravity.
        """
        matrix = placement_matrix(offset_m, rotation, gravity_mps2)
        order = torch.argsort(segment, stable=True)
        bodies, counts = torch.unique_consecutive(segment[order], return_counts=True)
        groups = matrix[order].split(counts.tolist())
        force = tuple(g[:, :15, :3].transpose(1, 2).reshape(-1, 15) for g in groups)
        gyro = tuple(g[:, 15:, 3:].transpose(1, 2).reshape(-1, 3) for g in groups)
        is_sorted = bool((segment[1:] >= segment[:-1]).all())
        place = None if is_sorted else torch.argsort(order)
        return cls(tuple(bodies.tolist()), force, gyro, place)

    @classmethod
    def at(
        cls,
        placements: Sequence[Placement],
        *,
        gravity: Gravity = "included",
        gravity_mps2: float = GRAVITY_MPS2,
    ) -> Self:
        """Sensors at placements, in float64.

        Args:
            placements: P of them; the segment is the body that carries each.
            gravity: "included", or "removed" for linear acceleration.
            gravity_mps2: how much gravity there is, m/s².

        Raises:
            ValueError: no placements, or a gravity that is neither of the two or not a number.
        """
        if not placements:
            raise ValueError(
                "simulate: expected one placement or more, got none; see anymo.body.load().placement"
            )
        if gravity not in ("included", "removed") or not np.isfinite(gravity_mps2):
            raise ValueError(
                "simulate: expected gravity 'included' or 'removed' and a finite gravity_mps2, "
                f"got {gravity!r} and {gravity_mps2}"
            )
        return cls.of(
            torch.tensor([INDEX[p.segment] for p in placements]),
            torch.from_numpy(np.stack([p.offset_m for p in placements])),
            torch.from_numpy(np.stack([p.rotation for p in placements])),
            gravity_mps2 if gravity == "included" else 0.0,
        )

    def to(self, device: torch.device | str, dtype: torch.dtype) -> Self:
        """Copy on a torch device."""
        force, gyro = (tuple(c.to(device, dtype) for c in columns) for columns in (self.force, self.gyro))
        place = None if self.place is None else self.place.to(device)
        return replace(self, force=force, gyro=gyro, place=place)

    def read(self, features: torch.Tensor, out: Readings | None = None) -> Readings:
        """What the sensors read during a motion.

        Args:
            features: (T, S, 18) of `SegmentKinematics`, of the array's type and on its device; fastest as a
                view of (S, 18, T).
            out: two contiguous (P, 3, T) to write into; fresh ones cost page faults and cache misses.

        Returns:
            Specific force (T, P, 3) m/s² and angular velocity (T, P, 3) rad/s, sensor frame, as views of
            (P, 3, T).

        Raises:
            ValueError: `out` is of another shape.
        """
        heights = [len(rows) for rows in self.gyro]
        shape = (sum(heights) // 3, 3, len(features))
        if out is not None and not all(o.shape == shape for o in out):
            raise ValueError(f"read: expected out of twice {shape}, got {[tuple(o.shape) for o in out]}")
        into = (
            out if out is not None and self.place is None else (features.new_empty(shape) for _ in range(2))
        )
        force, gyro = into
        targets = (o.view(-1, len(features)).split(heights) for o in (force, gyro))
        moving = features.permute(1, 2, 0)
        pull, turn = moving[:, :15].unbind(), moving[:, 15:].unbind()
        for body, f, w, f_out, w_out in zip(self.bodies, self.force, self.gyro, *targets, strict=True):
            torch.mm(f, pull[body], out=f_out)
            torch.mm(w, turn[body], out=w_out)
        if self.place is not None:
            pairs = zip((force, gyro), out or (None, None), strict=True)
            force, gyro = (torch.index_select(s, 0, self.place, out=o) for s, o in pairs)
        return force.permute(2, 0, 1), gyro.permute(2, 0, 1)


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
        motion: the movement, or its kinematics (then `rate_hz` and `cutoff_hz` are the kinematics' own, and a
            device reads every `oversampling`-th frame).
        placements: where the sensors sit and how they are turned.
        rate_hz: sampling rate of the sensors, Hz; derivatives are taken at these very times.
        gravity: "included" gives specific force, "removed" linear acceleration.
        gravity_mps2: magnitude of gravity, m/s²; `normal_gravity` gives that of a latitude.
        device: errors of a real device; None for the ideal sensor.
        rng: generator the device's errors are drawn from; needed with `device`.
        cutoff_hz: low-pass of captured motion before differentiation, Hz. Within two of its cycles of either
            end, accelerations are off by more than 0.1 m/s² (docs/benchmarks.md); leave them out.

    Returns:
        A recording with one stream per placement; its text is the motion's first caption. All samples of an
        ideal sensor are valid, a device may lose some.

    Raises:
        ValueError: no placements, a device without a generator, or a rate or motion that `MotionSpline` does
            not take.

    Examples:
        >>> from anymo.motion import procedural
        >>> import numpy as np
        >>> motion = procedural.generate("walking", np.random.default_rng(0))
        >>> wrist = Placement(segment="left wrist", offset_m=np.array([0.0, 0.22, 0.03]))
        >>> simulate(motion, [wrist], rate_hz=50).sensors[0].acc.shape[1]
        3
    """
    if device is not None and rng is None:
        raise ValueError("simulate: a device draws its errors; pass rng=np.random.default_rng(seed)")
    felt: Gravity = "included" if device is not None else gravity  # a device removes gravity itself
    sensors = SensorArray.at(placements, gravity=felt, gravity_mps2=gravity_mps2)
    kinematics = _kinematics(motion, rate_hz, cutoff_hz, device, rng)
    force, gyro = (s.transpose(0, 1) for s in sensors.read(torch.from_numpy(kinematics.features)))
    rate_hz = kinematics.rate_hz
    if device is None or rng is None:
        measured = Measurement(acc=force, gyro=gyro, valid=torch.ones(force.shape[:2], dtype=torch.bool))
    else:
        rate_hz /= device.oversampling
        measured = device.measure(torch.cat([force, gyro], dim=-1), rate_hz, rng, gravity=gravity)
    streams = tuple(
        SensorStream(
            acc=measured.acc[k].numpy(),
            gyro=None if measured.gyro is None else measured.gyro[k].numpy(),
            valid=measured.valid[k].numpy(),
            rate_hz=rate_hz,
            placement=placement.name or placement.segment,
            gravity=gravity,
        )
        for k, placement in enumerate(placements)
    )
    text = motion.captions[0].text if isinstance(motion, Motion) and motion.captions else ""
    name = motion.name if isinstance(motion, Motion) else ""
    return Recording(sensors=streams, text=text, name=name, source="simulated")


def _kinematics(
    motion: Motion | SegmentKinematics,
    rate_hz: float,
    cutoff_hz: float | None,
    device: DeviceModel | None,
    rng: np.random.Generator | None,
) -> SegmentKinematics:
    """At the times at which the device, or an ideal sensor, samples."""
    if isinstance(motion, SegmentKinematics):
        if motion.features.shape[1] != NUM_SEGMENTS:
            raise ValueError(
                f"simulate: expected kinematics of the {NUM_SEGMENTS} segments, got "
                f"{motion.features.shape[1]} bodies; use SensorArray.of with the body of each"
            )
        return motion
    spline = MotionSpline(motion, cutoff_hz)
    times = spline.sample_times(rate_hz)
    if device is None or rng is None:
        return spline.at_times(times, rate_hz=rate_hz)
    times = device.sample_times(spline.duration_s, rate_hz, rng)
    return spline.at_times(times, rate_hz=rate_hz * device.oversampling)
