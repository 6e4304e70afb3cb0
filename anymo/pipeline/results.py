"""What the pipeline answers with."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """Label of one recording; `scores` has one per label, in the order given, and sums to 1."""

    label: str
    scores: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A sentence found for a recording, by its position among those given."""

    index: int
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedCaption:
    """What the language model says of one window of a recording."""

    start_s: float
    end_s: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A stretch of one label; `score` is the mean over its windows of what the label has there."""

    start_s: float
    end_s: float
    label: str
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A window found in an index; `score` is the cosine with what was asked for."""

    recording: str
    start_s: float
    end_s: float
    score: float
