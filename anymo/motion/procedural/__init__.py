"""Motion from nothing: everyday and sport activities drawn from a generator, with captions."""

from anymo.motion.procedural.choreography import Activity
from anymo.motion.procedural.library import ACTIVITIES, CORE, LICENCE, REST, ProceduralSource, generate
from anymo.motion.procedural.synonyms import SYNONYMS

__all__ = ["ACTIVITIES", "CORE", "LICENCE", "REST", "SYNONYMS", "Activity", "ProceduralSource", "generate"]
