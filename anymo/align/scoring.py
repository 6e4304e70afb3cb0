"""Log-probabilities of many answers after the same prompts, without running any token twice.

Shapes: B prompts, P positions of the longest, T inner tokens of the answers, M scored tokens, A answers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

_ROWS_AT_ONCE = 1024  # positions whose logits are in memory at once


@dataclass(frozen=True, slots=True, eq=False)
class AnswerTree:
    """Answers as a tree: a common beginning is there once; last tokens, which nothing follows, are not run.

    tokens  ids of the inner nodes                                          (T,)
    depth   1 for those that follow the prompt                              (T,)
    sees    ancestors of each, and itself                                   (T, T) bool
    parent  of each scored token: 0 is the prompt's end, t + 1 inner node t (M,)
    scored  ids of the scored tokens                                        (M,)
    answer  which answer they belong to                                     (M,)
    """

    tokens: torch.Tensor
    depth: torch.Tensor
    sees: torch.Tensor
    parent: torch.Tensor
    scored: torch.Tensor
    answer: torch.Tensor

    @classmethod
    def of(cls, answers: Sequence[tuple[int, Sequence[int]]]) -> "AnswerTree":
        """Tree of answers, each given by its number and its ids."""
        nodes: dict[tuple[int, ...], int] = {(): 0}
        scored = []
        for number, ids in answers:
            for k, token in enumerate(ids):
                parent = nodes.setdefault(tuple(ids[:k]), len(nodes))
                scored.append((parent, token, number))
        inner = [path for path in nodes if path]
        sees = torch.zeros(len(inner), len(inner), dtype=torch.bool)
        for path, place in nodes.items():
            for k in range(1, len(path) + 1):
                sees[place - 1, nodes[path[:k]] - 1] = True
        parents, tokens, numbers = torch.tensor(scored).unbind(1)
        return cls(
            tokens=torch.tensor([path[-1] for path in inner], dtype=torch.long),
            depth=torch.tensor([len(path) for path in inner], dtype=torch.long),
            sees=sees,
            parent=parents,
            scored=tokens,
            answer=numbers,
        )

    def mask(self, prompt_mask_BP: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        """(B, 1, T, P + T) to be added to attention: the prompt that is there, ancestors and oneself."""
        size, length = prompt_mask_BP.shape
        num = len(self.tokens)
        seen = torch.cat(
            [
                prompt_mask_BP.bool()[:, None, :].expand(size, num, length),
                self.sees.to(prompt_mask_BP.device).expand(size, num, num),
            ],
            dim=2,
        )
        lowest = torch.finfo(dtype).min
        return torch.zeros(seen.shape, dtype=dtype, device=seen.device).masked_fill(~seen, lowest)[:, None]

    def scores(self, logits_BTV: torch.Tensor) -> torch.Tensor:
        """(B, M) log-probabilities of the scored tokens, from logits at the prompt's end and the nodes."""
        total = logits_BTV.logsumexp(dim=-1)
        parent, scored = self.parent.to(total.device), self.scored.to(total.device)
        return logits_BTV[:, parent, scored] - total[:, parent]


def trees(answers: Sequence[Sequence[int]], num_prompts: int) -> Iterator[AnswerTree]:
    """Trees small enough to run at once; answers that begin alike come together.

    Raises:
        ValueError: an answer has no token.
    """
    if empty := [i for i, ids in enumerate(answers) if not ids]:
        raise ValueError(f"answers: expected a token or more in each, got none in {empty}; leave them out")
    most, group, size = max(1, _ROWS_AT_ONCE // num_prompts), list[tuple[int, Sequence[int]]](), 0
    for number, ids in sorted(enumerate(answers), key=lambda pair: tuple(pair[1])):
        if group and size + len(ids) > most:
            yield AnswerTree.of(group)
            group, size = [], 0
        group.append((number, ids))
        size += len(ids)
    if group:
        yield AnswerTree.of(group)
