"""Simulated corpus: clips as segment kinematics on a common grid, and windows simulated from them.

What is stored is the motion's 18 numbers per frame and segment, not signals: every draw of a window has
new placements, mountings, devices, rates and speeds (shared design: simulation is one matrix product).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from anymo.data.arrow import (
    GRID_HZ,
    POSE_HZ,
    POSE_SIZE,
    SPLITS,
    VERSION,
    Blocks,
    StoredClip,
    clear,
    frames_of,
    inner,
    read_batches,
    write_index,
    write_part,
)
from anymo.data.card import entry, write_card, write_manifest
from anymo.records import Motion, SegmentKinematics
from anymo.simulation import MotionSpline
from anymo.skeleton import SEGMENTS

__all__ = [
    "GRID_HZ",
    "POSE_HZ",
    "POSE_SIZE",
    "ClipSource",
    "MotionCorpus",
    "build_corpus",
    "is_held_out",
    "pose_features",
    "store_clip",
    "write_corpus",
]

CLIPS_PER_PART = 128
MAX_ACCELERATION_MPS2 = 500.0  # of a joint, smoothed; landings and throws of sound clips stay under 420


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipSource:
    """A motion to store: the body that wears the sensors, and how captured motion is smoothed."""

    motion: Motion
    body: int
    cutoff_hz: float | None = None

    def __post_init__(self) -> None:
        if not self.motion.captions:
            raise ValueError(
                f"corpus: expected a caption for every clip, got none for {self.motion.name!r}; write one"
            )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MotionCorpus:
    """Clips laid end to end.

    features  the 18 numbers on the 60 Hz grid, float32          (F, 23, 18)
    pose      pose_features on the 12 Hz grid, float32           (G, POSE_SIZE)
    first     first grid frame of each clip, then the total      (C + 1,)
    first_pose  likewise of the pose                             (C + 1,)
    body      index of the body each clip's sensors are drawn on (C,)
    captions  of each clip; the first is the short phrase
    held_out  clip belongs to the validation split               (C,) bool
    """

    features: torch.Tensor | Blocks
    pose: torch.Tensor | Blocks
    first: torch.Tensor
    first_pose: torch.Tensor
    body: torch.Tensor
    held_out: torch.Tensor
    captions: tuple[tuple[str, ...], ...]
    names: tuple[str, ...]
    sources: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.captions)

    def clips(self, *, held_out: bool) -> torch.Tensor:
        """Indices of the clips of one split."""
        return (self.held_out == held_out).nonzero().flatten()

    def texts(self, clips: torch.Tensor) -> list[str]:
        """All captions of some clips, each once, sorted."""
        return sorted({t for c in clips.tolist() for t in self.captions[c]})

    @property
    def hours(self) -> float:
        """Duration of all clips, h."""
        return len(self.features) / GRID_HZ / 3600

    @classmethod
    def load(cls, folder: Path) -> "MotionCorpus":
        """Memory-map a corpus folder: the training clips, then those held out.

        Raises:
            FileNotFoundError: no whole corpus is there.
            ValueError: a file is not whole, there is no clip, or another version of the processing made it.
        """
        splits = [list(read_batches(folder, split)) for split in SPLITS]
        batches = [batch for split in splits for batch in split]
        if not batches:
            raise ValueError(
                f"corpus: {folder} has no clips in {' or '.join(SPLITS)}; give a folder that data_prep wrote"
            )
        features, num_frames = frames_of(batches, "features")
        pose, num_poses = frames_of(batches, "pose")
        rows = {n: [v for b in batches for v in b.column(n).to_pylist()] for n in _WORDS}
        if made_by := set(rows["version"]) - {VERSION}:
            raise ValueError(
                f"corpus: {folder} was made by version {min(made_by)} of the processing, expected {VERSION}; "
                "delete it and write it again"
            )
        return cls(
            features=features,
            pose=pose,
            first=_starts(num_frames.tolist()),
            first_pose=_starts(num_poses.tolist()),
            body=torch.tensor(rows["body"]),
            held_out=torch.tensor(
                [i > 0 for i, split in enumerate(splits) for b in split for _ in range(len(b))]
            ),
            captions=tuple(_texts(c["text"] for c in row) for row in rows["captions"]),
            names=tuple(rows["name"]),
            sources=tuple(rows["source"]),
        )


_WORDS = ("name", "source", "captions", "body", "version")


def write_corpus(
    clips: Iterable[StoredClip],
    folder: Path,
    *,
    held_out_fraction: float,
    seed: int,
    refused: Sequence[dict[str, Any]] = (),
) -> None:
    """Write clips as they come; at most two parts of them are held in memory.

    Clips are held out whole, drawn by (seed, clip name) alone, and the same way whatever their order.
    `refused` are lines of the manifest (`anymo.data.card.refusal`), read when all clips have come.

    Raises:
        ValueError: no clips.
    """
    clear(folder)
    waiting: dict[str, list[StoredClip]] = {split: [] for split in SPLITS}
    parts: dict[str, list[str]] = {split: [] for split in SPLITS}

    entries: list[dict[str, Any]] = []

    def flush(split: str) -> None:
        parts[split].append(f"part-{len(parts[split]):05d}.arrow")
        write_part(waiting[split], folder / split / parts[split][-1])
        entries.extend(entry(clip, split) for clip in waiting[split])
        waiting[split].clear()

    for clip in clips:
        split = SPLITS[is_held_out(clip.name, seed, held_out_fraction)]
        waiting[split].append(clip)
        if len(waiting[split]) == CLIPS_PER_PART:
            flush(split)
    for split in SPLITS:
        if waiting[split]:
            flush(split)
    if not any(parts.values()):
        raise ValueError("corpus: expected one clip or more, got none")
    entries.extend(refused)
    write_manifest(folder, entries)
    write_card(folder, entries)
    write_index(folder, parts)


def store_clip(
    clip: ClipSource, *, dataset: str = "", file: str = "", sha256: str = "", non_commercial: bool = False
) -> StoredClip:
    """Differentiate a motion once.

    Args:
        clip: the motion, and who wears the sensors.
        dataset: it is of.
        file: it came from; empty for motion that was generated.
        sha256: of that file.
        non_commercial: its licence forbids commercial use.

    Raises:
        ValueError: the motion is too short to differentiate, has too few frames per second to smooth, or
            jumps as no body does.
    """
    motion = clip.motion
    kinematics = MotionSpline(motion, clip.cutoff_hz).at(GRID_HZ)
    _check_peak(kinematics, motion.name)
    return StoredClip(
        name=motion.name,
        dataset=dataset,
        source=motion.source,
        file=file,
        sha256=sha256,
        licence=motion.licence,
        non_commercial=non_commercial,
        subject=motion.subject,
        captions=motion.captions,
        rate_hz=GRID_HZ,
        cutoff_hz=clip.cutoff_hz or 0.0,
        body=clip.body,
        version=VERSION,
        joint_offsets=motion.joint_offsets.astype(np.float32),
        root_position=kinematics.position[:, 0].astype(np.float32),
        x_axis=kinematics.rotation[..., 0, :].astype(np.float32),
        features=kinematics.features.astype(np.float32),
        pose=pose_features(motion).astype(np.float32),
    )


def _check_peak(kinematics: SegmentKinematics, name: str) -> None:
    frames = inner(len(kinematics.features))
    acceleration = np.linalg.norm(kinematics.features[frames, :, :3], axis=-1)
    frame, segment = np.unravel_index(int(acceleration.argmax()), acceleration.shape)
    if (peak := float(acceleration[frame, segment])) > MAX_ACCELERATION_MPS2:
        time_s = (frame + frames.start) / GRID_HZ
        raise ValueError(
            f"{name}: {SEGMENTS[segment]} is accelerated by {peak:.0f} m/s² at {time_s:.2f} s, expected "
            f"{MAX_ACCELERATION_MPS2:.0f} at most: was a marker lost? mend or cut the clip"
        )


def build_corpus(clips: Iterable[ClipSource], *, held_out_fraction: float, seed: int) -> MotionCorpus:
    """Differentiate motions and lay them end to end in memory, held out as `write_corpus` does.

    Raises:
        ValueError: no clips.
    """
    stored = [store_clip(clip) for clip in clips]
    if not stored:
        raise ValueError("corpus: expected one clip or more, got none")
    return MotionCorpus(
        features=torch.from_numpy(np.concatenate([c.features for c in stored])),
        pose=torch.from_numpy(np.concatenate([c.pose for c in stored])),
        first=_starts([len(c.features) for c in stored]),
        first_pose=_starts([len(c.pose) for c in stored]),
        body=torch.tensor([c.body for c in stored]),
        held_out=torch.tensor([is_held_out(c.name, seed, held_out_fraction) for c in stored]),
        captions=tuple(_texts(caption.text for caption in c.captions) for c in stored),
        names=tuple(c.name for c in stored),
        sources=tuple(c.source for c in stored),
    )


def _texts(captions: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(captions))


def _starts(lengths: Sequence[int]) -> torch.Tensor:
    return torch.tensor(np.cumsum([0, *lengths]))


def is_held_out(group: str, seed: int, fraction: float) -> bool:
    """Whether a clip, or all clips of a subject, are kept for validation: a function of seed and name."""
    return bool(np.random.default_rng([seed, *group.encode()]).random() < fraction)


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
