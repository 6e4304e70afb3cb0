"""Metrics: pure numpy functions from scores and truth to numbers, with chance beside each."""

from anymo.metrics.caption import CaptionResult, bleu, embedding_similarity, rouge_l, score_captions
from anymo.metrics.cider import cider
from anymo.metrics.classification import ClassificationResult, classification, classification_intervals
from anymo.metrics.fidelity import discriminator_accuracy, frechet_distance, gaussian_frechet
from anymo.metrics.intervals import Interval, bootstrap_interval, crossed_interval, seeds_interval
from anymo.metrics.meteor import meteor
from anymo.metrics.retrieval import RetrievalResult, merge_duplicates, retrieval
from anymo.metrics.signal import pearson, relative_rmse, rmse
from anymo.metrics.words import tokenize

__all__ = [
    "CaptionResult",
    "ClassificationResult",
    "Interval",
    "RetrievalResult",
    "bleu",
    "bootstrap_interval",
    "cider",
    "classification",
    "classification_intervals",
    "crossed_interval",
    "discriminator_accuracy",
    "embedding_similarity",
    "frechet_distance",
    "gaussian_frechet",
    "merge_duplicates",
    "meteor",
    "pearson",
    "relative_rmse",
    "retrieval",
    "rmse",
    "rouge_l",
    "score_captions",
    "seeds_interval",
    "tokenize",
]
