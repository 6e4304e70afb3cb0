"""Prompts that a language model has read, and what follows: the likelihood of answers, or an answer.

Shapes: B prompts, N positions, H width of the language model, A answers.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from anymo.align.base import run
from anymo.align.network import MotionNetwork
from anymo.align.products import answering
from anymo.align.scoring import trees

Choose = Callable[[torch.Tensor, int], torch.Tensor]  # states (B, H) and how many were chosen, to ids (B,)


class Context:
    """Prompts, read once; `read` and `say` go on from there, `log_likelihood` leaves it as it is.

    Args:
        network: that reads.
        rows: ids of each prompt.
    """

    def __init__(self, network: MotionNetwork, rows: Sequence[Sequence[int]]) -> None:
        self.network = network
        self._mask = torch.zeros(len(rows), 0, dtype=torch.long, device=network.device)
        self._cache: Any = None
        self.read(rows)

    def read(self, rows: Sequence[Sequence[int]]) -> None:
        """Go on by these ids, one or more for each prompt."""
        ids, mask = self.network.padded(rows, left=True)
        self._go_on(ids, mask)

    @torch.no_grad()
    def _go_on(self, ids_BN: torch.Tensor, mask_BN: torch.Tensor) -> None:
        self._mask = torch.cat([self._mask, mask_BN], dim=1)
        inputs, cache = self.network.embed(ids_BN), self._cache
        out = run(
            self.network.language_model,
            self._mask,
            inputs_embeds=inputs,
            past_key_values=cache,
            use_cache=True,
        )
        self._state, self._cache = out.last_hidden_state[:, -1], out.past_key_values

    @torch.no_grad()
    def log_likelihood(self, answers: Sequence[str]) -> torch.Tensor:
        """Mean log-probability per token of every answer after every prompt: (B, A).

        A beginning that answers have in common is run once (`AnswerTree`).

        Raises:
            ValueError: an answer has no token.
        """
        network, size = self.network, len(self._mask)
        rows = [network.text_ids(a) for a in answers]
        total = torch.zeros(size, len(rows), device=network.device)
        depth = self._mask.sum(dim=1, keepdim=True) - 1
        for tree in trees(rows, size):
            states = self._state[:, None]
            if len(tree.tokens):
                inner = network.embed(tree.tokens.to(network.device).expand(size, -1))
                after = run(
                    network.language_model,
                    tree.mask(self._mask, inner.dtype),
                    inputs_embeds=inner,
                    position_ids=depth + tree.depth.to(network.device),
                    past_key_values=self._cache,
                    use_cache=True,
                ).last_hidden_state
                self._cache.crop(-len(tree.tokens))
                states = torch.cat([states, after], dim=1)
            total.index_add_(1, tree.answer.to(network.device), tree.scores(network.text_logits(states)))
        return total / torch.tensor([len(row) for row in rows], device=network.device)

    def say(self, choose: Choose, *, end: int, most: int) -> list[list[int]]:
        """Go on id by id.

        Args:
            choose: the next id of every prompt.
            end: id after which nothing more is said.
            most: ids for each prompt at most.

        Returns:
            The ids of each, up to the end and without it.
        """
        said, ended = list[torch.Tensor](), self._mask.new_zeros(len(self._mask), dtype=torch.bool)
        with answering(), torch.no_grad():
            while len(said) < most and not ended.all():
                if said:
                    self._go_on(said[-1][:, None], torch.ones_like(said[-1])[:, None])
                said.append(choose(self._state, len(said)))
                ended |= said[-1] == end
        rows = torch.stack(said, dim=1).tolist()
        return [row[: row.index(end)] if end in row else row for row in rows]

    def answer(self, max_new_tokens: int) -> list[str]:
        """Go on in words, the most probable token every time, up to the end token or so many."""
        network = self.network
        rows = self.say(
            lambda state, _: network.text_logits(state).argmax(dim=-1),
            end=network.text_tokenizer.eos_token_id,
            most=max_new_tokens,
        )
        texts = network.text_tokenizer.batch_decode(rows, skip_special_tokens=True)
        return [text.strip() for text in texts]
