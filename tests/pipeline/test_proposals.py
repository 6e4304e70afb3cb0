"""Activities that the encoder proposes for captions: which one is taken, and what it does to the answer."""

from pathlib import Path

import numpy as np
import pytest
import torch

from anymo.align import MotionPrompt
from anymo.align.prompts import beginning, description_in
from anymo.data import read_recording
from anymo.pipeline import AnymoPipeline
from anymo.pipeline import answers as room
from anymo.records import WindowBatch


@pytest.fixture(scope="module")
def pipe(model_folder: Path) -> AnymoPipeline:
    return AnymoPipeline.from_pretrained(model_folder)


@pytest.fixture(scope="module")
def windows(pipe: AnymoPipeline) -> WindowBatch:
    """Two of one recording."""
    signal = np.random.default_rng(0).normal(loc=[0.0, 0.0, 9.8], size=(500, 3))
    made = read_recording(
        signal, rate_hz=50.0, acc_unit="m/s^2", gravity="included", placement="left wrist", name="swing"
    )
    batch, _ = next(pipe.windows(made))
    return batch


def probability(pipe: AnymoPipeline, prompt: MotionPrompt, phrase: str, cosine: torch.Tensor) -> float:
    """Logarithm of the product of both, up to a constant, token by token."""
    model, text = pipe.language_model, beginning(phrase)
    ids = model.text_ids(text)
    with torch.no_grad():
        logits = model.logits(torch.tensor([[*prompt.ids, *ids]]))[0, len(prompt.ids) - 1 : -1]
    words = logits[:, : model.vocabulary.first].log_softmax(dim=-1)
    return float(words[torch.arange(len(ids)), ids].sum() + room._TRUST * cosine)


@pytest.mark.parametrize("proposed", [2, 8])
def test_the_most_probable_of_the_nearest_begins_the_answer(
    pipe: AnymoPipeline, windows: WindowBatch, proposed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "_PROPOSED", proposed)
    model, asked = pipe.language_model, list[MotionPrompt]()
    similarity = pipe.activity_similarity(windows)
    assert similarity is not None
    assert similarity.shape == (len(windows), 4)
    plain = pipe.answers._prompts(windows)
    expected = []
    for prompt, row in zip(plain, similarity, strict=True):
        nearest = row.argsort(descending=True)[:proposed].tolist()
        best = max(nearest, key=lambda k: probability(pipe, prompt, model.activities[k], row[k]))
        expected.append((*prompt.ids, *model.text_ids(beginning(model.activities[best]))))

    def heard(prompts: list[MotionPrompt]) -> list[str]:
        asked.extend(prompts)
        return [f"Description: said {k}." for k in range(len(prompts))]

    monkeypatch.setattr(model, "generate", heard)
    assert pipe.caption_windows(windows) == ["said 0.", "said 1."]
    assert [prompt.ids for prompt in asked] == expected


def test_without_activities_the_language_model_chooses(
    pipe: AnymoPipeline, windows: WindowBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = [description_in(text) for text in pipe.language_model.generate(pipe.answers._prompts(windows))]
    assert pipe.answers.captions(windows) == alone
    assert pipe.caption_windows(windows, proposed=False) == alone
    monkeypatch.setattr(pipe.language_model, "activities", ())
    assert pipe.activity_similarity(windows) is None
    assert pipe.caption_windows(windows) == alone
