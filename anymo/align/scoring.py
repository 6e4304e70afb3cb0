"""Log-probabilities of many answers after prompts, without running any token twice.

Shapes: B prompts, P positions read, T inner tokens of the answers, M scored tokens; R is 1 where all prompts
have the same answers, else B.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch.nn.utils.rnn import pad_sequence

_ROWS_AT_ONCE = 1024  # positions whose logits are in memory at once


@dataclass(frozen=True, slots=True, eq=False)
class AnswerTree:
    """Answers as a tree: a common beginning is there once; last tokens, which nothing follows, are not run.

    tokens  ids of the inner nodes                                          (R, T)
    depth   1 for those that follow the prompt                              (R, T)
    sees    ancestors of each, and itself                                   (R, T, T) bool
    parent  of each scored token: 0 is the prompt's end, t + 1 inner node t (R, M)
    scored  ids of the scored tokens                                        (R, M)
    answer  which answer they belong to; -1 belongs to none                 (R, M)
    """

    tokens: torch.Tensor
    depth: torch.Tensor
    sees: torch.Tensor
    parent: torch.Tensor
    scored: torch.Tensor
    answer: torch.Tensor

    @classmethod
    def of(cls, answers: Sequence[tuple[int, Sequence[int]]]) -> "AnswerTree":
        """Tree of answers after any prompt, each given by its number and its ids."""
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
            tokens=torch.tensor([[path[-1] for path in inner]], dtype=torch.long),
            depth=torch.tensor([[len(path) for path in inner]], dtype=torch.long),
            sees=sees[None],
            parent=parents[None],
            scored=tokens[None],
            answer=numbers[None],
        )

    @classmethod
    def beside(cls, trees: Sequence["AnswerTree"]) -> "AnswerTree":
        """Trees of several prompts, filled up to the size of the largest with nodes that nothing sees."""
        size = max(tree.tokens.shape[1] for tree in trees)
        sees = torch.eye(size, dtype=torch.bool).repeat(len(trees), 1, 1)
        for row, tree in zip(sees, trees, strict=True):
            row[: tree.sees.shape[1], : tree.sees.shape[2]] = tree.sees[0]

        def filled(name: str, value: int) -> torch.Tensor:
            rows = [getattr(tree, name)[0] for tree in trees]
            return pad_sequence(rows, batch_first=True, padding_value=value)

        return cls(
            tokens=filled("tokens", 0),
            depth=filled("depth", 1),
            sees=sees,
            parent=filled("parent", 0),
            scored=filled("scored", 0),
            answer=filled("answer", -1),
        )

    def to(self, device: torch.device) -> "AnswerTree":
        """The same there."""
        return AnswerTree(*(getattr(self, name).to(device) for name in self.__slots__))

    def mask(self, prompt_mask_BP: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        """(B, 1, T, P + T) to be added to attention: the prompt that is there, ancestors and oneself."""
        size, num = len(prompt_mask_BP), self.tokens.shape[1]
        prompt = prompt_mask_BP.bool()[:, None, :].expand(size, num, -1)
        seen = torch.cat([prompt, self.sees.expand(size, num, num)], dim=2)
        lowest = torch.finfo(dtype).min
        return torch.zeros(seen.shape, dtype=dtype, device=seen.device).masked_fill(~seen, lowest)[:, None]

    def scores(self, logits_BTV: torch.Tensor, num_answers: int) -> torch.Tensor:
        """(B, num answers) summed log-probabilities, from logits at the prompt's end and the nodes."""
        size = len(logits_BTV)
        parent, scored, answer = (x.expand(size, -1) for x in (self.parent, self.scored, self.answer))
        rows = torch.arange(size, device=logits_BTV.device)[:, None]
        each = logits_BTV[rows, parent, scored] - logits_BTV.logsumexp(dim=-1).gather(1, parent)
        total = each.new_zeros(size, num_answers + 1)  # the last column is of no answer
        return total.scatter_add(1, answer % (num_answers + 1), each)[:, :-1]


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
