"""Every figure of the house: arrays in, a matplotlib Figure out; pyplot's global state is left alone."""

from anymo.plots.curves import robustness
from anymo.plots.efficiency import label_efficiency
from anymo.plots.placements import body_placements
from anymo.plots.scores import confusion, embedding_map, loss_curves
from anymo.plots.signals import SignalPair, signal_pair, signal_pairs
from anymo.plots.skeletons import TokenScene, save_token_animation, token_strip
from anymo.plots.style import (
    BLUE,
    CYCLE,
    DPI,
    GREEN,
    GREY,
    INK,
    MARKERS,
    STYLE,
    VERMILION,
    XYZ,
    png_data_uri,
)
from anymo.plots.timeline import label_timeline, moments

__all__ = [
    "BLUE",
    "CYCLE",
    "DPI",
    "GREEN",
    "GREY",
    "INK",
    "MARKERS",
    "STYLE",
    "VERMILION",
    "XYZ",
    "SignalPair",
    "TokenScene",
    "body_placements",
    "confusion",
    "embedding_map",
    "label_efficiency",
    "label_timeline",
    "loss_curves",
    "moments",
    "png_data_uri",
    "robustness",
    "save_token_animation",
    "signal_pair",
    "signal_pairs",
    "token_strip",
]
