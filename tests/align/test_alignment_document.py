"""docs/alignment.md: its code runs, and its prompts are those that are used."""

import re
from collections.abc import Callable
from pathlib import Path

import torch

from anymo.align.prompts import choice, opening, prompt, question
from anymo.align.questions import HOW_MANY
from anymo.skeleton import INDEX
from anymo.training.align_tasks import TASKS

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "alignment.md").read_text(encoding="utf-8")


def test_the_code_runs(base: Callable[[str], str]) -> None:
    torch.manual_seed(0)  # of embeddings and adapter that are new
    names: dict[str, object] = {}
    blocks = re.findall(r"^```python\n(.*?)^```", DOCUMENT, re.M | re.S)
    for block in blocks:
        small = block.replace('"smollm2-135m-instruct"', repr(base("llama")))
        exec(compile(small, "alignment.md", "exec"), names)
    assert len(blocks) == 2
    assert names["wrist"] == INDEX["LeftForeArm"]
    assert names["similarity"].shape == names["scores"].shape == (1, 3)
    assert names["same"] == names["said"][0]


def test_tasks_and_prompts_are_those_in_the_table() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", DOCUMENT, re.M)
    assert [name for name, _ in rows] == list(TASKS)
    wrist = [INDEX["LeftForeArm"]]
    asked = (None, None, choice(["running", "walking", "rowing"]), question(HOW_MANY))
    for (_, said), instruction in zip(rows, asked, strict=False):
        assert said == f"motion, `{prompt(wrist, instruction)[1].strip()}`"
    assert rows[4][1] == f"`{opening(wrist)}<imu_bos>`"
    assert rows[5][1] == f"`{opening(wrist, 'A person walks.')}<imu_bos>`"
