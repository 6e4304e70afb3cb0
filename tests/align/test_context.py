"""Prompts that are read once: what follows them, row by row."""

from collections.abc import Callable

import pytest
import torch

from anymo.align import MotionLanguageModel
from anymo.align.context import Context

Make = Callable[..., MotionLanguageModel]
END = 7
SAID = torch.tensor([[5, END, 9, 9], [5, 6, 5, END], [END, END, 3, 3]])


@pytest.fixture
def context(aligned: Make, codes: list[torch.Tensor]) -> Context:
    model = aligned()
    return model.read([model.prompt(c, [k]) for k, c in enumerate(codes)])


def test_rows_end_one_by_one_and_all_of_them_end_it(context: Context) -> None:
    asked = []

    def choose(state: torch.Tensor, k: int) -> torch.Tensor:
        assert state.shape[0] == 3
        asked.append(k)
        return SAID[:, k]

    assert context.say(choose, end=END, most=9) == [[5], [5, 6, 5], []]
    assert asked == [0, 1, 2, 3]


def test_what_is_said_is_cut_at_the_most(context: Context) -> None:
    assert context.say(lambda _, k: SAID[:, k], end=END, most=2) == [[5], [5, 6], []]


def test_nothing_cannot_be_said(context: Context) -> None:
    with pytest.raises(ValueError, match="expected room for one token or more, got 0"):
        context.answer(0)


@torch.no_grad()
def test_each_prompt_has_answers_of_its_own(aligned: Make, codes: list[torch.Tensor]) -> None:
    """Trees of different sizes side by side, after a second reading of different lengths."""
    model = aligned()
    prompts = [model.prompt(c, [k]) for k, c in enumerate(codes)]
    begun = [" so", " walk", " standing up is"]
    answers = [[" a", " ab"], [" walking up and down", " walking up"], ["b", "c"]]
    context = model.read(prompts)
    context.read([model.text_ids(text) for text in begun])
    together = context.log_probability(answers)
    torch.testing.assert_close(context.log_probability(answers), together)  # which left it as it was
    for row, prompt, start, own in zip(together, prompts, begun, answers, strict=True):
        for value, answer in zip(row, own, strict=True):
            ids = model.text_ids(answer)
            before = [*prompt.ids, *model.text_ids(start)]
            logits = model.logits(torch.tensor([[*before, *ids]]))[0, len(before) - 1 : -1]
            words = logits[:, : model.vocabulary.first].log_softmax(dim=-1)
            expected = words[torch.arange(len(ids)), ids].sum()
            torch.testing.assert_close(value, expected, atol=1e-4, rtol=1e-4)
