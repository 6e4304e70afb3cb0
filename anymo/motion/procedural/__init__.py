"""Motion from nothing: everyday and sport activities drawn from a generator, with captions."""

from anymo.motion.procedural.choreography import Activity
from anymo.motion.procedural.library import ACTIVITIES, ProceduralSource, generate

__all__ = ["ACTIVITIES", "Activity", "ProceduralSource", "generate"]
