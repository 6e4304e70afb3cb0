"""BERTScore: a caption's words matched greedily with a reference's in the hidden states of a language model.

Zhang et al. 2020 (arXiv:1904.09675), eqs. 1-3, without rescaling by a baseline: what unrelated sentences get
depends on the encoder (0.5 to 0.9), so a score is to be named with its encoder and read beside others of it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from anymo import assets
from anymo.metrics.words import check_pairs

ENCODER = "smollm2-135m-instruct"
# Of its 30, that which best tells two captions of one training activity from captions of two (AUC 0.81; layer
# 0 has 0.75, 20 has 0.75).
_LAYERS = {ENCODER: 8}
_AT_ONCE = 64  # sentences encoded together
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BertScore:
    """Each of N captions against the reference it fits best, each (N,), in [-1, 1].

    precision  mean over the caption's tokens of the greatest cosine to a token of the reference
    recall     mean over the reference's tokens of the greatest cosine to a token of the caption
    f1         harmonic mean of the two; what is reported
    """

    precision: Floats
    recall: Floats
    f1: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Encoded:
    """Token ids (L,) of a sentence, and their unit hidden states (L, H)."""

    ids: tuple[int, ...]
    states: Floats


class BertScorer:
    """BERTScore by one encoder.

    Any model of transformers that gives hidden states will do. The paper's, such as roberta-large, are on the
    hub; the default is the language model of `anymo.assets`. In a causal model a token's state knows what is
    before it alone. Special tokens are encoded and take no part in the matching; a model that adds none gets
    its opening token, since the first state of a causal model says little of the word.
    """

    def __init__(self, encoder: str | Path = ENCODER, *, layer: int | None = None) -> None:
        """Load the encoder.

        Args:
            encoder: name in `anymo.assets.ASSETS`, folder, or name on the hub.
            layer: index into its hidden states, 0 the input embeddings; None is 8 for the default encoder,
                else two thirds of the way up, about where the paper's encoders are read.

        Raises:
            ValueError: it cannot be read, or has no such layer.
        """
        from transformers import AutoConfig, AutoModel, AutoTokenizer

        is_asset = str(encoder) in assets.ASSETS
        source = assets.resolve(str(encoder)) if is_asset else encoder
        try:
            count = int(AutoConfig.from_pretrained(source).num_hidden_layers)
            own = _LAYERS.get(str(encoder), round(2 / 3 * count))
            self.layer = own if layer is None else layer
            needed = {"num_hidden_layers": min(max(self.layer, 0) + 1, count)}
            self.model: Any = AutoModel.from_pretrained(source, dtype=torch.float32, **needed).eval()
            self.tokenizer: Any = AutoTokenizer.from_pretrained(source)
        except (OSError, ValueError) as error:
            raise ValueError(
                f"BERTScore: expected a model of transformers by asset ({', '.join(assets.ASSETS)}), "
                f"folder or name on the hub, got {str(encoder)!r} ({error})"
            ) from error
        if not 0 <= self.layer <= count:
            raise ValueError(f"BERTScore: expected a layer of {encoder} in [0, {count}], got {layer}")
        self.name = f"{encoder if is_asset else Path(encoder).name}, layer {self.layer}"

    def __call__(
        self, predictions: Sequence[str], references: Sequence[Sequence[str]], *, idf: bool = False
    ) -> BertScore:
        """Score captions.

        Args:
            predictions: N captions; an empty one scores 0.
            references: N lists of one reference or more.
            idf: weigh each token by its inverse document frequency log((M + 1) / (df + 1)) over the M
                references; a sentence none of whose tokens weighs anything scores 0.

        Raises:
            ValueError: no captions, different lengths, or a caption without references.
        """
        check_pairs(predictions, references)
        sentences = [r for rs in references for r in rs]
        encoded = self._encode([*predictions, *sentences])
        weight = _idf([encoded[r].ids for r in sentences]) if idf else None
        rows = []
        for prediction, own in zip(predictions, references, strict=True):
            found = [_matched(encoded[prediction], encoded[r], weight) for r in own]
            rows.append(max(found, key=lambda scores: scores[2]))
        precision, recall, f1 = np.array(rows).T
        return BertScore(precision=precision, recall=recall, f1=f1)

    @torch.no_grad()
    def _encode(self, texts: Sequence[str]) -> dict[str, _Encoded]:
        rows = {text: self._tokens(text) for text in dict.fromkeys(texts)}
        order = sorted((t for t, (ids, _) in rows.items() if ids), key=lambda t: len(rows[t][0]))
        encoded = {t: _Encoded(ids=(), states=np.zeros((0, 1))) for t in rows}
        for k in range(0, len(order), _AT_ONCE):
            part = order[k : k + _AT_ONCE]
            length = max(len(rows[t][0]) for t in part)
            ids = torch.tensor([rows[t][0] + [0] * (length - len(rows[t][0])) for t in part])
            mask = torch.tensor([[1] * len(rows[t][0]) + [0] * (length - len(rows[t][0])) for t in part])
            out = self.model(input_ids=ids, attention_mask=mask, output_hidden_states=True)
            states = torch.nn.functional.normalize(out.hidden_states[self.layer].double(), dim=-1)
            for text, row in zip(part, states.numpy(), strict=True):
                own = [i for i, special in enumerate(rows[text][1]) if not special]
                encoded[text] = _Encoded(ids=tuple(rows[text][0][i] for i in own), states=row[own])
        return encoded

    def _tokens(self, text: str) -> tuple[list[int], list[int]]:
        """Ids, and 1 for each that is special; a space in front, as byte-pair codes tell words by it."""
        if not text.strip():
            return [], []
        made = self.tokenizer(f" {text.strip()}", return_special_tokens_mask=True)
        ids, special = list(made["input_ids"]), list(made["special_tokens_mask"])
        opening = self.tokenizer.bos_token_id
        if not any(special) and opening is not None:
            return [opening, *ids], [1, *special]
        return ids, special


def _idf(sentences: Sequence[tuple[int, ...]]) -> Mapping[int, float]:
    frequency = Counter(i for ids in sentences for i in set(ids))
    every = {i: log((len(sentences) + 1) / (frequency[i] + 1)) for i in frequency}
    return _Idf(every, unseen=log(len(sentences) + 1))


class _Idf(dict[int, float]):
    def __init__(self, known: Mapping[int, float], *, unseen: float) -> None:
        super().__init__(known)
        self.unseen = unseen

    def __missing__(self, _: int) -> float:
        return self.unseen


def _matched(
    caption: _Encoded, truth: _Encoded, weight: Mapping[int, float] | None
) -> tuple[float, float, float]:
    """Precision, recall and F1 of one pair."""
    if not caption.ids or not truth.ids:
        return 0.0, 0.0, 0.0
    cosine = caption.states @ truth.states.T
    precision = _mean(cosine.max(axis=1), caption.ids, weight)
    recall = _mean(cosine.max(axis=0), truth.ids, weight)
    total = precision + recall
    return precision, recall, 2 * precision * recall / total if total else 0.0


def _mean(best: Floats, ids: Sequence[int], weight: Mapping[int, float] | None) -> float:
    if weight is None:
        return float(best.mean())
    weights = np.array([weight[i] for i in ids])
    return float(best @ weights / weights.sum()) if weights.sum() else 0.0
