"""Captions of held-out motion by a model and by what must not be as good: three baselines and a control.

- "alone": the language model without activities that the encoder proposes; not to be beaten but to be seen.
- "frequent": the sentence most training clips share, whatever the motion.
- "nearest": the sentence of the training window whose IMU embedding is nearest.
- "untuned": the base language model with the same prompt, a new adapter, which does nothing yet, and motion
  embeddings as they are before any training.
- "shuffled": the model itself, of the motion of a window of another clip, tokens and embedding; what is left
  of its score is language, and what the prompt says. The prompt keeps naming the sensors of the window that
  is described: where they are worn says something by itself, and the difference to the model shall be what
  motion is worth.
- "tokens_shuffled": likewise, but the encoder proposes activities of the window's own motion: what is left is
  what the encoder knows, and the difference what the tokens are worth beside it.
- "alone_shuffled": "alone" of the tokens of a window of another clip.

"alone" is held against the last one, the others against "model" (`CONTROLS`).
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm

from anymo.align import MotionLanguageModel, MotionPrompt
from anymo.data.corpus import MotionCorpus
from anymo.data.sampler import WindowSampler
from anymo.data.simulated import SimulatedBatch
from anymo.evaluation.held_out import held_out_batch
from anymo.metrics import CaptionResult, embedding_similarity, score_captions
from anymo.metrics.bertscore import BertScorer
from anymo.pipeline import AnymoPipeline
from anymo.pipeline.answers import MotionAnswers
from anymo.pipeline.batches import chunks, worn_segments
from anymo.records import WindowBatch

BASELINES = ("frequent", "nearest", "untuned", "shuffled")
CONTROLS = {**dict.fromkeys((*BASELINES, "tokens_shuffled"), "model"), "alone_shuffled": "alone"}
SYSTEMS = ("model", "alone", *CONTROLS)
METRICS = {
    "bleu_1": "BLEU-1",
    "bleu_4": "BLEU-4",
    "rouge_l": "ROUGE-L",
    "meteor": "METEOR (exact, stem)",
    "cider": "CIDEr",
    "cider_d": "CIDEr-D",
    "text_similarity": "text similarity",
    "bertscore": "BERTScore F1",
}
_MOST_REFERENCES = 12
_NUM_EXAMPLES = 12  # pairs kept to be read
_AT_ONCE = 16  # prompts answered together
Scores = dict[str, list[float]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CaptionTask:
    """N windows of held-out motion and what people say of them.

    references  sentences that hold for each window's moment, one or more; its short phrase is none
    clip        (N,) index into the corpus
    """

    windows: WindowBatch
    references: tuple[tuple[str, ...], ...]
    clip: npt.NDArray[np.int64]


def caption_task(sampler: WindowSampler, size: int, seed: int) -> CaptionTask:
    """Windows that go through the held-out clips in turn, the same draw for every model.

    Args:
        sampler: over held-out clips.
        size: number of windows.
        seed: of every draw.
    """
    batch = held_out_batch(sampler, size, seed, num_captions=_MOST_REFERENCES)
    clip = batch.clip.numpy()
    references = [
        _sentences(texts, {phrase, *sampler.corpus.synonyms[c]})
        for texts, phrase, c in zip(batch.texts, batch.phrase, clip, strict=True)
    ]
    return CaptionTask(windows=batch.views[0], references=tuple(references), clip=clip)


def _sentences(texts: Sequence[str], names: set[str]) -> tuple[str, ...]:
    distinct = tuple(dict.fromkeys(texts))
    return tuple(t for t in distinct if t not in names) or distinct


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeldOutCaptions:
    """A model's captions against the references, and as chance those of windows of other clips."""

    result: CaptionResult
    similarity: float
    chance: CaptionResult
    chance_similarity: float
    examples: tuple[tuple[str, str], ...]

    def to_dict(self) -> dict[str, object]:
        """Numbers and examples for metrics.json."""
        return {
            **self.result.to_dict(),
            "embedding_similarity": self.similarity,
            **{f"chance_{k}": v for k, v in self.chance.to_dict().items()},
            "chance_embedding_similarity": self.chance_similarity,
            "examples": [{"reference": r, "generated": g} for r, g in self.examples],
        }


