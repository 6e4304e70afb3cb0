"""Zero-shot recognition of real recordings with a closed list of labels in plain words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from anymo.data import DatasetSpec, load_set
from anymo.data.test_sets import spec_of
from anymo.evaluation.window_rules import Rule, scored
from anymo.metrics import (
    ClassificationResult,
    Interval,
    classification,
    classification_intervals,
)
from anymo.pipeline import TEMPLATES, AnymoPipeline, Route
from anymo.records import Recording

Unit = Literal["subjects", "recordings", "windows"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ZeroShotResult:
    """What one model makes of one set by one route.

    max_windows  windows read of each recording; None for all
    intervals    95 % bootstrap of accuracy, macro_f1 and recall_at_2; None over one unit
    interval_over  what they are over: subjects where the set names that of each recording, two or more, else
                 recordings; the windows of a recording alone
    rule         what of a recording is read: a key of `window_rules.RULES`
    by_placement  samples of recordings worn on the same places, by these; empty where all are worn alike
    """

    set_name: str
    route: Route
    result: ClassificationResult
    intervals: dict[str, Interval | None]
    interval_over: Unit
    words: tuple[str, ...]
    max_windows: int | None
    rule: Rule = "recording"
    by_placement: dict[str, ClassificationResult] = field(default_factory=dict)

    @property
    def interval(self) -> Interval | None:
        """That of accuracy."""
        return self.intervals["accuracy"]

    def to_dict(self) -> dict[str, Any]:
        """Numbers and words for metrics.json."""
        return {
            **self.result.to_dict(),
            "accuracy_interval": ends(self.intervals)["accuracy"],
            "intervals": ends(self.intervals),
            "interval_over": self.interval_over,
            "label_words": list(self.words),
            "max_windows": self.max_windows,
            "rule": self.rule,
            "templates": list(TEMPLATES) if self.route == "embedding" else [],
            "by_placement": {
                worn: {"num_samples": len(r.prediction), "accuracy": r.accuracy, "macro_f1": r.macro_f1}
                for worn, r in self.by_placement.items()
            },
        }


def zero_shot(
    pipe: AnymoPipeline,
    set_name: str,
    route: Route,
    *,
    recordings: Sequence[Recording] | None = None,
    spec: DatasetSpec | None = None,
    rule: Rule = "recording",
    seed: int = 0,
    max_windows: int | None = None,
) -> ZeroShotResult:
    """Classify every recording of a registered set; no label, window or statistic of it was trained on.

    Args:
        pipe: the model.
        set_name: a name in `anymo.data.SETS`; or of another set, whose recordings are then given.
        route: as `AnymoPipeline.classify`.
        recordings: those of the set, if they are loaded already.
        spec: it was read by; that of the development or test set of this name where left out.
        rule: what of a recording is read, and what counts as a sample.
        seed: of the bootstrap.
        max_windows: windows read of each recording, evenly spaced; None reads all.
    """
    spec = spec or spec_of(set_name)
    recordings = load_set(set_name) if recordings is None else recordings
    words = tuple(spec.words[label] for label in spec.labels)
    scores, owner = scored(pipe, recordings, words, route, rule, max_windows)
    truth = np.array([spec.labels.index(r.label) for r in recordings])[owner]
    subjects = np.array([r.subject for r in recordings])[owner]
    worn = [", ".join(sensor.placement for sensor in r.sensors) for r in recordings]
    groups: npt.NDArray[np.generic] | None = None
    over: Unit = "windows" if rule == "window" and len(recordings) == 1 else "recordings"
    if all(subjects) and len(set(subjects)) > 1:
        over, groups = "subjects", subjects
    elif rule == "window" and over == "recordings":
        groups = owner  # windows of one are not independent
    return ZeroShotResult(
        set_name=set_name,
        route=route,
        result=classification(scores, truth, words),
        intervals=intervals_of(scores, truth, words, groups, seed),
        interval_over=over,
        words=words,
        max_windows=max_windows,
        rule=rule,
        by_placement=_by_placement(scores, truth, words, np.array(worn)[owner]),
    )


def _by_placement(
    scores: npt.NDArray[np.floating],
    truth: npt.NDArray[np.int64],
    words: Sequence[str],
    worn: npt.NDArray[np.str_],
) -> dict[str, ClassificationResult]:
    """What is told from what where sensors are worn on the same places; nothing where all are worn alike."""
    places = sorted(set(worn.tolist()))
    if len(places) < 2:
        return {}
    return {place: classification(scores[worn == place], truth[worn == place], words) for place in places}


def intervals_of(
    scores: npt.NDArray[np.floating],
    truth: npt.NDArray[np.int64],
    words: Sequence[str],
    groups: npt.NDArray[np.generic] | None,
    seed: int,
) -> dict[str, Interval | None]:
    """95 % bootstrap interval of each measure, over groups where they are given; none over a single one."""
    if len(scores if groups is None else np.unique(groups)) < 2:
        return dict.fromkeys(("accuracy", "macro_f1", "recall_at_2"))
    return {**classification_intervals(scores, truth, words, seed=seed, groups=groups)}


def ends(intervals: Mapping[str, Interval | None]) -> dict[str, list[float] | None]:
    """Low and high of each interval, for JSON."""
    return {name: None if i is None else [i.low, i.high] for name, i in intervals.items()}
