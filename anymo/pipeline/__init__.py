"""One door to a trained model: embed, classify, stream, retrieve, caption, ask; and learn from few labels."""

from typing import TYPE_CHECKING, Any

from anymo.pipeline.index import MotionIndex
from anymo.pipeline.labels import TEMPLATES, Route
from anymo.pipeline.pipeline import AnymoPipeline
from anymo.pipeline.results import Classification, Match, Moment, Segment, TimedCaption

if TYPE_CHECKING:
    from anymo.pipeline.classifier import Classifier

__all__ = [
    "TEMPLATES",
    "AnymoPipeline",
    "Classification",
    "Classifier",
    "Match",
    "Moment",
    "MotionIndex",
    "Route",
    "Segment",
    "TimedCaption",
]


def __getattr__(name: str) -> Any:
    """Open this door when it is first asked for (PEP 562): it loads networks, and they transformers."""
    if name != "Classifier":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from anymo.pipeline.classifier import Classifier

    return Classifier
