"""Everything one model is measured on: zero-shot on real sets, retrieval and captions on held-out motion."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np

from anymo.data import SETS, load_set
from anymo.data.sampler import WindowSampler
from anymo.evaluation.captioning import HeldOutCaptions, caption_task, held_out_captions
from anymo.evaluation.held_out import HeldOutRetrieval, held_out_batch, held_out_retrieval
from anymo.evaluation.report import SummaryRow
from anymo.evaluation.zero_shot import ZeroShotResult, zero_shot
from anymo.metrics import RetrievalResult, bootstrap_interval
from anymo.pipeline import AnymoPipeline, Route
from anymo.records import Recording

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class EvaluateConfig:
    """What is measured.

    Attributes:
        sets: registered sets of real recordings.
        routes: "embedding", "likelihood", "generate".
        likelihood_windows: windows per recording, evenly spaced, that the language model reads.
        num_retrieval: held-out windows of the retrieval pool.
        num_captions: held-out windows that are described; 0 for a model without a language model.
        seed: of the held-out windows and the bootstrap.
    """

    sets: tuple[str, ...] = ("basic_motions", "spar")
    routes: tuple[Route, ...] = ("embedding", "likelihood")
    likelihood_windows: int = 1
    num_retrieval: int = 200
    num_captions: int = 48
    seed: int = 0

    def __post_init__(self) -> None:
        for what, given, known in (("sets", self.sets, SETS), ("routes", self.routes, get_args(Route))):
            unknown = [name for name in given if name not in known]
            if unknown or not given:
                raise ValueError(f"evaluate.{what}: expected some of {', '.join(known)}, got {list(given)}")
        if min(self.likelihood_windows, self.num_retrieval, self.num_captions + 1) < 1:
            raise ValueError(
                "evaluate: expected likelihood_windows and num_retrieval of 1 or more and num_captions of 0 "
                f"or more, got {self.likelihood_windows}, {self.num_retrieval} and {self.num_captions}"
            )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evaluation:
    """All results, and the recordings they were measured on for the figures."""

    zero_shot: tuple[ZeroShotResult, ...]
    retrieval: HeldOutRetrieval
    captions: HeldOutCaptions | None
    recordings: dict[str, list[Recording]]

    def to_dict(self) -> dict[str, object]:
        """Nested numbers for metrics.json."""
        numbers: dict[str, object] = {
            "zero_shot": {f"{r.set_name}/{r.route}": r.to_dict() for r in self.zero_shot},
            "retrieval": self.retrieval.to_dict(),
        }
        return numbers | ({} if self.captions is None else {"captions": self.captions.to_dict()})


def evaluate(
    pipe: AnymoPipeline,
    held_out: WindowSampler,
    config: EvaluateConfig,
) -> Evaluation:
    """Measure a model.

    Args:
        pipe: the model.
        held_out: sampler over clips the model never saw.
        config: what is measured.
    """
    recordings = {name: load_set(name) for name in config.sets}
    results = []
    for name in config.sets:
        for route in config.routes:
            _log.info("zero-shot on %s by %s", name, route)
            results.append(
                zero_shot(
                    pipe,
                    name,
                    route,
                    recordings=recordings[name],
                    seed=config.seed,
                    max_windows=None if route == "embedding" else config.likelihood_windows,
                )
            )
    batch = held_out_batch(held_out, config.num_retrieval, config.seed)
    _log.info("retrieval and captions on held-out motion")
    captions = None
    if config.num_captions:
        task = caption_task(held_out, config.num_captions, config.seed)
        captions = held_out_captions(pipe, task, config.seed)
    return Evaluation(
        zero_shot=tuple(results),
        retrieval=held_out_retrieval(pipe, batch),
        captions=captions,
        recordings=recordings,
    )


def summary_rows(evaluation: Evaluation) -> list[SummaryRow]:
    """The headline table: every number beside its chance level."""
    rows = [row for result in evaluation.zero_shot for row in _zero_shot_rows(result)]
    for name, r in (
        ("IMU to text", evaluation.retrieval.imu_to_text),
        ("text to IMU", evaluation.retrieval.text_to_imu),
    ):
        note = f"held-out simulated motion, {r.num_queries} queries in {r.gallery_size}"
        task = f"retrieval, {name}"
        rows += [
            SummaryRow(
                task=task, metric="R@1", value=r.recall_at[1], chance=r.chance_recall_at[1], note=note
            ),
            SummaryRow(
                task=task, metric="R@5", value=r.recall_at[5], chance=r.chance_recall_at[5], note=note
            ),
            SummaryRow(
                task=task,
                metric="MRR",
                value=r.mrr,
                chance=r.chance_mrr,
                interval=_over_queries(r),
                note=note,
                is_share=False,
            ),
        ]
    return rows if evaluation.captions is None else [*rows, *_caption_rows(evaluation.captions)]


def _over_queries(found: RetrievalResult) -> tuple[float, float] | None:
    """95 % bootstrap of MRR; None for a single query."""
    if found.num_queries < 2:
        return None
    interval = bootstrap_interval(found.reciprocal_rank, rng=np.random.default_rng(0))
    return interval.low, interval.high


def _zero_shot_rows(zero: ZeroShotResult) -> Sequence[SummaryRow]:
    r = zero.result
    task = f"zero-shot {zero.set_name}, {zero.route}"
    read = "all windows" if zero.max_windows is None else f"{zero.max_windows} window of each"
    note = f"{len(r.classes)} classes, {len(r.prediction)} real recordings, {read}"
    accuracy, macro_f1, recall_at_2 = (
        SummaryRow(
            task=task,
            metric=metric,
            value=value,
            chance=chance,
            majority=majority,
            interval=None if (ends := zero.intervals[key]) is None else (ends.low, ends.high),
            note=note,
        )
        for metric, key, value, chance, majority in (
            ("accuracy", "accuracy", r.accuracy, r.chance.accuracy, r.majority.accuracy),
            ("macro-F1", "macro_f1", r.macro_f1, r.chance.macro_f1, r.majority.macro_f1),
            ("R@2", "recall_at_2", r.recall_at[2], r.chance.recall_at[2], r.majority.recall_at[2]),
        )
    )
    every = SummaryRow(task=task, metric="macro-F1, all classes", value=r.macro_f1_all, note=note)
    return [accuracy, macro_f1, every, recall_at_2]


def _caption_rows(captions: HeldOutCaptions) -> list[SummaryRow]:
    own, other = captions.result.to_dict(), captions.chance.to_dict()
    pairs = (
        ("BLEU-1", own["bleu_1"], other["bleu_1"]),
        ("BLEU-4", own["bleu_4"], other["bleu_4"]),
        ("ROUGE-L", own["rouge_l"], other["rouge_l"]),
        ("METEOR (exact, stem)", own["meteor"], other["meteor"]),
        ("text similarity", captions.similarity, captions.chance_similarity),
    )
    note = "held-out simulated motion; chance: the same sentences, shuffled over the windows"
    return [
        SummaryRow(task="captions", metric=m, value=v, chance=c, note=note, is_share=False)
        for m, v, c in pairs
    ]
