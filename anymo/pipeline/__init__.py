"""One door to a trained model: embed, classify, stream, retrieve, caption, ask."""

from anymo.pipeline.index import MotionIndex
from anymo.pipeline.labels import TEMPLATES, Route
from anymo.pipeline.pipeline import AnymoPipeline
from anymo.pipeline.results import Classification, Match, Moment, Segment, TimedCaption

__all__ = [
    "TEMPLATES",
    "AnymoPipeline",
    "Classification",
    "Match",
    "Moment",
    "MotionIndex",
    "Route",
    "Segment",
    "TimedCaption",
]
