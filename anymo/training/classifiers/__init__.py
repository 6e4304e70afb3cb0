"""Ways to recognise classes from labelled windows, behind one interface: `Method`.

`LinearProbe`, `TwoProbes` and `FineTuning` start from a pre-trained encoder; `FineTuning(trained="scratch")`,
`RawNetwork` and `Forest` are what it has to be better than.
"""

from anymo.training.classifiers.columns import column_slots, in_columns, sensor_columns
from anymo.training.classifiers.descent import Descent
from anymo.training.classifiers.examples import (
    Examples,
    Method,
    Predict,
    cut_examples,
    joined,
    recording_scores,
)
from anymo.training.classifiers.fine_tuning import FineTuning
from anymo.training.classifiers.hand_made import Forest, hand_made_features
from anymo.training.classifiers.methods import METHODS, PROBES, Probe, build_method
from anymo.training.classifiers.probe import LinearMap, LinearProbe
from anymo.training.classifiers.raw_networks import RawNetwork
from anymo.training.classifiers.two_probes import LinearMaps, TwoProbes

__all__ = [
    "METHODS",
    "PROBES",
    "Descent",
    "Examples",
    "FineTuning",
    "Forest",
    "LinearMap",
    "LinearMaps",
    "LinearProbe",
    "Method",
    "Predict",
    "Probe",
    "RawNetwork",
    "TwoProbes",
    "build_method",
    "column_slots",
    "cut_examples",
    "hand_made_features",
    "in_columns",
    "joined",
    "recording_scores",
    "sensor_columns",
]
