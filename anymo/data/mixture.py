"""How often clips are drawn against each other."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch


def even_weights(
    activities: Sequence[str | None], held_out: Sequence[bool], num_frames: Sequence[int]
) -> torch.Tensor:
    """Captured clips by their length; 1 on average of each split and kind.

    Generated activities are as often as the corpus has clips of them, in either split, however these fell.

    Args:
        activities: (C,) what generated clips show; None for captured ones.
        held_out: (C,) whether the clip is of the validation split.
        num_frames: (C,) length of the clip.

    Returns:
        (C,) float64.
    """
    kinds = [(held, activity is None) for held, activity in zip(held_out, activities, strict=True)]
    made, often = Counter(activities), Counter(zip(held_out, activities, strict=True))
    weight = np.array(
        [
            float(num) if activity is None else made[activity] / often[held, activity]
            for held, activity, num in zip(held_out, activities, num_frames, strict=True)
        ]
    )
    for kind in set(kinds):
        rows = np.array([k == kind for k in kinds])
        weight[rows] /= weight[rows].mean()
    return torch.from_numpy(weight)


def with_real_share(weight: torch.Tensor, real: torch.Tensor, share: float) -> torch.Tensor:
    """Weights by which a share of what is drawn is captured motion; clips of one kind alone stay as they are.

    Args:
        weight: (n,) of each clip.
        real: (n,) bool, captured.
        share: of captured motion, from 0 to 1.

    Returns:
        (n,), adding up to 1 where there are both kinds.
    """
    if real.all() or not real.any():
        return weight
    captured, made = (torch.where(kind, weight, 0.0) for kind in (real, ~real))
    return share * captured / captured.sum() + (1 - share) * made / made.sum()