def captions(
    pipe: AnymoPipeline, task: CaptionTask, training: WindowSampler, *, num_neighbours: int, seed: int
) -> dict[str, list[str]]:
    """What each of SYSTEMS says of each window.

    Args:
        pipe: the model.
        task: windows.
        training: sampler over the clips it was trained on.
        num_neighbours: training windows that "nearest" looks among; they go through the clips in turn.
        seed: of these windows, of the exchange of tokens, and of the untuned motion embeddings.
    """
    codes, worn = codes_of(pipe, task.windows), worn_segments(task.windows)
    order = exchange(task.clip, np.random.default_rng([seed, 31]))
    plain = MotionAnswers(pipe.codes, base := untuned(pipe.language_model, seed), temperature=1.0)
    similarity = pipe.activity_similarity(task.windows)
    of_others = None if similarity is None else similarity[order]
    prompts, shuffled = (_prompts(pipe.language_model, c, worn) for c in (codes, [codes[k] for k in order]))
    return {
        "model": answered(pipe.answers, prompts, similarity, "model"),
        "alone": answered(pipe.answers, prompts, None, "alone"),
        "frequent": [most_frequent(training.corpus)] * len(codes),
        "nearest": nearest(pipe, task.windows, held_out_batch(training, num_neighbours, seed)),
        "untuned": answered(plain, _prompts(base, codes, worn), None, "untuned"),
        "shuffled": answered(pipe.answers, shuffled, of_others, "shuffled"),
        "tokens_shuffled": answered(pipe.answers, shuffled, similarity, "tokens shuffled"),
        "alone_shuffled": answered(pipe.answers, shuffled, None, "alone, shuffled"),
    }


def held_out_captions(pipe: AnymoPipeline, task: CaptionTask, seed: int) -> HeldOutCaptions:
    """The model alone, without baselines.

    Args:
        pipe: the model.
        task: windows.
        seed: of the exchange of captions, which is chance.
    """
    said = pipe.caption_windows(task.windows)
    others = [said[k] for k in exchange(task.clip, np.random.default_rng([seed, 31]))]
    return HeldOutCaptions(
        result=score_captions(said, task.references),
        similarity=float(text_similarity(pipe, said, task.references).mean()),
        chance=score_captions(others, task.references),
        chance_similarity=float(text_similarity(pipe, others, task.references).mean()),
        examples=tuple((r[0], s) for r, s in zip(task.references, said, strict=True))[:_NUM_EXAMPLES],
    )


