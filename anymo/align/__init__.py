"""Align: motion tokens and a language model that reads them. The door is `MotionLanguageModel`."""

from anymo.align.model import MotionLanguageModel, MotionPrompt
from anymo.align.vocabulary import MotionVocabulary

__all__ = ["MotionLanguageModel", "MotionPrompt", "MotionVocabulary"]
