"""Gaits and postures at the places where devices are worn: what every set of everyday activities asks."""

from collections.abc import Sequence

from anymo.body import Body
from anymo.data.sampler import WindowSampler
from anymo.evaluation.scene import Wearing, phrases_of, recordings, scene_of
from anymo.metrics import ClassificationResult, classification
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


def everyday(
    pipe: AnymoPipeline,
    sampler: WindowSampler,
    bodies: Sequence[Body],
    *,
    num_windows: int,
    window_s: float,
    seed: int,
) -> dict[str, ClassificationResult]:
    """Held-out simulated moments of EVERYDAY as one device at one place sees them, mounted as usual.

    Args:
        pipe: the model.
        sampler: over held-out clips.
        bodies: the bodies the corpus was built with.
        num_windows: of each place.
        window_s: how long each lasts, s.
        seed: of moments and device errors.

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
        found[place] = classification(scores, scene.truth, phrases)
    return found
