"""Gaits and postures at the places where devices are worn: what every set of everyday activities asks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from anymo.body import Body
from anymo.data.sampler import WindowSampler
from anymo.evaluation.scene import Wearing, phrases_of, recordings, scene_of
from anymo.evaluation.zero_shot import ends, intervals_of
from anymo.metrics import ClassificationResult, Interval, classification
from anymo.pipeline import AnymoPipeline

# Phrases of the procedural library.
EVERYDAY = ("walking", "climbing stairs", "descending stairs", "sitting", "standing still", "lying down")
WORN = (
    "left wrist watch",
    "front right trouser pocket phone",
    "waist",
    "lower back",
    "chest",
    "right ankle",
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EverydayResult:
    """What is told from what at one place, with 95 % bootstrap intervals over the clips; None over one."""

    result: ClassificationResult
    intervals: dict[str, Interval | None]

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers for JSON."""
        return self.result.to_dict() | {"intervals": ends(self.intervals)}


def everyday(
    pipe: AnymoPipeline,
    sampler: WindowSampler,
    bodies: Sequence[Body],
    *,
    num_windows: int,
    window_s: float,
    seed: int,
) -> dict[str, EverydayResult]:
    """Held-out simulated moments of EVERYDAY as one device at one place sees them, mounted as usual.

    Args:
        pipe: the model.
        sampler: over held-out clips.
        bodies: the bodies the corpus was built with.
        num_windows: of each place.
        window_s: how long each lasts, s.
        seed: of moments, device errors and the bootstrap.

    Returns:
        Place -> what is told from what; nothing where held-out procedural clips show fewer than two of
        EVERYDAY.
    """
    said = phrases_of(sampler)
    phrases = tuple(p for p in EVERYDAY if p in said)
    if len(phrases) < 2:
        return {}
    labels = pipe.embed_labels(phrases)
    found = {}
    for place in WORN:
        scene = scene_of(
            sampler,
            bodies,
            phrases,
            num_windows=num_windows,
            window_s=window_s,
            seed=seed,
            places=(place,),
        )
        scores = (pipe.embed(recordings(scene, Wearing())) @ labels.T).numpy()
        found[place] = EverydayResult(
            result=classification(scores, scene.truth, phrases),
            intervals=intervals_of(scores, scene.truth, phrases, scene.clip, seed),
        )
    return found
