"""Virtual IMU for a list of labels: which activities of a corpus show them, and recordings made of these."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from anymo.body import Body
from anymo.data.corpus import MotionCorpus
from anymo.data.virtual import calibrated, virtual_recordings
from anymo.pipeline import AnymoPipeline
from anymo.records import Recording

VIRTUAL = ("virtual", "virtual+rank", "virtual+class_rank")
SOURCES: tuple[str, ...] = ("real", *(f"real+{source}" for source in VIRTUAL), *VIRTUAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """A phrase of the corpus that stands for a label, and the cosine of their text embeddings."""

    phrase: str
    similarity: float


@dataclass(frozen=True, kw_only=True, eq=False)
class VirtualImu:
    """A source of virtual recordings.

    corpus      of motion
    bodies      those it was built with
    activities  of each label
    """

    corpus: MotionCorpus
    bodies: tuple[Body, ...]
    activities: dict[str, tuple[Activity, ...]]

    @cached_property
    def clips(self) -> dict[str, list[int]]:
        """Clips of each label: those of the training split whose phrase is one of its activities."""
        of_phrase: dict[str, list[int]] = {}
        for clip in self.corpus.clips(held_out=False).tolist():
            of_phrase.setdefault(self.corpus.captions[clip][0], []).append(clip)
        return {
            label: [clip for a in activities for clip in of_phrase[a.phrase]]
            for label, activities in self.activities.items()
        }

    def recordings(
        self, like: Sequence[Recording], *, num: int, duration_s: float, seed: int
    ) -> list[Recording]:
        """So many recordings of each label, worn as the given ones are; see `anymo.data.virtual`."""
        rng = np.random.default_rng([seed, 61])
        return virtual_recordings(
            self.corpus, self.bodies, self.clips, like, num=num, duration_s=duration_s, rng=rng
        )

    def to_dict(self) -> dict[str, Any]:
        """Activities of each label, with their similarity."""
        return {
            label: {a.phrase: round(a.similarity, 3) for a in activities}
            for label, activities in self.activities.items()
        }


def find_virtual_imu(
    pipe: AnymoPipeline,
    corpus: MotionCorpus,
    bodies: Sequence[Body],
    words: Mapping[str, str],
    *,
    num_activities: int = 3,
) -> VirtualImu:
    """The activities of a corpus that come nearest to labels in the text tower's space.

    Each label first gets one phrase of its own, so that the sum of similarities is greatest; then those
    of the `num_activities` nearest that are nearer to it than to any other label.

    Args:
        pipe: whose text tower compares.
        corpus: of motion; phrases of its training split are searched.
        bodies: those it was built with.
        words: label -> plain words.
        num_activities: phrases of a label at most.

    Raises:
        ValueError: fewer phrases than labels.
    """
    phrases = sorted({corpus.captions[c][0] for c in corpus.clips(held_out=False).tolist()})
    if len(phrases) < len(words):
        raise ValueError(
            f"virtual IMU: expected a phrase in the corpus for each of {len(words)} labels, got "
            f"{len(phrases)}; take a corpus of more activities"
        )
    similarity = (pipe.embed_labels(list(words.values())) @ pipe.embed_text(phrases).T).numpy()
    own = linear_sum_assignment(-similarity)[1]
    activities = {}
    for k, label in enumerate(words):
        near = [int(j) for j in np.argsort(-similarity[k])[:num_activities] if j not in own]
        chosen = [int(own[k]), *(j for j in near if similarity[:, j].argmax() == k)][:num_activities]
        activities[label] = tuple(
            Activity(phrase=phrases[j], similarity=float(similarity[k, j])) for j in chosen
        )
    return VirtualImu(corpus=corpus, bodies=tuple(bodies), activities=activities)


def with_calibration(
    virtual: Sequence[Recording], source: str, train: Sequence[Recording]
) -> list[Recording]:
    """Virtual recordings as a source of SOURCES wants them, calibrated on the training recordings alone."""
    if source.endswith("rank"):
        return calibrated(virtual, train, by_class=source.endswith("class_rank"))
    return list(virtual)
