"""A motion made ready to store: differentiated once, and cut where the capture is flawed."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from anymo.data.arrow import GRID_HZ, POSE_HZ, VERSION, StoredClip, inner
from anymo.records import Caption, Motion, SegmentKinematics
from anymo.simulation import MotionSpline
from anymo.skeleton import SEGMENTS

MAX_ACCELERATION_MPS2 = 500.0  # of a joint, smoothed; landings and throws of sound clips stay under 420
_LEVER_M = 0.1  # from the joint, where the turning of its segment must not exceed that either
MIN_PART_S = 2.0  # of what is left between flaws
_MARGIN_S = 0.25  # cut away on either side of a flaw
_PART = "@"  # parts the name of a clip from the seconds of it that are kept


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipSource:
    """A motion to store: the body that wears the sensors, and how captured motion is smoothed.

    synonyms  of the first caption, the short phrase
    """

    motion: Motion
    body: int
    cutoff_hz: float | None = None
    synonyms: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not any(caption.text.strip() for caption in self.motion.captions):
            raise ValueError(
                f"corpus: expected a caption for every clip, got none for {self.motion.name!r}; write one"
            )


def take_of(name: str) -> str:
    """Name of the clip that a part was cut from; a whole clip's own."""
    return name.partition(_PART)[0]


def trial_of(name: str) -> str:
    """Name of the take whoever prepared its file, which CMU's files tell after "__": never in two splits."""
    return take_of(name).partition("__")[0]


def store_clip(clip: ClipSource, **known: Any) -> StoredClip:
    """Differentiate a motion once.

    Args:
        clip: the motion, and who wears the sensors.
        known: `dataset` it is of, `file` it came from and its `sha256`, `non_commercial`: fields of
            StoredClip, empty for motion that was generated.

    Raises:
        ValueError: the motion is too short to differentiate, has too few frames per second to smooth, or
            jumps as no body does.
    """
    kinematics = MotionSpline(clip.motion, clip.cutoff_hz).at(GRID_HZ)
    if len(flaws := _flaws(kinematics)):
        raise ValueError(f"{clip.motion.name}: {_told(kinematics, flaws)}; mend or cut the clip")
    return _stored(clip, kinematics, known)


def store_parts(clip: ClipSource, **known: Any) -> tuple[list[StoredClip], str]:
    """Differentiate a motion once, without what jumps as no body does.

    A flaw is cut away with a quarter of a second on either side, and what is left is differentiated anew, so
    that the flaw is not in it. Parts under two seconds, or for which no caption holds, are left out.

    Args:
        clip: the motion, and who wears the sensors.
        known: as for `store_clip`.

    Returns:
        The clip, or its parts; and what was wrong, empty if nothing.

    Raises:
        ValueError: as `store_clip`, and nothing is left.
    """
    kept: list[StoredClip] = []
    wrong: list[str] = []
    ahead = [(clip, 0.0)]
    while ahead:
        part, start_s = ahead.pop()
        kinematics = MotionSpline(part.motion, part.cutoff_hz).at(GRID_HZ)
        if len(flaws := _flaws(kinematics)):
            wrong.append(_told(kinematics, flaws, start_s))
            ahead += [(p, start_s + at) for p, at in _cut(part, flaws, len(kinematics.features))][::-1]
            continue
        stored = _stored(part, kinematics, known)
        span = f"{start_s:.2f}-{start_s + part.motion.duration_s:.2f}"
        kept.append(replace(stored, name=f"{stored.name}{_PART}{span}") if wrong else stored)
    if not kept:
        raise ValueError(
            f"{clip.motion.name}: {'; '.join(wrong)}; no captioned part of {MIN_PART_S:g} s or more is left: "
            "mend the clip"
        )
    return kept, "; ".join(wrong)


def _stored(clip: ClipSource, kinematics: SegmentKinematics, known: dict[str, Any]) -> StoredClip:
    motion = clip.motion
    facts: dict[str, Any] = {"dataset": "", "file": "", "sha256": "", "non_commercial": False} | known
    return StoredClip(
        name=motion.name,
        source=motion.source,
        licence=motion.licence,
        subject=motion.subject,
        captions=tuple(c for c in motion.captions if c.text.strip()),
        synonyms=clip.synonyms,
        rate_hz=GRID_HZ,
        cutoff_hz=clip.cutoff_hz or 0.0,
        body=clip.body,
        version=VERSION,
        joint_offsets=motion.joint_offsets.astype(np.float32),
        root_position=kinematics.position[:, 0].astype(np.float32),
        x_axis=kinematics.rotation[..., 0, :].astype(np.float32),
        features=kinematics.features.astype(np.float32),
        pose=pose_features(motion).astype(np.float32),
        **facts,
    )