def exchange(clip: npt.NDArray[np.int64], rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Permutation (N,) that gives every window the place of a window of another clip, where that can be.

    Windows are put in order of their clips, each clip's shuffled, and moved on by the size of the largest.

    Args:
        clip: (N,) clip of each window.
        rng: where the order of clips and windows comes from.
    """
    rank = rng.permutation(int(clip.max()) + 1)
    order = np.lexsort((rng.random(len(clip)), rank[clip]))
    largest = int(np.bincount(clip).max())
    result = np.empty(len(clip), dtype=np.int64)
    result[order] = np.roll(order, largest)
    return result


def most_frequent(corpus: MotionCorpus) -> str:
    """The sentence most training clips share; of equals the first in alphabetical order.

    A phrase, which opens a clip's captions and is none of the references, only where no clip has a sentence.
    """
    clips = [corpus.captions[c] for c in corpus.clips(held_out=False).tolist()]
    counts = Counter(t for own in clips for t in set(own[1:])) or Counter(own[0] for own in clips)
    best: str = min(counts, key=lambda text: (-counts[text], text))
    return best


def untuned(model: MotionLanguageModel, seed: int) -> MotionLanguageModel:
    """The base of a model, as it is before any training: its words are untouched, motion says nothing.

    Args:
        model: whose base and codebook are taken.
        seed: of the motion embeddings.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fresh = MotionLanguageModel.create(model.base, model.motion_embedding.codebook.cpu())
    return fresh.to(model.device).eval()


def answered(
    answers: MotionAnswers, prompts: Sequence[MotionPrompt], similarity: torch.Tensor | None, name: str
) -> list[str]:
    """The description each prompt is answered with, greedily.

    Args:
        answers: of the language model.
        prompts: N of them.
        similarity: (N, num activities) as `MotionAnswers.described` takes it; None for no proposals.
        name: shown beside the progress.
    """
    texts: list[str] = []
    for rows in tqdm(chunks(len(prompts), _AT_ONCE), desc=f"captions, {name}", leave=False):
        texts += answers.descriptions(prompts[rows], None if similarity is None else similarity[rows])
    return texts


def score_table(
    pipe: AnymoPipeline,
    said: dict[str, list[str]],
    references: Sequence[Sequence[str]],
    bertscore: BertScorer,
) -> dict[str, Scores]:
    """Every metric of every system: system -> metric -> N scores.

    Args:
        pipe: whose sentence model is the space of the text similarity.
        said: system -> N captions.
        references: of each window.
        bertscore: with its encoder.
    """
    texts = [text for own in said.values() for text in own]
    f1 = bertscore(texts, [*references] * len(said)).f1.reshape(len(said), -1)
    table = {}
    for (system, own), similar in zip(said.items(), f1, strict=True):
        table[system] = score_captions(own, references).scores() | {
            "text_similarity": text_similarity(pipe, own, references),
            "bertscore": similar,
        }
    return {s: {name: table[s][name].tolist() for name in METRICS} for s in table}


def text_similarity(
    pipe: AnymoPipeline, said: Sequence[str], references: Sequence[Sequence[str]]
) -> npt.NDArray[np.float64]:
    """(N,) best cosine to a reference in the space of the sentence model; saying nothing scores 0."""
    base: Callable[[Sequence[str]], torch.Tensor] = pipe.text.base_embeddings
    scores = np.zeros(len(said))
    spoken = [i for i, text in enumerate(said) if text.strip()]
    if spoken:
        vectors = base([said[i] for i in spoken]).numpy()
        scores[spoken] = embedding_similarity(vectors, [base(references[i]).numpy() for i in spoken])
    return scores


def codes_of(pipe: AnymoPipeline, windows: WindowBatch) -> list[torch.Tensor]:
    """Motion tokens (L, G) of each window, some windows at once."""
    parts = [pipe.codes(windows.select(rows)) for rows in chunks(len(windows))]
    return [codes for part in parts for codes in part]


def _prompts(
    model: MotionLanguageModel, codes: Sequence[torch.Tensor], worn: Sequence[Sequence[int]]
) -> list[MotionPrompt]:
    return [model.prompt(c, segments) for c, segments in zip(codes, worn, strict=True)]


def nearest(pipe: AnymoPipeline, windows: WindowBatch, known: SimulatedBatch) -> list[str]:
    """The sentence of the nearest training window, of those that have one, in the encoder's space.

    Args:
        pipe: whose encoder's space it is.
        windows: N that are described.
        known: training windows with their texts.

    Returns:
        N sentences; where no training window has one, phrases.
    """
    near = pipe.embed_windows(windows) @ pipe.embed_windows(known.views[0]).T
    bare = torch.tensor([texts[0] == phrase for texts, phrase in zip(known.texts, known.phrase, strict=True)])
    if not bare.all():
        near = near.masked_fill(bare.to(near.device), -torch.inf)
    return [known.texts[k][0] for k in near.argmax(dim=1).tolist()]
