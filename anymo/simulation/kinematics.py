"""Motion to segment kinematics: derivatives from quintic splines, and the 18 numbers per frame.

For a segment with rotation R (world from segment), acceleration a, angular velocity ω and angular
acceleration α, every ideal sensor on it is linear in

    A = Rᵀa (3)   u = Rᵀẑ (3)   B = Rᵀ([α]× + [ω]×[ω]×)R (9, row-major)   w = Rᵀω (3)

(the design note's derivation: f = Qᵀ(A + γu + Br), gyro = Qᵀw for offset r and mounting Q).
"""

import logging

import numpy as np
from scipy.spatial.transform import Rotation

from anymo.records import Array, Motion, SegmentKinematics
from anymo.simulation.rigid_body import BodyMotion, free_bodies, segment_tree
from anymo.simulation.spline import DEGREE, QuinticSpline

_log = logging.getLogger(__name__)
_BLOCK = 512  # times worked on at once: what stays in the cache
_BODY_BAND_HZ = 15.0  # holds 99 % of the power of a walking body's forces (Antonsson and Mann 1985)


class PoseSpline:
    """Quintic splines through the world poses of any number of rigid bodies.

    Positions are splined as they are, rotations as sign-continuous quaternions, normalised on evaluation
    (`anymo.simulation.rigid_body.own_rates`).

    Nothing is assumed beyond the ends. An interpolating spline is not-a-knot there, a smoothing one (see
    `QuinticSpline.fit`) tends to the cubic that fits best, so that accelerations of the first and last three
    frames, or half a cycle of the cutoff if that is longer, rest on one side only: leave half a second out
    where it matters.

    Args:
        times_s: (T,) ascending, s; uniform or not.
        position: (T, S, 3) origins of the bodies, world frame, m.
        rotation: (T, S, 3, 3) world from body.
        cutoff_hz: zero-phase smoothing of the pose for captured motion, whose jitter would be differentiated
            twice: gain 1 / (1 + (f / cutoff)⁸), one half at the cutoff. None interpolates noise-free motion.
        name: of the motion, for messages.

    Raises:
        ValueError: fewer than 6 frames, times not ascending, shapes that do not agree, values that are not
            finite, or a cutoff that is not under half the frame rate.
    """

    def __init__(
        self,
        times_s: Array,
        position: Array,
        rotation: Array,
        *,
        cutoff_hz: float | None = None,
        name: str = "pose",
    ) -> None:
        expected = (len(times_s), *position.shape[1:2])
        if position.shape != (*expected, 3) or rotation.shape != (*expected, 3, 3):
            raise ValueError(
                f"{name}: expected position (T, S, 3) and rotation (T, S, 3, 3) with T = {len(times_s)}, "
                f"got {position.shape} and {rotation.shape}"
            )
        off = np.abs(rotation @ np.swapaxes(rotation, -1, -2) - np.eye(3)).max(initial=0.0)
        with np.errstate(invalid="ignore"):  # NaN is named below
            is_reflection = bool((np.linalg.det(rotation) < 0).any())
        if off > 1e-3 or is_reflection:
            raise ValueError(
                f"{name}: expected rotation matrices, got R Rᵀ off the identity by {off:.2g} or a reflection"
                "; convert quaternions or Euler angles with scipy.spatial.transform.Rotation"
            )
        self._fit(times_s, position, rotation, cutoff_hz, name)

    def _fit(
        self, times_s: Array, position: Array, rotation: Array, cutoff_hz: float | None, name: str
    ) -> None:
        """Spline the paths (T, F, 3) of some bodies and the rotations (T, S, 3, 3) of all."""
        frames, paths = position.shape[:2]
        channels = np.empty((3 * paths + 4 * rotation.shape[1], frames))
        channels[: 3 * paths] = position.reshape(frames, -1).T
        quaternion = channels[3 * paths :].reshape(-1, 4, frames)
        for first in range(0, frames, _BLOCK):
            block = slice(first, first + _BLOCK)
            turned = Rotation.from_matrix(rotation[block].reshape(-1, 3, 3), assume_valid=True).as_quat()
            quaternion[..., block] = turned.reshape(-1, *quaternion.shape[:2]).transpose(1, 2, 0)
        _check(times_s, channels, cutoff_hz, name)
        flips = (quaternion[..., 1:] * quaternion[..., :-1]).sum(1) < 0
        quaternion[..., 1:] *= 1.0 - 2.0 * (np.cumsum(flips, axis=-1) % 2)[:, None]
        self.start_s = float(times_s[0])
        self.duration_s = float(times_s[-1] - times_s[0])
        self.band_hz = (frames - 1) / self.duration_s / 2
        self._name, self._paths, self._bodies = name, paths, rotation.shape[1]
        self._spline = QuinticSpline.fit(times_s, channels, cutoff_hz)

    def at(self, rate_hz: float, start_s: float = 0.0, end_s: float | None = None) -> SegmentKinematics:
        """Kinematics at a sensor's own sampling times; arguments and errors are those of `sample_times`."""
        return self.at_times(self.sample_times(rate_hz, start_s, end_s), rate_hz=rate_hz)

    def sample_times(self, rate_hz: float, start_s: float = 0.0, end_s: float | None = None) -> Array:
        """Times first frame + start + k / rate of a sensor, on the poses' clock.

        A sensor is warned of that sees more of a body's movement than the frames can hold: where half the
        frame rate is under half the sensor's, and under the 15 Hz that a body's movement fills, so with
        frames at 20 or 25 Hz but not at 30. Beyond 15 Hz there is little but impacts, which no sensor rate
        brings back. A cutoff that is stated is not warned of: who states it knows what it leaves out.

        Args:
            rate_hz: samples per second.
            start_s: first sample, s from the first frame.
            end_s: no sample after this, s from the first frame; None for the last frame.

        Returns:
            (N,) s.

        Raises:
            ValueError: a rate that is not positive, or an interval that is not inside the motion.
        """
        if not 0 < rate_hz < np.inf:
            raise ValueError(
                f"{self._name}: rate_hz must be positive, got {rate_hz}; give the sensor's samples per second"
            )
        end_s = self.duration_s if end_s is None else end_s
        if not 0 <= start_s < end_s <= self.duration_s + 1e-9:
            raise ValueError(
                f"{self._name}: expected 0 <= start < end <= {self.duration_s:.3f} s, "
                f"got {start_s} to {end_s}"
            )
        seen_hz = min(rate_hz / 2, _BODY_BAND_HZ)
        if self.band_hz < (1 - 1e-6) * seen_hz:
            _log.warning(
                "%s: the frames hold nothing above %.3g Hz, and a sensor of %g Hz sees movement up to "
                "%.3g Hz; take motion of a higher rate, or a sensor of %.3g Hz",
                self._name, self.band_hz, rate_hz, seen_hz, 2 * self.band_hz,
            )  # fmt: skip
        num = int(np.floor((end_s - start_s) * rate_hz + 1e-9)) + 1
        return self.start_s + start_s + np.arange(num) / rate_hz

    def at_times(self, times_s: Array, *, rate_hz: float | None = None) -> SegmentKinematics:
        """Kinematics at any ascending times within those of the poses, on their clock.

        Args:
            times_s: (N,) s.
            rate_hz: what the record says of them; None for their mean rate.

        Raises:
            ValueError: times outside those of the poses, or not ascending; one time without a rate.
        """
        end_s = self.start_s + self.duration_s
        if not (len(times_s) and self.start_s - 1e-9 <= times_s[0] and times_s[-1] <= end_s + 1e-9):
            raise ValueError(
                f"{self._name}: expected times from {self.start_s:.3f} to {end_s:.3f} s, got "
                + (f"{times_s[0]:.3f} to {times_s[-1]:.3f}" if len(times_s) else "none")
            )
        _require_ascending(times_s, self._name)
        if rate_hz is None and len(times_s) < 2:
            raise ValueError(f"{self._name}: one time has no rate; state rate_hz")
        inside = np.clip(times_s, self.start_s, end_s)
        shape = (len(times_s), self._bodies)
        position, rotation, features = (np.empty((*shape, n)) for n in (3, 9, 18))
        for first in range(0, len(times_s), _BLOCK):
            block = slice(first, first + _BLOCK)
            moving = self._moving(inside[block])
            turn = moving.rotation.reshape(9, *moving.position.shape[1:])
            for target, rows in (
                (position, moving.position),
                (rotation, turn),
                (features, moving.features()),
            ):
                for k, row in enumerate(rows):
                    target[block, :, k] = row.T
        return SegmentKinematics(
            position=position,
            rotation=rotation.reshape(*shape, 3, 3),
            features=features,
            rate_hz=rate_hz or (len(times_s) - 1) / float(times_s[-1] - times_s[0]),
        )

    def _moving(self, times_s: Array) -> BodyMotion:
        return free_bodies(*self._derivatives(times_s))

    def _derivatives(self, times_s: Array) -> tuple[Array, Array, Array, Array, Array]:
        """Paths and their second derivatives (3, F, N); quaternions and two derivatives (4, S, N)."""
        found = self._spline.derivatives(times_s, 2)
        paths = [np.ascontiguousarray(d[:, : 3 * self._paths].T) for d in found[::2]]
        turns = [np.ascontiguousarray(d[:, 3 * self._paths :].T) for d in found]
        x, ddx = (p.reshape(self._paths, 3, -1).swapaxes(0, 1) for p in paths)
        s, ds, dds = (q.reshape(self._bodies, 4, -1).swapaxes(0, 1) for q in turns)
        return x, ddx, s, ds, dds


