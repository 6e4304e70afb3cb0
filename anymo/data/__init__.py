"""Real recordings in, records and model windows out.

`read_recording` is the checked input contract, `join_by_time` makes one table for it of two, `windows` is the
preprocessing that training and inference share, `load_set` reads the registered sets of real recordings.
`AnymoFeatureExtractor` lives in `anymo.data.feature_extraction`, the one module that imports transformers.
"""

from anymo.data.contract import read_recording
from anymo.data.join import join_by_time, merge
from anymo.data.sets import SETS, DatasetSpec, load_set
from anymo.data.window import collate, resample, resample_valid, windows

__all__ = [
    "SETS",
    "DatasetSpec",
    "collate",
    "join_by_time",
    "load_set",
    "merge",
    "read_recording",
    "resample",
    "resample_valid",
    "windows",
]
