"""Prompts that a language model has read, and what follows: the probability of answers, or an answer.

Shapes: B prompts, N positions, H width of the language model, A answers.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from anymo.align.base import run
from anymo.align.network import MotionNetwork
from anymo.align.products import answering
from anymo.align.scoring import AnswerTree, trees

Choose = Callable[[torch.Tensor, int], torch.Tensor]  # states (B, H) and how many were chosen, to ids (B,)


class Context:
    """Prompts, read once: `read` goes on, probabilities leave it as it is, and `say` or `answer` ends it.

    Where a base attends to a window of positions alone, prompt and answers have to fit into it.

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
        mask = torch.cat([self._mask, mask_BN], dim=1)
        inputs = self.network.embed(ids_BN)
        out = self._run(mask, inputs_embeds=inputs)
        self._mask, self._state, self._cache = mask, out.last_hidden_state[:, -1], out.past_key_values

    def _run(self, mask: torch.Tensor, **inputs: Any) -> Any:
        return run(self.network.language_model, mask, past_key_values=self._cache, use_cache=True, **inputs)

    def log_likelihood(self, answers: Sequence[str]) -> torch.Tensor:
        """Mean log-probability per token of every answer after every prompt: (B, A).

        A beginning that answers have in common is run once (`AnswerTree`).

        Raises:
            ValueError: an answer has no token.
        """
        rows = [self.network.text_ids(answer) for answer in answers]
        total = torch.zeros(len(self._mask), len(rows), device=self.network.device)
        for tree in trees(rows, len(self._mask)):
            total += self._scores(tree, len(rows))
        return total / torch.tensor([len(row) for row in rows], device=total.device)

    def log_probability(self, answers: Sequence[Sequence[str]]) -> torch.Tensor:
        """Log-probability of each prompt's own answers: (B, A), as sums over their tokens.

        Args:
            answers: A of each prompt, as many of each, all of one token or more.
        """
        rows = [[(k, self.network.text_ids(text)) for k, text in enumerate(own)] for own in answers]
        return self._scores(AnswerTree.beside([AnswerTree.of(row) for row in rows]), len(rows[0]))

    @torch.no_grad()
    def _scores(self, tree: AnswerTree, num_answers: int) -> torch.Tensor:
        """(B, A) sums over the tokens that are in the tree; what was read stays as it is."""
        network, size, tree = self.network, len(self._mask), tree.to(self.network.device)
        states, num = self._state[:, None], tree.tokens.shape[1]
        if num:
            inner = network.embed(tree.tokens.expand(size, -1))
            depth = self._mask.sum(dim=1, keepdim=True) - 1 + tree.depth
            out = self._run(tree.mask(self._mask, inner.dtype), inputs_embeds=inner, position_ids=depth)
            self._cache.crop(-num)
            states = torch.cat([states, out.last_hidden_state], dim=1)
        return tree.scores(network.text_logits(states), num_answers)

    def say(self, choose: Choose, *, end: int, most: int) -> list[list[int]]:
        """Go on id by id, for the last time: rows that end early hold what was chosen after their end.

        Args:
            choose: the next id of every prompt.
            end: id after which nothing more is said.
            most: ids for each prompt at most, one or more.

        Returns:
            The ids of each, up to the end and without it.

        Raises:
            ValueError: nothing is to be said.
        """
        if most < 1:
            raise ValueError(f"answer: expected room for one token or more, got {most}; give a larger number")
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
