"""The methods that are compared, by name, with the settings chosen on SPAR (a development set)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from anymo.encoders import ImuEncoder
from anymo.training.classifiers.descent import Descent
from anymo.training.classifiers.examples import Method
from anymo.training.classifiers.fine_tuning import FineTuning
from anymo.training.classifiers.hand_made import Forest
from anymo.training.classifiers.probe import LinearProbe
from anymo.training.classifiers.raw_networks import RawNetwork
from anymo.training.classifiers.two_probes import TwoProbes

_DESCENT = Descent(epochs=20, min_steps=200, max_steps=600)  # of all, so that none is better for its steps
_FINE = replace(_DESCENT, encoder_lr_share=0.3)

Probe = Literal["probe", "probes"]
PROBES: dict[Probe, type[LinearProbe] | type[TwoProbes]] = {"probe": LinearProbe, "probes": TwoProbes}
METHODS: dict[str, Callable[[ImuEncoder], Method]] = {
    "probe": PROBES["probe"],
    "probes": PROBES["probes"],
    "lora": lambda encoder: FineTuning(encoder, "lora", _DESCENT),
    "full": lambda encoder: FineTuning(encoder, "full", _FINE),
    "scratch": lambda encoder: FineTuning(encoder, "scratch", _DESCENT),
    "cnn": lambda _: RawNetwork("cnn", _DESCENT),
    "deepconvlstm": lambda _: RawNetwork("deepconvlstm", _DESCENT),
    "forest": lambda _: Forest(),
}


def build_method(name: str, encoder: ImuEncoder) -> Method:
    """A method of METHODS, on an encoder where it uses one.

    Raises:
        ValueError: an unknown name.
    """
    if name not in METHODS:
        raise ValueError(f"method: expected one of {', '.join(METHODS)}, got {name!r}")
    return METHODS[name](encoder)
