"""Ways to recognise classes from labelled windows, behind one interface: `Method`.

`LinearProbe`, `TwoProbes` and `FineTuning` start from a pre-trained encoder; `FineTuning(trained="scratch")`,
`RawNetwork` and `Forest` are what it has to be better than.
"""

from anymo.training.classifiers.columns import sensor_columns
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
from anymo.training.classifiers.methods import METHODS, build_method
from anymo.training.classifiers.probe import LinearProbe
from anymo.training.classifiers.raw_networks import RawNetwork
from anymo.training.classifiers.two_probes import TwoProbes

__all__ = [
    "METHODS",
    "Descent",
    "Examples",
    "FineTuning",
    "Forest",
    "LinearProbe",
    "Method",
    "Predict",
    "RawNetwork",
    "TwoProbes",
    "build_method",
    "cut_examples",
    "hand_made_features",
    "joined",
    "recording_scores",
    "sensor_columns",
]
