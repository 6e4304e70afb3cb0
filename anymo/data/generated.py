"""Generated motion as clips of a corpus; clip i is a function of (seed, i) and the settings alone."""

from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from anymo import body
from anymo.body import Body
from anymo.data.clip import ClipSource
from anymo.motion import procedural
from anymo.records import Caption

GENERATED_CUTOFF_HZ = 20.0  # of generated motion: joints at their stops turn more sharply than flesh does


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedClip:
    """Clip `index` of the generated motion of a corpus.

    activity    key of procedural.ACTIVITIES
    shape       index of the body that moves and wears the sensors, of `num_bodies`
    duration_s  s
    """

    seed: int
    index: int
    activity: str
    shape: int
    num_bodies: int
    duration_s: float
    dataset: str = "procedural"
    file: str = ""
    sha256: str = ""
    subject: str = ""
    licence: str = procedural.LICENCE
    non_commercial: bool = False

    @property
    def name(self) -> str:
        """Unique in the corpus, known before the motion is made."""
        return f"{self.dataset}/{self.index:06d}-{self.activity}"

    @property
    def group(self) -> str:
        """What must not be divided between splits."""
        return self.name

    @property
    def captions(self) -> tuple[Caption, ...]:
        """The phrase; sentences come with the motion."""
        return (Caption(text=procedural.ACTIVITIES[self.activity].phrase),)

    def source(self, cutoff_hz: float | None = None) -> ClipSource:
        """Make the motion; a cutoff is for captured motion, and is not used."""
        motion = procedural.generate(
            self.activity,
            np.random.default_rng([self.seed, 2, self.index]),
            duration_s=self.duration_s,
            joint_offsets=bodies_of_seed(self.seed, self.num_bodies)[self.shape].joint_offsets,
        )
        return ClipSource(
            motion=replace(motion, name=self.name),
            body=self.shape,
            cutoff_hz=GENERATED_CUTOFF_HZ,
            synonyms=procedural.SYNONYMS[self.activity],
        )

    def described(self) -> tuple[Any, ...]:
        """What a resumed run must find unchanged."""
        return tuple(asdict(self).values())


@lru_cache(maxsize=4)
def bodies_of_seed(seed: int, num_bodies: int) -> tuple[Body, ...]:
    """The average adult, then bodies drawn from the seed."""
    rng = np.random.default_rng([seed, 1])
    return (body.load(), *(body.sample(rng) for _ in range(num_bodies - 1)))


def generated_clips(
    num_clips: int, activities: str, clip_s: tuple[float, float], num_bodies: int, seed: int
) -> tuple[GeneratedClip, ...]:
    """Clips that take turns through the activities, and after each turn through the bodies.

    Args:
        num_clips: how many.
        activities: "core", fifty that are common, "all" of the library, or "common": all, the core
            twice, rest four times more.
        clip_s: durations, uniform between these, s.
        num_bodies: body shapes; the first is the average adult.
        seed: of bodies and motions.

    Raises:
        ValueError: a number or name that cannot be.
    """
    core, every = procedural.CORE, tuple(procedural.ACTIVITIES)
    names = {"core": core, "all": every, "common": (*every, *core, *4 * procedural.REST)}.get(activities)
    if names is None:
        raise ValueError(f"prepare: expected activities 'core', 'all' or 'common', got {activities!r}")
    if num_clips < 0 or not 0 < clip_s[0] <= clip_s[1] or num_bodies < 1:
        raise ValueError(
            "prepare: expected a number of clips >= 0, num_bodies >= 1 and 0 < clip_s[0] <= clip_s[1], got "
            f"{num_clips}, {num_bodies} and {clip_s}"
        )
    durations = np.random.default_rng([seed, 3]).uniform(*clip_s, num_clips)
    return tuple(
        GeneratedClip(
            seed=seed,
            index=i,
            activity=names[i % len(names)],
            shape=i // len(names) % num_bodies,
            num_bodies=num_bodies,
            duration_s=float(durations[i]),
        )
        for i in range(num_clips)
    )
