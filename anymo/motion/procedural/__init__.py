"""Motion from nothing: everyday and sport activities drawn from a generator, with captions."""

from anymo.motion.procedural.choreography import Activity
from anymo.motion.procedural.library import ACTIVITIES, CORE, ProceduralSource, generate

__all__ = ["ACTIVITIES", "CORE", "Activity", "ProceduralSource", "generate"]
