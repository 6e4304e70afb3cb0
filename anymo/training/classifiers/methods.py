"""The methods that are compared, by name, with the settings chosen on SPAR (a development set)."""

from collections.abc import Callable

from anymo.encoders import ImuEncoder
from anymo.training.classifiers.descent import Descent
from anymo.training.classifiers.examples import Method
from anymo.training.classifiers.fine_tuning import FineTuning
from anymo.training.classifiers.hand_made import Forest
from anymo.training.classifiers.probe import LinearProbe
from anymo.training.classifiers.raw_networks import RawNetwork

# From random weights more steps are taken than from trained ones.
_FINE = Descent(epochs=10, min_steps=100, max_steps=400)
_SCRATCH = Descent(epochs=20, min_steps=200, max_steps=600)

METHODS: dict[str, Callable[[ImuEncoder], Method]] = {
    "probe": LinearProbe,
    "lora": lambda encoder: FineTuning(encoder, "lora", _FINE),
    "full": lambda encoder: FineTuning(encoder, "full", _FINE),
    "scratch": lambda encoder: FineTuning(encoder, "scratch", _SCRATCH),
    "cnn": lambda _: RawNetwork("cnn", _SCRATCH),
    "deepconvlstm": lambda _: RawNetwork("deepconvlstm", _SCRATCH),
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
