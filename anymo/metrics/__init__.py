"""Metrics: pure numpy functions from scores and truth to numbers, with chance beside each."""

from anymo.metrics.caption import CaptionResult, bleu, embedding_similarity, rouge_l, score_captions, tokenize
from anymo.metrics.classification import ClassificationResult, classification
from anymo.metrics.intervals import Interval, bootstrap_interval, seeds_interval
from anymo.metrics.retrieval import RetrievalResult, merge_duplicates, retrieval
from anymo.metrics.signal import pearson, relative_rmse, rmse

__all__ = [
    "CaptionResult",
    "ClassificationResult",
    "Interval",
    "RetrievalResult",
    "bleu",
    "bootstrap_interval",
    "classification",
    "embedding_similarity",
    "merge_duplicates",
    "pearson",
    "relative_rmse",
    "retrieval",
    "rmse",
    "rouge_l",
    "score_captions",
    "seeds_interval",
    "tokenize",
]
