"""BERTScore: a caption's words matched greedily with a reference's in the hidden states of a language model.

Zhang et al. 2020 (arXiv:1904.09675), eqs. 1-3, neither weighted by idf nor rescaled by a baseline: what
unrelated sentences get depends on the encoder (0.5 to 0.9), so a score is to be named with its encoder and
read beside others of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from anymo import assets
from anymo.metrics.words import check_pairs

ENCODER = "smollm2-135m-instruct"
# Of 0, 8, 15 and 20 that which best tells two captions of one training activity from captions of two: the
# area under the curve is 0.75, 0.81, 0.78 and 0.75.
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
            self.model: Any = AutoModel.from_pretrained(
                source, dtype=torch.float32, use_safetensors=True, **needed
            ).eval()
            self.tokenizer: Any = AutoTokenizer.from_pretrained(source)
        except (OSError, ValueError) as error:
            raise ValueError(
                f"BERTScore: expected a model of transformers by asset ({', '.join(assets.ASSETS)}), "
                f"folder or name on the hub, got {str(encoder)!r} ({error})"
            ) from error
        if not 0 <= self.layer <= count:
            raise ValueError(f"BERTScore: expected a layer of {encoder} in [0, {count}], got {layer}")
        self.name = f"{encoder if is_asset else Path(encoder).name}, layer {self.layer}"

    def __call__(self, predictions: Sequence[str], references: Sequence[Sequence[str]]) -> BertScore:
        """Score captions.

        Args:
            predictions: N captions; an empty one scores 0.
            references: N lists of one reference or more.

        Raises:
            ValueError: no captions, different lengths, or a caption without references.
        """
        check_pairs(predictions, references)
        encoded = self._encode([*predictions, *(r for own in references for r in own)])
        rows = []
        for prediction, own in zip(predictions, references, strict=True):
            found = [_matched(encoded[prediction], encoded[r]) for r in own]
            rows.append(max(found, key=lambda scores: scores[2]))
        precision, recall, f1 = np.array(rows).T
        return BertScore(precision=precision, recall=recall, f1=f1)

    @torch.no_grad()
    def _encode(self, texts: Sequence[str]) -> dict[str, Floats]:
        """Unit hidden states (L, H) of the tokens of each sentence, special ones left out."""
        rows = {text: self._tokens(text) for text in dict.fromkeys(texts)}
        order = sorted((t for t, (ids, _) in rows.items() if ids), key=lambda t: len(rows[t][0]))
        encoded = {t: np.zeros((0, 1)) for t in rows}
        for k in range(0, len(order), _AT_ONCE):
            part = order[k : k + _AT_ONCE]
            length = max(len(rows[t][0]) for t in part)
            ids = torch.tensor([rows[t][0] + [0] * (length - len(rows[t][0])) for t in part])
            mask = torch.tensor([[1] * len(rows[t][0]) + [0] * (length - len(rows[t][0])) for t in part])
            out = self.model(input_ids=ids, attention_mask=mask, output_hidden_states=True)
            states = torch.nn.functional.normalize(out.hidden_states[self.layer].double(), dim=-1)
            for text, row in zip(part, states.numpy(), strict=True):
                encoded[text] = row[[i for i, special in enumerate(rows[text][1]) if not special]]
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


def _matched(caption: Floats, truth: Floats) -> tuple[float, float, float]:
    """Precision, recall and F1 of one pair."""
    if not len(caption) or not len(truth):
        return 0.0, 0.0, 0.0
    cosine = caption @ truth.T
    precision, recall = float(cosine.max(axis=1).mean()), float(cosine.max(axis=0).mean())
    total = precision + recall
    return precision, recall, 2 * precision * recall / total if total else 0.0
