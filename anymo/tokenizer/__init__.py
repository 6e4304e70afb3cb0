"""Tokenizer: the encoder's latents to discrete motion tokens and back. The door is `MotionTokenizer`."""

from anymo.tokenizer.configuration import MotionTokenizerConfig
from anymo.tokenizer.pose import PoseOutput
from anymo.tokenizer.stream import TokenStream
from anymo.tokenizer.tokenizer import MotionTokenizer, QuantizedMotion

__all__ = ["MotionTokenizer", "MotionTokenizerConfig", "PoseOutput", "QuantizedMotion", "TokenStream"]
