"""Real recordings in, records and model windows out.

`read_recording` is the checked input contract, `windows` the preprocessing that training and inference share,
`load_set` the registered sets of real recordings. `AnymoFeatureExtractor` lives in
`anymo.data.feature_extraction`, the one module here that imports transformers.
"""

from anymo.data.contract import merge, read_recording
from anymo.data.sets import SETS, DatasetSpec, load_set
from anymo.data.window import collate, resample, resample_valid, windows

__all__ = [
    "SETS",
    "DatasetSpec",
    "collate",
    "load_set",
    "merge",
    "read_recording",
    "resample",
    "resample_valid",
    "windows",
]
