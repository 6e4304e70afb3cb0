"""The body surface: where a sensor can sit, and how it is turned there."""

from anymo.body.phenotype import load, random_phenotype, sample
from anymo.body.surface import Body

__all__ = ["Body", "load", "random_phenotype", "sample"]
