"""What the sampler gives: the same moments as devices see them, with pose, words and signals to predict.

Shapes: B windows, C captions, F pose frames, K targets, T samples at the model's rate.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self

import torch

from anymo.data.window import collate
from anymo.records import WindowBatch


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Targets:
    """Ideal signals of K placements that the first view does not wear, to be predicted from it.

    segment   index into skeleton.SEGMENTS                                            (B, K)    int64
    offset    in the segment's frame, m                                               (B, K, 3)
    rotation  segment from sensor                                                     (B, K, 3, 3)
    signal    acc with gravity m/s², gyro rad/s, sensor frame, over the whole window  (B, K, T, 6)
    """

    segment: torch.Tensor
    offset: torch.Tensor
    rotation: torch.Tensor
    signal: torch.Tensor

    @classmethod
    def joined(cls, targets: Sequence["Targets"]) -> "Targets":
        """Those of the windows of several."""
        return cls(**{f.name: torch.cat([getattr(t, f.name) for t in targets]) for f in fields(cls)})

    def to(self, device: torch.device | str) -> Self:
        """Copy on a device."""
        return type(self)(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SimulatedBatch:
    """The same B moments seen by independent sets of devices, with pose and words beside them.

    views     independently drawn windows of the same motion
    complete  of each view all 23 segments in order, of which the view wears some; empty where not asked for
    targets   placements to predict from the first view; None where none are asked for
    pose      (B, F, POSE_SIZE) at 12 Hz
    pose_seen  where the clip lasts                                     (B, F) bool
    texts     C captions each: sentences of the clip, some of them its phrase; distinct where it has as many
    phrase    the short phrase of the moment, the clip's own if it holds there
    clip      (B,) index into the corpus
    real      (B,) bool: the clip was captured, not generated
    """

    views: tuple[WindowBatch, ...]
    complete: tuple[WindowBatch, ...] = ()
    targets: Targets | None = None
    pose: torch.Tensor
    pose_seen: torch.Tensor
    texts: tuple[tuple[str, ...], ...]
    phrase: tuple[str, ...]
    clip: torch.Tensor
    real: torch.Tensor

    def __len__(self) -> int:
        return len(self.clip)

    @classmethod
    def joined(cls, batches: Sequence["SimulatedBatch"]) -> "SimulatedBatch":
        """One batch of the windows of several."""
        targets = [b.targets for b in batches if b.targets is not None]
        return cls(
            views=tuple(collate(views) for views in zip(*(b.views for b in batches), strict=True)),
            complete=tuple(collate(views) for views in zip(*(b.complete for b in batches), strict=True)),
            targets=Targets.joined(targets) if targets else None,
            pose=torch.cat([b.pose for b in batches]),
            pose_seen=torch.cat([b.pose_seen for b in batches]),
            texts=tuple(t for b in batches for t in b.texts),
            phrase=tuple(p for b in batches for p in b.phrase),
            clip=torch.cat([b.clip for b in batches]),
            real=torch.cat([b.real for b in batches]),
        )

    def to(self, device: torch.device | str) -> "SimulatedBatch":
        """Copy on a device."""
        return SimulatedBatch(
            views=tuple(v.to(device) for v in self.views),
            complete=tuple(v.to(device) for v in self.complete),
            targets=None if self.targets is None else self.targets.to(device),
            pose=self.pose.to(device),
            pose_seen=self.pose_seen.to(device),
            texts=self.texts,
            phrase=self.phrase,
            clip=self.clip.to(device),
            real=self.real.to(device),
        )
