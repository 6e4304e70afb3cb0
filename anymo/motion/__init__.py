"""Motion from files and from nothing: every reader and generator gives a `Motion` on the 23 segments."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from anymo.motion.bvh import load_bvh
from anymo.motion.choreography import Activity
from anymo.motion.clips import Clip, find_clips
from anymo.motion.procedural import ACTIVITIES, ProceduralSource, generate
from anymo.records import Caption, Motion

__all__ = [
    "ACTIVITIES",
    "Activity",
    "Clip",
    "MotionGenerator",
    "ProceduralSource",
    "find_clips",
    "generate",
    "load",
]

_READERS: dict[str, Callable[..., Motion]] = {".bvh": load_bvh, ".bvh.gz": load_bvh}


class MotionGenerator(Protocol):
    """Anything that makes motions out of a seed: procedures, sampled models."""

    def generate(self, seed: int) -> Motion:
        """A motion; the same seed gives the same motion."""
        ...


def load(
    source: str | Path,
    *,
    rate_hz: float | None = None,
    captions: Sequence[Caption] = (),
    unit_m: float | None = None,
) -> Motion:
    """Read a motion file; the ending of its name says how.

    Args:
        source: `.bvh` or `.bvh.gz` of a rig listed in `anymo.motion.rigs`.
        rate_hz: frames per second; None takes what the file states.
        captions: sentences that go with the motion.
        unit_m: metres per length unit of the file; None takes the rig's.

    Raises:
        ValueError: the ending is unknown or the file broken.
    """
    path = Path(source)
    for ending, reader in _READERS.items():
        if path.name.lower().endswith(ending):
            return reader(path, rate_hz=rate_hz, captions=captions, unit_m=unit_m)
    raise ValueError(
        f"{path.name}: expected a file ending in {' or '.join(_READERS)}; convert it to BVH first"
    )
