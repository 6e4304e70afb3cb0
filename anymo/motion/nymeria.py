"""Nymeria's Xsens segments (`body/xdata.npz`) -> Motion; the 23 segments, T-pose and axes are ours.

github.com/facebookresearch/nymeria_dataset: `segment_tXYZ` (T, 69) m and `segment_qWXYZ` (T, 92), world from
segment, z up, 240 frames a second, `timestamps_us`. Its own reader sets a step that is off by more than 1 ms
to the nominal one if the clock ends within 10 ms of it, and repeats the frame before where a quaternion is
shorter than 0.5. Here the first is done too, for it moves no frame; frames without a pose are refused or cut,
not made up.
"""

import logging
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from anymo.motion.mvnx import segment_rotations
from anymo.motion.retarget import motion_from_poses
from anymo.motion.source import AnyArray, floats, scalar
from anymo.records import Array, Caption, Motion
from anymo.skeleton import NUM_SEGMENTS

logger = logging.getLogger(__name__)

RATE_HZ = 240.0
LICENCE = "Nymeria: CC BY-NC 4.0, non-commercial"
_STEP_TOLERANCE_US = 1_000.0
_DRIFT_TOLERANCE_US = 10_000.0
_SHORTEST_QUATERNION = 0.5


def load_nymeria(
    source: Mapping[str, AnyArray],
    *,
    name: str = "",
    rate_hz: float | None = None,
    captions: Sequence[Caption] = (),
    cut: bool = False,
) -> Motion:
    """Read the arrays of an `xdata.npz`.

    Args:
        source: arrays by name: `segment_tXYZ` (T, 69) m, origins of the 23 segments, world, z up;
            `segment_qWXYZ` (T, 92) quaternions w, x, y, z, world from segment; where they are there,
            `timestamps_us` (T,) µs and `frameRate`, frames per second.
        name: of the clip.
        rate_hz: frames per second; None takes `frameRate`, or 240, and holds it against `timestamps_us`.
        captions: sentences that go with the clip.
        cut: keep only the longest run of good frames, where some have no pose or the clock jumps; its
            captions are then those of the whole and should be left out or moved by the caller.

    Returns:
        Motion of the 23 segments, with Nymeria's licence.

    Raises:
        KeyError: one of the two arrays is missing (`anymo.motion.load` names it in a ValueError).
        ValueError: arrays of wrong shape or no numbers, frames without a pose or jumps of the clock (with
            `cut`, no good run of two frames), timestamps that contradict the rate, or a body of
            implausible height.
    """
    quaternion = _shaped(source, "segment_qWXYZ", 4, name)
    position = _shaped(source, "segment_tXYZ", 3, name)
    if len(quaternion) != len(position):
        raise ValueError(
            f"{name}: {len(quaternion)} orientations and {len(position)} positions; is the file whole?"
        )
    stated = scalar(source.get("frameRate", RATE_HZ), "frameRate", name)
    rate = stated if rate_hz is None else rate_hz
    if not 0 < rate < np.inf:
        raise ValueError(
            f"{name}: frames per second must be positive, got {rate}; pass rate_hz (Nymeria's are 240)"
        )
    length = np.linalg.norm(quaternion, axis=-1)
    good = (length >= _SHORTEST_QUATERNION).all(axis=1) & np.isfinite(position).all(axis=(1, 2))
    jumps = _jumps(source, len(good), rate, name)
    keep = _longest_run(good, jumps)
    if not good.all() or jumps.any():
        _report(good, jumps, keep, cut, name)
    chosen = keep if cut else slice(None)
    unit = quaternion[chosen] / length[chosen][..., None]
    return motion_from_poses(
        position[chosen],
        segment_rotations(unit, name),
        rate_hz=rate,
        name=name,
        source="nymeria, Xsens segments",
        captions=captions,
        licence=LICENCE,
    )


def _shaped(source: Mapping[str, AnyArray], key: str, width: int, where: str) -> Array:
    array = floats(source[key], key, where)
    if array.ndim == 0 or array.size == 0 or array.size // len(array) != width * NUM_SEGMENTS:
        raise ValueError(f"{where}: {key} must be (T, {width * NUM_SEGMENTS}), got {array.shape}")
    return array.reshape(len(array), NUM_SEGMENTS, width)


def _jumps(source: Mapping[str, AnyArray], frames: int, rate_hz: float, where: str) -> npt.NDArray[np.bool_]:
    """(T - 1,) True where time is lost between a frame and the next.

    Odd steps that cancel out are jitter of the clock, not of the frames.
    """
    if "timestamps_us" not in source:
        return np.zeros(frames - 1, dtype=bool)
    times = floats(source["timestamps_us"], "timestamps_us", where).reshape(-1)
    if not np.isfinite(times).all():
        raise ValueError(f"{where}: timestamps_us hold NaN or infinity; fill them in, or leave them out")
    if len(times) != frames:
        raise ValueError(f"{where}: {frames} frames, but {len(times)} timestamps; is the file whole?")
    step = np.diff(times)
    nominal = 1e6 / rate_hz
    if len(step) and abs(np.median(step) / nominal - 1.0) > 0.05:
        raise ValueError(
            f"{where}: {rate_hz:g} frames per second are stated, but timestamps_us step by "
            f"{np.median(step):.5g}, "
            f"{1e6 / np.median(step):.4g} per second; pass rate_hz, the one that is right"
        )
    odd = np.abs(step - nominal) > _STEP_TOLERANCE_US
    if abs(float((step[odd] - nominal).sum())) <= _DRIFT_TOLERANCE_US:
        if odd.any():
            logger.info(
                "%s: %d odd time steps cancel out within 10 ms; frames taken as even", where, odd.sum()
            )
        return np.zeros(frames - 1, dtype=bool)
    return odd


def _longest_run(good: npt.NDArray[np.bool_], jumps: npt.NDArray[np.bool_]) -> slice:
    """Longest stretch of good frames without a jump."""
    joined = good[1:] & good[:-1] & ~jumps
    edges = np.flatnonzero(np.diff(np.concatenate([[False], joined, [False]]).astype(np.int8)))
    if not edges.size:
        return slice(0, 0)
    starts, ends = edges[::2], edges[1::2]
    k = int(np.argmax(ends - starts))
    return slice(int(starts[k]), int(ends[k]) + 1)


def _report(
    good: npt.NDArray[np.bool_], jumps: npt.NDArray[np.bool_], keep: slice, cut: bool, where: str
) -> None:
    first = int(np.flatnonzero(~good)[0]) if not good.all() else int(np.flatnonzero(jumps)[0])
    message = (
        f"{where}: {int((~good).sum())} of {len(good)} frames have no pose and time is lost after "
        f"{int(jumps.sum())}, first at frame {first}; the longest good run is {keep.start} to {keep.stop}"
    )
    if not cut or keep.stop - keep.start < 2:
        raise ValueError(f"{message}; pass cut=True to keep that run, or cut the arrays")
    logger.warning("%s, which is kept", message)
