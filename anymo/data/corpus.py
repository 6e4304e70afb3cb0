"""Simulated corpus: clips as segment kinematics on a common grid, and windows simulated from them.

What is stored is the motion's 18 numbers per frame and segment, not signals: every draw of a window has
new placements, mountings, devices, rates and speeds (shared design: simulation is one matrix product).
"""

import json
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from anymo.records import Motion
from anymo.simulation import MotionSpline
from anymo.skeleton import NUM_SEGMENTS

GRID_HZ = 60.0
POSE_HZ = 12.0
POSE_SIZE = 6 * NUM_SEGMENTS + 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipSource:
    """A motion to store: the body that wears the sensors, and how captured motion is smoothed."""

    motion: Motion
    body: int
    cutoff_hz: float | None = None


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

    features: torch.Tensor
    pose: torch.Tensor
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

    def save(self, folder: Path) -> None:
        """Write `corpus.safetensors`, whose metadata holds names and captions, in one atomic step."""
        folder.mkdir(parents=True, exist_ok=True)
        tensors = {n: getattr(self, n).contiguous() for n in _TENSORS}
        words = {"captions": self.captions, "names": self.names, "sources": self.sources}
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            path = Path(scratch) / "corpus.safetensors"
            save_file(tensors, path, metadata={"words": json.dumps(words)})
            path.replace(folder / path.name)

    @classmethod
    def load(cls, folder: Path) -> "MotionCorpus":
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: nothing was written there; run data_prep/simulate.py.
            ValueError: the file is not whole.
        """
        path = folder / "corpus.safetensors"
        if not path.is_file():
            raise FileNotFoundError(f"corpus: expected {path}; run data_prep/simulate.py first")
        try:
            tensors = load_file(path)
            with safe_open(path, framework="pt") as file:
                words = json.loads(file.metadata()["words"])
        except SafetensorError as error:
            raise ValueError(
                f"corpus: {path} cannot be read ({error}); run data_prep/simulate.py again"
            ) from error
        return cls(
            **tensors,
            captions=tuple(map(tuple, words["captions"])),
            names=tuple(words["names"]),
            sources=tuple(words["sources"]),
        )


_TENSORS = ("features", "pose", "first", "first_pose", "body", "held_out")


def build_corpus(clips: Iterable[ClipSource], *, held_out_fraction: float, seed: int) -> MotionCorpus:
    """Differentiate motions once and lay them end to end.

    Clips are held out whole, drawn by (seed, clip name) alone, and the same way whatever their order.

    Raises:
        ValueError: no clips, or one without a caption.
    """
    features, poses, bodies, words = [], [], [], []
    for clip in clips:
        kinematics = MotionSpline(clip.motion, clip.cutoff_hz).at(GRID_HZ)
        features.append(torch.from_numpy(kinematics.features).float())
        poses.append(torch.from_numpy(pose_features(clip.motion)).float())
        bodies.append(clip.body)
        captions = tuple(dict.fromkeys(c.text for c in clip.motion.captions))
        if not captions:
            raise ValueError(
                f"corpus: expected a caption for every clip, got none for {clip.motion.name!r}; write one"
            )
        words.append((captions, clip.motion.name, clip.motion.source))
    if not features:
        raise ValueError("corpus: expected one clip or more, got none")
    names = tuple(w[1] for w in words)
    return MotionCorpus(
        features=torch.cat(features),
        pose=torch.cat(poses),
        first=_starts(features),
        first_pose=_starts(poses),
        body=torch.tensor(bodies),
        held_out=torch.tensor([_is_held_out(n, seed, held_out_fraction) for n in names]),
        captions=tuple(w[0] for w in words),
        names=names,
        sources=tuple(w[2] for w in words),
    )


def _starts(parts: Sequence[torch.Tensor]) -> torch.Tensor:
    return torch.tensor([0, *np.cumsum([len(p) for p in parts])])


def _is_held_out(name: str, seed: int, fraction: float) -> bool:
    return bool(np.random.default_rng([seed, *name.encode()]).random() < fraction)


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