def _flaws(kinematics: SegmentKinematics) -> np.ndarray:
    """Frames of the grid in which a segment is accelerated as none can be, edges aside."""
    frames = inner(len(kinematics.features))
    acceleration = _acceleration(kinematics.features[frames]).max(axis=1)
    return np.asarray(np.flatnonzero(acceleration > MAX_ACCELERATION_MPS2) + frames.start)


def _acceleration(features: np.ndarray) -> np.ndarray:
    """(T, 23) of each joint, m/s², or of places 10 cm from it against the joint, if that is more.

    The joint of a hand that flips stays where it is; [α]× + [ω]×² has the Frobenius norm √2 α, or √2 ω².
    """
    turning = _LEVER_M / np.sqrt(2) * np.linalg.norm(features[..., 6:15], axis=-1)
    return np.asarray(np.maximum(np.linalg.norm(features[..., :3], axis=-1), turning))


def _told(kinematics: SegmentKinematics, flaws: np.ndarray, start_s: float = 0.0) -> str:
    acceleration = _acceleration(kinematics.features[flaws])
    worst, segment = np.unravel_index(int(acceleration.argmax()), acceleration.shape)
    return (
        f"{SEGMENTS[segment]} is accelerated by {acceleration[worst, segment]:.0f} m/s² at "
        f"{start_s + flaws[worst] / GRID_HZ:.2f} s, expected {MAX_ACCELERATION_MPS2:.0f} at most: was a "
        "marker lost?"
    )


def _cut(clip: ClipSource, flaws: np.ndarray, num_frames: int) -> Iterator[tuple[ClipSource, float]]:
    """What lies between flaws, and where it starts, s."""
    motion = clip.motion
    edges = np.array([-_MARGIN_S, *(flaws / GRID_HZ), (num_frames - 1) / GRID_HZ + _MARGIN_S])
    for flaw, following in pairwise(edges):
        start, end = flaw + _MARGIN_S, following - _MARGIN_S
        captions = tuple(_within(motion.captions, start, end))
        if end - start >= MIN_PART_S and captions:
            frames = slice(int(np.ceil(start * motion.rate_hz)), int(end * motion.rate_hz) + 1)
            part = replace(
                motion,
                root_position=motion.root_position[frames],
                rotations=motion.rotations[frames],
                captions=captions,
            )
            yield replace(clip, motion=part), frames.start / motion.rate_hz


def _within(captions: tuple[Caption, ...], start_s: float, end_s: float) -> Iterator[Caption]:
    for caption in captions:
        last = np.inf if caption.end_s is None else caption.end_s
        if caption.start_s < end_s and last > start_s:
            ends = None if last >= end_s else caption.end_s
            yield replace(
                caption,
                start_s=max(caption.start_s - start_s, 0.0),
                end_s=None if ends is None else ends - start_s,
            )


def pose_features(motion: Motion) -> np.ndarray:
    """Pose at 12 Hz, free of place and heading: (G, POSE_SIZE).

    Per segment the first two columns of its rotation (Zhou et al. 2019), the pelvis taken against its own
    heading; then the pelvis velocity in the heading frame, m/s.
    """
    step = motion.rate_hz / POSE_HZ
    frames = np.minimum(
        np.round(np.arange(0, len(motion.rotations) - 1, step)).astype(int), len(motion.rotations) - 2
    )
    local = motion.rotations[frames].copy()
    forward = local[:, 0, :, 0]
    yaw = np.arctan2(forward[:, 1], forward[:, 0])
    c, s, o, i = np.cos(yaw), np.sin(yaw), np.zeros_like(yaw), np.ones_like(yaw)
    to_heading = np.stack([c, s, o, -s, c, o, o, o, i], -1).reshape(-1, 3, 3)
    local[:, 0] = to_heading @ local[:, 0]
    velocity = (motion.root_position[frames + 1] - motion.root_position[frames]) * motion.rate_hz
    velocity = (to_heading @ velocity[..., None])[..., 0]
    return np.concatenate([local[..., :2].reshape(len(frames), -1), velocity], axis=-1)
