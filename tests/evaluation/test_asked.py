"""Questions whose answers are known: what is asked, and what counts as right."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from anymo.align.questions import HOW_FAST, HOW_MANY, WHERE, WHICH_LIMB, WHICH_SIDE
from anymo.evaluation.asked import ask_all
from anymo.skeleton import INDEX

LEFT, HEAD = INDEX["LeftForeArm"], INDEX["Head"]


def test_right_answers_are_counted_by_kind() -> None:
    """A model that knows the places only if it is told, and takes every movement for a fast one."""

    def prompt(codes: torch.Tensor, worn: Any, instruction: str) -> Any:
        return SimpleNamespace(code=int(codes), told=bool(worn), text=instruction)

    def generate(prompts: list[Any], *, max_new_tokens: int) -> list[str]:
        assert max_new_tokens >= 16
        return [answer(p) for p in prompts]

    def answer(p: Any) -> str:
        if WHERE[:-1] in p.text:
            return ("left wrist." if p.code == 0 else "left wrist and head.") if p.told else "head."
        if HOW_MANY[:-1] in p.text:
            return ("one." if p.code == 0 else "two.") + "\nAnd more."
        return "fast." if HOW_FAST[:-1] in p.text else "left."

    model: Any = SimpleNamespace(prompt=prompt, generate=generate)
    found = ask_all(
        model,
        [torch.tensor(0), torch.tensor(1)],
        [[LEFT], [LEFT, HEAD]],
        [["A person slowly lifts the right hand."], ["A person quickly kicks with the left foot."]],
    )
    assert found[WHERE] == {"num": 2, "accuracy": 1.0, "untold": 0.0, "majority": 0.5}
    assert found[HOW_MANY]["accuracy"] == found[HOW_MANY]["untold"] == 1.0
    assert found[WHICH_SIDE] == {"num": 1, "accuracy": 1.0, "untold": 1.0, "majority": 1.0}
    assert found[HOW_FAST]["accuracy"] == pytest.approx(0.5)
    assert (found[WHICH_LIMB]["num"], found[WHICH_LIMB]["accuracy"]) == (2, 0.5)
