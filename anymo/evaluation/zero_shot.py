"""Zero-shot recognition of real recordings with a closed list of labels in plain words."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anymo.data import SETS, load_set
from anymo.metrics import (
    ClassificationResult,
    Interval,
    bootstrap_interval,
    classification,
)
from anymo.pipeline import TEMPLATES, AnymoPipeline, Route
from anymo.records import Recording

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ZeroShotResult:
    """What one model makes of one set by one route.

    max_windows  windows read of each recording; None for all
    interval  95 % bootstrap of accuracy, over subjects where the set names two or more, else over recordings
    """

    set_name: str
    route: Route
    result: ClassificationResult
    interval: Interval
    words: tuple[str, ...]
    max_windows: int | None

    def to_dict(self) -> dict[str, object]:
        """Numbers and words for metrics.json."""
        return {
            **self.result.to_dict(),
            "accuracy_interval": [self.interval.low, self.interval.high],
            "label_words": list(self.words),
            "max_windows": self.max_windows,
            "templates": list(TEMPLATES) if self.route == "embedding" else [],
        }


def zero_shot(
    pipe: AnymoPipeline,
    set_name: str,
    route: Route,
    *,
    recordings: Sequence[Recording] | None = None,
    seed: int = 0,
    max_windows: int | None = None,
) -> ZeroShotResult:
    """Classify every recording of a registered set; no label, window or statistic of it was trained on.

    Args:
        pipe: the model.
        set_name: a name in `anymo.data.SETS`.
        route: embedding or likelihood.
        recordings: those of the set, if they are loaded already.
        seed: of the bootstrap.
        max_windows: windows read of each recording, evenly spaced; None reads all.
    """
    spec = SETS[set_name]
    recordings = load_set(set_name) if recordings is None else recordings
    words = tuple(spec.words[label] for label in spec.labels)
    scores = pipe.scores(recordings, labels=words, route=route, max_windows=max_windows).numpy()
    truth = np.array([spec.labels.index(r.label) for r in recordings])
    result = classification(scores, truth, words)
    hits = (result.prediction == truth).astype(float)
    return ZeroShotResult(
        set_name=set_name,
        route=route,
        result=result,
        interval=accuracy_interval(hits, [r.subject for r in recordings], seed),
        words=words,
        max_windows=max_windows,
    )


def accuracy_interval(hits: npt.NDArray[np.float64], subjects: Sequence[str], seed: int) -> Interval:
    """95 % bootstrap interval of a mean, by subject where two or more are known."""
    groups = np.array(subjects) if len(set(subjects)) > 1 else None
    return bootstrap_interval(hits, rng=np.random.default_rng(seed), groups=groups)
