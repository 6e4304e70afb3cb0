"""The narrow waist of the house: frozen records of arrays and the facts that make them meaningful.

Units are SI, the world has z up, rotations are read right to left (`world from sensor`). What is missing is
marked invalid; it is never a zero (docs/conventions.md). Each is checked as it is made: another shape, a rate
that is not positive, NaN or infinity where a value counts, rotations that are none, and unknown names of
segments, placements or states of gravity raise a ValueError that says what to change.
"""

from dataclasses import dataclass, field, replace
from typing import Literal, Self

import numpy as np
import numpy.typing as npt
import torch

from anymo.skeleton import NUM_SEGMENTS, segment_of

Array = npt.NDArray[np.float64]
Gravity = Literal["included", "removed"]
GRAVITY_MPS2 = 9.80665  # standard gravity, CGPM 1901


def _require(ok: bool, message: str) -> None:
    if not ok:
        raise ValueError(message)


def _require_rotations(name: str, rotation: Array) -> None:
    error = np.abs(rotation @ np.swapaxes(rotation, -1, -2) - np.eye(3)).max(initial=0.0)
    _require(
        bool(error < 1e-4) and bool((np.linalg.det(rotation) > 0).all()),
        f"{name}: expected rotation matrices, got R Rᵀ off the identity by {error:.2g} or a reflection; "
        "convert quaternions or Euler angles with scipy.spatial.transform.Rotation",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """A sentence that holds for part of a motion, from `start_s` to `end_s` seconds (None: to the end)."""

    text: str
    start_s: float = 0.0
    end_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Motion:
    """Movement of the 23 segments of one body.

    root_position  pelvis origin, world frame (z up), m                                  (T, 3)
    rotations      parent from segment, identity in T-pose; [:, 0] is world from pelvis  (T, 23, 3, 3)
    joint_offsets  segment origin in its parent's frame, m                               (23, 3)
    rate_hz        frames per second
    captions       what it shows, in words, with the spans of time for which they hold
    name           of the clip; stands in messages
    source         format and rig it was read from, or "procedural"
    licence        terms of the data; empty where nobody stated them
    subject        who moved; empty where nobody knows
    """

    root_position: Array
    rotations: Array
    joint_offsets: Array
    rate_hz: float
    captions: tuple[Caption, ...] = ()
    name: str = ""
    source: str = ""
    licence: str = ""
    subject: str = ""

    def __post_init__(self) -> None:
        frames = len(self.root_position)
        for name, array, shape in (
            ("root_position", self.root_position, (frames, 3)),
            ("rotations", self.rotations, (frames, NUM_SEGMENTS, 3, 3)),
            ("joint_offsets", self.joint_offsets, (NUM_SEGMENTS, 3)),
        ):
            _require(array.shape == shape, f"motion {self.name!r}: {name} must be {shape}, got {array.shape}")
            _require(
                bool(np.isfinite(array).all()),
                f"motion {self.name!r}: {name} holds NaN or infinity; cut the clip or fill the gap first",
            )
        _require(frames >= 2, f"motion {self.name!r}: needs 2 frames or more, got {frames}")
        _require(
            0 < self.rate_hz < np.inf,
            f"motion {self.name!r}: rate_hz must be positive and finite, got {self.rate_hz}",
        )
        _require_rotations(f"motion {self.name!r}: rotations", self.rotations)

    @property
    def duration_s(self) -> float:
        """Time from the first frame to the last, s."""
        return (len(self.root_position) - 1) / self.rate_hz


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SegmentKinematics:
    """World pose of S rigid bodies and the 18 numbers per frame that make simulation a matrix product.

    The bodies are the 23 segments, or, where `anymo.simulation.PoseSpline` was given others, those.

    position   body's origin, world, m                           (T, S, 3)
    rotation   world from body                                   (T, S, 3, 3)
    features   A (3), u (3), B (9, row-major), w (3): see anymo.simulation.kinematics   (T, S, 18)
    rate_hz    frames per second
    """

    position: Array
    rotation: Array
    features: Array
    rate_hz: float

    def __post_init__(self) -> None:
        _require(
            0 < self.rate_hz < np.inf, f"kinematics: rate_hz must be positive and finite, got {self.rate_hz}"
        )
        for name, array, tail in (
            ("position", self.position, (3,)),
            ("rotation", self.rotation, (3, 3)),
            ("features", self.features, (18,)),
        ):
            shape = (*self.position.shape[:2], *tail)
            _require(array.shape == shape, f"kinematics: {name} must be {shape}, got {array.shape}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Placement:
    """Where a sensor sits and how it is turned.

    segment   one of skeleton.SEGMENTS
    offset_m  sensor position in the segment frame, m            (3,)
    rotation  segment from sensor                                (3, 3)
    name      what people call it, e.g. "left wrist"
    """

    segment: str
    offset_m: Array
    rotation: Array = field(default_factory=lambda: np.eye(3))
    name: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "segment", segment_of(self.segment))
        _require(self.offset_m.shape == (3,), f"placement: offset_m must be (3,), got {self.offset_m.shape}")
        _require(
            self.rotation.shape == (3, 3), f"placement: rotation must be (3, 3), got {self.rotation.shape}"
        )
        _require_rotations(f"placement {self.name!r}", self.rotation)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SensorStream:
    """What one worn sensor reported, in its own axes.

    acc        specific force (at rest +9.81 on the axis that points up) if gravity is "included",
               linear acceleration if "removed"; m/s²               (T, 3)
    gyro       angular velocity, rad/s; None for an accelerometer   (T, 3)
    valid      True where a sample was taken                        (T,)
    rate_hz    samples per second
    placement  a name of skeleton.PLACEMENTS, or a segment
    gravity    "included" or "removed", as for acc
    """

    acc: Array
    gyro: Array | None
    valid: npt.NDArray[np.bool_]
    rate_hz: float
    placement: str
    gravity: Gravity

    def __post_init__(self) -> None:
        num = len(self.acc)
        where = f"sensor {self.placement!r}"
        _require(self.acc.shape == (num, 3), f"{where}: acc must be (T, 3), got {self.acc.shape}")
        _require(self.valid.shape == (num,), f"{where}: valid must be ({num},), got {self.valid.shape}")
        _require(
            0 < self.rate_hz < np.inf, f"{where}: rate_hz must be positive and finite, got {self.rate_hz}"
        )
        _require(
            self.gravity in ("included", "removed"),
            f"{where}: gravity must be 'included' or 'removed', got {self.gravity!r}",
        )
        channels = [("acc", self.acc)]
        if self.gyro is not None:
            _require(self.gyro.shape == (num, 3), f"{where}: gyro must be (T, 3), got {self.gyro.shape}")
            channels.append(("gyro", self.gyro))
        for name, array in channels:
            bad = int((~np.isfinite(array[self.valid])).any(axis=-1).sum())
            _require(
                bad == 0,
                f"{where}: {name} holds NaN or infinity in {bad} of {num} samples marked valid; "
                "mark them valid=False or interpolate them first",
            )
        segment_of(self.placement)

    @property
    def segment(self) -> str:
        """Segment that carries the sensor."""
        return segment_of(self.placement)

    @property
    def duration_s(self) -> float:
        """Length of the stream, s."""
        return len(self.acc) / self.rate_hz


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Recording:
    """Streams of the sensors one person wore at one time, with what is known about them.

    sensors  one stream for each sensor, which may differ in rate and length; all start together
    subject  who wore them; empty where nobody knows
    label    class, as its data set names it; empty where there is none
    text     the class in plain words, or a sentence about the whole; empty where there is none
    name     what to call it in messages
    source   file or data set it comes from, or "simulated"
    """

    sensors: tuple[SensorStream, ...]
    subject: str = ""
    label: str = ""
    text: str = ""
    name: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        _require(len(self.sensors) > 0, f"recording {self.name!r}: needs one sensor or more, got none")

    @property
    def duration_s(self) -> float:
        """Length of the longest stream, s."""
        return max(s.duration_s for s in self.sensors)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WindowBatch:
    """What the encoder eats: B windows of up to S sensors at the model's rate.

    Values where a mask is False are unspecified; the encoder never reads them.

    signal        acc m/s², gyro rad/s, sensor frame             (B, S, T, 6)
    sample_valid  sampled, neither missing nor past the end      (B, S, T)  bool
    has_gyro      the sensor has a gyroscope                     (B, S)     bool
    worn          the sensor slot is in use                      (B, S)     bool
    segment       index into skeleton.SEGMENTS                   (B, S)     int64
    has_gravity   gravity is included in acc                     (B, S)     bool
    rate_hz       samples per second, the same for all
    """

    signal: torch.Tensor
    sample_valid: torch.Tensor
    has_gyro: torch.Tensor
    worn: torch.Tensor
    segment: torch.Tensor
    has_gravity: torch.Tensor
    rate_hz: float

    def __post_init__(self) -> None:
        b, s, t, c = self.signal.shape
        _require(c == 6, f"window batch: signal must have 6 channels (acc, gyro), got {c}")
        for name, tensor, shape in (
            ("sample_valid", self.sample_valid, (b, s, t)),
            ("has_gyro", self.has_gyro, (b, s)),
            ("worn", self.worn, (b, s)),
            ("segment", self.segment, (b, s)),
            ("has_gravity", self.has_gravity, (b, s)),
        ):
            _require(
                tuple(tensor.shape) == shape, f"window batch: {name} must be {shape}, got {tensor.shape}"
            )

    def __len__(self) -> int:
        return int(self.signal.shape[0])

    def to(self, device: torch.device | str) -> Self:
        """Copy on a device."""
        return replace(
            self,
            signal=self.signal.to(device),
            sample_valid=self.sample_valid.to(device),
            has_gyro=self.has_gyro.to(device),
            worn=self.worn.to(device),
            segment=self.segment.to(device),
            has_gravity=self.has_gravity.to(device),
        )

    def select(self, rows: torch.Tensor | slice) -> Self:
        """Some of the windows: a slice, indices (N,) int64 or a mask (B,) bool."""
        return replace(
            self,
            signal=self.signal[rows],
            sample_valid=self.sample_valid[rows],
            has_gyro=self.has_gyro[rows],
            worn=self.worn[rows],
            segment=self.segment[rows],
            has_gravity=self.has_gravity[rows],
        )
