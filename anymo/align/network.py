"""The network that reads motion tokens: inputs, hidden states, logits and losses.

Shapes: B rows, N positions, H width of the language model, V words, G groups, K codes, E width of the
contrastive embeddings.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from anymo.align.base import run, text_logits
from anymo.align.embedding import ContrastiveHeads, MotionEmbedding, Side
from anymo.align.vocabulary import MotionVocabulary

_TEXTS_AT_ONCE = 256
_ALIKE = 8  # rows of nearly one length that are run together; all at once, mixed tasks are two fifths padding


@dataclass(frozen=True, slots=True)
class MotionPrompt:
    """Ids of one prompt, up to where the answer begins."""

    ids: tuple[int, ...]


class MotionNetwork(nn.Module):
    """Base model, LoRA adapter, motion embeddings and, where they were trained, contrastive heads.

    Motion ids lie behind the base vocabulary. What a token means is known from where it stands: inside a
    motion the next one is a motion token, scored against the motion embeddings, elsewhere a word, scored
    by the base's own head. The logits of the base's words are therefore untouched at the start.

    Attributes:
        activities: phrases that it was taught, by which a caption can begin.
    """

    def __init__(
        self,
        language_model: Any,
        text_tokenizer: Any,
        codebook_GKC: torch.Tensor,
        base: str,
        embedding_size: int = 0,
        activities: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.language_model, self.text_tokenizer, self.base = language_model, text_tokenizer, base
        self.activities = tuple(activities)
        config = language_model.config.get_text_config()
        self.vocabulary = MotionVocabulary(config.vocab_size, codebook_GKC.shape[0], codebook_GKC.shape[1])
        self.motion_embedding = MotionEmbedding(codebook_GKC, config.hidden_size)
        self.heads = ContrastiveHeads(config.hidden_size, embedding_size) if embedding_size else None

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self.motion_embedding.bias.device

    def text_ids(self, text: str) -> list[int]:
        """Ids of words, with nothing added."""
        ids: list[int] = self.text_tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def answer_ids(self, text: str) -> tuple[int, ...]:
        """Ids of an answer in words, with its end."""
        return (*self.text_ids(text), self.text_tokenizer.eos_token_id)

    def embed(self, ids_BN: torch.Tensor) -> torch.Tensor:
        """Input embeddings (B, N, H) of text and motion ids."""
        own = ids_BN >= self.vocabulary.first
        text: torch.Tensor = self.language_model.get_input_embeddings()(ids_BN.masked_fill(own, 0))
        motion = self.motion_embedding(ids_BN[own] - self.vocabulary.first)
        return text.masked_scatter(own[..., None], motion.to(text.dtype))

    def logits(self, ids_BN: torch.Tensor) -> torch.Tensor:
        """(B, N, V + 2 + G K): logits of the base's words, then those of the motion tokens."""
        hidden = self.hidden(self.embed(ids_BN), torch.ones_like(ids_BN))
        return torch.cat([text_logits(self.language_model, hidden), self.motion_logits(hidden)], dim=-1)

    def motion_logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """(..., 2 + G K) float32 logits of the motion tokens, whose weights are their embeddings."""
        table: torch.Tensor = self.motion_embedding().to(hidden.dtype)
        return (hidden @ table.T).float()

    def losses(self, prompts: Sequence[MotionPrompt], answers: Sequence[Sequence[int]]) -> torch.Tensor:
        """(B, 2) summed cross-entropy and number of the answers' tokens; prompts carry no loss.

        Rows of alike lengths go through the model together, and all their answers through the head at once.

        Args:
            prompts: what comes before.
            answers: `answer_ids` or `motion_ids`.
        """
        rows = [[*p.ids, *a] for p, a in zip(prompts, answers, strict=True)]
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
        read = list[torch.Tensor]()
        for part in (order[k : k + _ALIKE] for k in range(0, len(order), _ALIKE)):
            ids, mask = self.padded([rows[i] for i in part])
            states = self.hidden(self.embed(ids), mask)
            read += [states[k, len(prompts[i].ids) - 1 : len(rows[i]) - 1] for k, i in enumerate(part)]
        target = torch.tensor([token for i in order for token in answers[i]], device=self.device)
        owner = torch.tensor([i for i in order for _ in answers[i]], device=self.device)
        return self._cross_entropy(torch.cat(read), target, owner, len(rows))

    def _cross_entropy(
        self, states_MH: torch.Tensor, target_M: torch.Tensor, owner_M: torch.Tensor, size: int
    ) -> torch.Tensor:
        """(size, 2) sum and number over the tokens that each row owns."""
        own, result = target_M >= self.vocabulary.first, torch.zeros(size, 2, device=self.device)
        kinds = ((~own, self.text_logits, 0), (own, self.motion_logits, self.vocabulary.first))
        for where, logits_of, first in kinds:
            if where.any():
                logits, label = logits_of(states_MH[where]), target_M[where] - first
                loss = F.cross_entropy(logits, label, reduction="none")
                result = result.index_add(0, owner_M[where], torch.stack([loss, torch.ones_like(loss)], 1))
        return result

    def forward(self, prompts: Sequence[MotionPrompt], answers: Sequence[str]) -> torch.Tensor:
        """Mean cross-entropy of the tokens of answers in words."""
        rows = self.losses(prompts, [self.answer_ids(a) for a in answers])
        return rows[:, 0].sum() / rows[:, 1].sum()

    def text_logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """(..., V) float32 logits of the base's words."""
        return text_logits(self.language_model, hidden)

    def hidden(self, embeddings_BNH: torch.Tensor, mask_BN: torch.Tensor) -> torch.Tensor:
        """(B, N, H) last hidden states; the mask is 1 where there is something."""
        states: torch.Tensor = run(
            self.language_model, mask_BN, inputs_embeds=embeddings_BNH, use_cache=False
        ).last_hidden_state
        return states

    def padded(
        self, rows: Sequence[Sequence[int]], *, left: bool = False
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Ids and mask (B, N) of rows of different lengths."""
        length = max(map(len, rows))
        ids = torch.zeros(len(rows), length, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for i, row in enumerate(rows):
            here = slice(length - len(row), None) if left else slice(len(row))
            ids[i, here], mask[i, here] = torch.tensor(row), 1
        return ids.to(self.device), mask.to(self.device)

    def embed_motion(self, prompts: Sequence[MotionPrompt]) -> torch.Tensor:
        """(B, E) unit embeddings of the motions in prompts.

        Raises:
            ValueError: the model has no contrastive heads.
        """
        return self._read_out("motion", [p.ids for p in prompts])

    def embed_texts(self, texts: Sequence[str]) -> torch.Tensor:
        """(num texts, E) unit embeddings of sentences or labels, in the same space.

        Raises:
            ValueError: the model has no contrastive heads, or there is no text.
        """
        rows = [self.text_ids(t) for t in texts]
        if not rows or not all(rows):
            raise ValueError(
                f"embed_texts: expected texts, none empty, got {list(texts)[:5]}; leave them out"
            )
        starts = range(0, len(rows), _TEXTS_AT_ONCE)
        return torch.cat([self._read_out("text", rows[k : k + _TEXTS_AT_ONCE]) for k in starts])

    def _read_out(self, side: Side, rows: Sequence[Sequence[int]]) -> torch.Tensor:
        if self.heads is None:
            raise ValueError(
                "language model: expected one aligned with contrastive losses, got one without; run "
                "train/align.py with contrast.text or contrast.label above 0"
            )
        length = torch.tensor([len(row) for row in rows], device=self.device)
        ids, mask = self.padded([[*row, *[0] * self.heads.num_soft] for row in rows])
        states = self.hidden(self.heads.place(side, self.embed(ids), length), mask)
        return self.heads.read(side, states, length)