class MotionSpline(PoseSpline):
    """The 23 segments of a motion: splines of the pelvis' path and of every rotation against the parent.

    What follows down the tree is exact (`segment_tree`), so that the bones keep their lengths between the
    frames too, and a hand is no rougher for hanging on a moving trunk and arm.

    Args:
        motion: the movement; needs 6 frames or more.
        cutoff_hz: smoothing of captured motion, Hz; None for noise-free motion. See `PoseSpline`.
    """

    def __init__(self, motion: Motion, cutoff_hz: float | None = None) -> None:
        self._joint_offsets = motion.joint_offsets
        times = np.arange(len(motion.root_position)) / motion.rate_hz
        self._fit(
            times, motion.root_position[:, None], motion.rotations, cutoff_hz, f"motion {motion.name!r}"
        )

    def _moving(self, times_s: Array) -> BodyMotion:
        return segment_tree(*self._derivatives(times_s), self._joint_offsets)


def _check(times_s: Array, channels: Array, cutoff_hz: float | None, name: str) -> None:
    if len(times_s) <= DEGREE:
        raise ValueError(
            f"{name}: expected at least {DEGREE + 1} frames for a quintic spline, got {len(times_s)}; "
            "use a longer clip"
        )
    _require_ascending(times_s, name)
    if not np.isfinite(channels).all():
        frame = int(np.flatnonzero(~np.isfinite(channels).all(axis=0))[0])
        raise ValueError(
            f"{name}: pose holds NaN or infinity, first in frame {frame}; cut it or fill the gap"
        )
    half_rate = (len(times_s) - 1) / (times_s[-1] - times_s[0]) / 2
    if cutoff_hz is not None and not 0 < cutoff_hz < half_rate:
        raise ValueError(
            f"{name}: cutoff_hz must be under half the frame rate ({half_rate:g} Hz) and positive, "
            f"got {cutoff_hz:g}"
        )


def _require_ascending(times_s: Array, name: str) -> None:
    steps = np.diff(times_s)
    if not (steps > 0).all():
        where = int(np.flatnonzero(~(steps > 0))[0])
        raise ValueError(
            f"{name}: expected ascending times, got {times_s[where]} then {times_s[where + 1]} s at frame "
            f"{where + 1}; sort them and drop repeats"
        )
