"""Everything one aligned model is measured on, part by part; a part that is finished is kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, get_args

import draccus

from anymo.body import Body
from anymo.data import load_set
from anymo.data.corpus import MotionCorpus
from anymo.data.identity import corpus_identity
from anymo.data.sampler import DrawConfig, WindowSampler
from anymo.evaluation.aligned_test_sets import run_aligned_test_sets
from anymo.evaluation.asked import ask_all
from anymo.evaluation.captioning import caption_task, captions, codes_of, most_frequent, score_table
from anymo.evaluation.kept import kept
from anymo.evaluation.language_space import LanguageSpacePipeline
from anymo.evaluation.pools import held_out_pools
from anymo.evaluation.protocol import HeldOutProtocol
from anymo.evaluation.real_captions import real_captions
from anymo.evaluation.zero_shot import zero_shot
from anymo.metrics.bertscore import ENCODER, BertScorer
from anymo.pipeline import AnymoPipeline, Route
from anymo.pipeline.batches import worn_segments

ENCODER_SPACE, LANGUAGE_SPACE = "encoder alone", "language model's embedding"
Numbers = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class AlignmentProtocol(HeldOutProtocol):
    """How an aligned model is measured; the same for every model that is compared.

    Attributes:
        num_captions: held-out windows that are described.
        num_neighbours: training windows among which the nearest-neighbour baseline looks.
        answer_windows: windows the language model reads of each real recording, one or more.
        num_examples: captions of real recordings that are printed.
        bertscore: encoder of BERTScore, by asset name, folder or name on the hub.
        bertscore_layer: whose hidden states it takes; null for its default.
    """

    num_windows: int = 400
    num_pools: int = 10
    num_captions: int = 400
    num_neighbours: int = 2000
    answer_windows: int = 1
    num_examples: int = 20
    bertscore: str = ENCODER
    bertscore_layer: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.num_captions < 2 or min(self.num_neighbours, self.answer_windows) < 1:
            raise ValueError(
                "protocol: expected num_captions of 2 or more, and num_neighbours and answer_windows of 1 or "
                f"more, got {self.num_captions}, {self.num_neighbours} and {self.answer_windows}"
            )

    @property
    def windows(self) -> dict[Route, int | None]:
        """Windows read of each real recording by each route."""
        routes: tuple[Route, ...] = get_args(Route)
        return {r: self.max_windows if r == "embedding" else self.answer_windows for r in routes}


@dataclass(frozen=True, kw_only=True)
class AlignedModel:
    """A model folder and what it is measured on.

    Attributes:
        folder: with encoder, text, tokenizer and language_model.
        sha256: of its files.
        output: folder of its finished parts.
        corpus: whose held-out clips are described.
        bodies: the bodies the corpus was built with.
        draw: what held-out windows look like; the rate is the model's own.
        protocol: how it is measured.
    """

    folder: Path
    sha256: str
    output: Path
    corpus: MotionCorpus
    bodies: Sequence[Body]
    draw: DrawConfig
    protocol: AlignmentProtocol

    @cached_property
    def pipe(self) -> AnymoPipeline:
        """The model."""
        return AnymoPipeline.from_pretrained(self.folder)

    @cached_property
    def space(self) -> LanguageSpacePipeline:
        """The same in the language model's own space."""
        return LanguageSpacePipeline.of(self.pipe)

    def sampler(self, *, held_out: bool) -> WindowSampler:
        """Windows of one split at the model's rate."""
        rate_hz = self.pipe.encoder.config.rate_hz
        draw = replace(self.draw, rate_hz=rate_hz, complete=False, num_targets=0)
        return WindowSampler(self.corpus, self.bodies, draw, held_out=held_out)

    def parts(self) -> dict[str, Callable[[], Numbers]]:
        """What there is to do, by name; each gives numbers for JSON."""
        sets = {f"zero_shot_{name}": partial(self.zero_shot, name) for name in self.protocol.sets}
        return {
            "captions": self.captions,
            "questions": self.questions,
            "retrieval": self.retrieval,
            **sets,
            "real_captions": self.real_captions,
        }

    def finished(self, name: str, measure: Callable[[], Numbers]) -> Numbers:
        """Numbers of a part as they were kept, or as they are now measured and kept."""
        facts = {
            "sha256": self.sha256,
            "corpus": corpus_identity(self.corpus),
            "draw": draccus.encode(self.draw),
            "protocol": draccus.encode(self.protocol),
        }
        numbers: Numbers = kept(self.output / f"{name}.json", facts, measure)
        return numbers

    def captions(self) -> Numbers:
        """Captions of held-out windows by every system, and the scores of each."""
        protocol = self.protocol
        task = caption_task(self.sampler(held_out=True), protocol.num_captions, protocol.seed)
        training = self.sampler(held_out=False)
        said = captions(self.pipe, task, training, num_neighbours=protocol.num_neighbours, seed=protocol.seed)
        bertscore = BertScorer(protocol.bertscore, layer=protocol.bertscore_layer)
        return {
            "clip": task.clip.tolist(),
            "references": task.references,
            "said": said,
            "scores": score_table(self.pipe, said, task.references, bertscore),
            "bertscore": bertscore.name,
            "text_similarity": self.pipe.text.config.base.rpartition("/")[2],
            "base": self.pipe.language_model.base.rpartition("/")[2],
        }

    def questions(self) -> Numbers:
        """Questions about the same windows whose answers are known."""
        protocol, pipe = self.protocol, self.pipe
        task = caption_task(self.sampler(held_out=True), protocol.num_captions, protocol.seed)
        codes, worn = codes_of(pipe, task.windows), worn_segments(task.windows)
        return ask_all(pipe.language_model, codes, worn, task.references)

    def retrieval(self) -> Numbers:
        """Both ways, by the encoder and, where it has heads, by the language model."""
        protocol, held_out = self.protocol, self.sampler(held_out=True)
        return {
            name: {
                pool: result.to_dict()
                for pool, result in held_out_pools(
                    pipe,
                    held_out,
                    num_windows=protocol.num_windows,
                    pool_size=protocol.pool_size,
                    num_pools=protocol.num_pools,
                    seed=protocol.seed,
                ).items()
            }
            for name, pipe in self._spaces().items()
        }

    def zero_shot(self, name: str) -> Numbers:
        """A development set by every route, and in the language model's space."""
        recordings, protocol = load_set(name), self.protocol
        ways = {_title(route): (self.pipe, route, limit) for route, limit in protocol.windows.items()}
        if self.space.has_space:
            ways[LANGUAGE_SPACE] = (self.space, "embedding", protocol.max_windows)
        return {
            title: zero_shot(
                pipe, name, route, recordings=recordings, seed=protocol.seed, max_windows=limit
            ).to_dict()
            for title, (pipe, route, limit) in ways.items()
        }

    def real_captions(self) -> Numbers:
        """Captions of the development sets, how near they are to the labels, and some as they are."""
        return real_captions(
            self.pipe,
            {name: load_set(name) for name in self.protocol.sets},
            most_frequent(self.corpus),
            num_examples=self.protocol.num_examples,
            seed=self.protocol.seed,
        )

    def test_sets(self) -> Numbers:
        """The test sets by every route: the model's one look, or what the log has of it."""
        found = run_aligned_test_sets(self.pipe, self.folder, self.protocol.windows, seed=self.protocol.seed)
        return {
            name: {_title(route): figures for route, figures in routes.items()}
            for name, routes in found.items()
        }

    def _spaces(self) -> dict[str, AnymoPipeline]:
        own: dict[str, AnymoPipeline] = {LANGUAGE_SPACE: self.space} if self.space.has_space else {}
        return {ENCODER_SPACE: self.pipe, **own}


def _title(route: str) -> str:
    return f"embedding ({ENCODER_SPACE})" if route == "embedding" else route
