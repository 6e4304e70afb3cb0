"""The body surface: where a sensor can sit, and how it is turned there."""

from anymo.body.loading import load, sample
from anymo.body.mounting import Mount, mount_of
from anymo.body.phenotype import random_phenotype
from anymo.body.standing import standing
from anymo.body.surface import Body

__all__ = ["Body", "Mount", "load", "mount_of", "random_phenotype", "sample", "standing"]
