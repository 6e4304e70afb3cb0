"""Activities that the encoder proposes for captions: which one is taken, and what it does to the answer."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from anymo.align import MotionPrompt
from anymo.align.prompts import activity, beginning, description_in
from anymo.data import read_recording
from anymo.pipeline import AnymoPipeline
from anymo.pipeline import answers as room
from anymo.records import WindowBatch


@pytest.fixture(scope="module")
def pipe(model_folder: Path) -> AnymoPipeline:
    return AnymoPipeline.from_pretrained(model_folder)


@pytest.fixture(autouse=True)
def short_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_DESCRIPTION_TOKENS", 5)


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
    model, text = pipe.language_model, activity(phrase)
    ids = model.text_ids(text)
    with torch.no_grad():
        logits = model.logits(torch.tensor([[*prompt.ids, *ids]]))[0, len(prompt.ids) - 1 : -1]
    words = logits[:, : model.vocabulary.first].log_softmax(dim=-1)
    return float(words[torch.arange(len(ids)), ids].sum() + cosine / pipe.answers.temperature)


@pytest.mark.parametrize(("proposed", "temperature"), [(2, 0.07), (8, 1e-3)])
def test_the_most_probable_of_the_nearest_begins_the_answer(
    pipe: AnymoPipeline,
    windows: WindowBatch,
    proposed: int,
    temperature: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(room, "_PROPOSED", proposed)
    monkeypatch.setattr(pipe.answers, "temperature", temperature)
    model, similarity = pipe.language_model, pipe.activity_similarity(windows)
    assert similarity is not None
    assert similarity.shape == (len(windows), 4)
    prompts = pipe.answers.prompts(windows)
    expected = []
    for prompt, row in zip(prompts, similarity, strict=True):
        nearest = row.argsort(descending=True)[:proposed].tolist()
        best = max(nearest, key=lambda k: probability(pipe, prompt, model.activities[k], row[k]))
        begun = beginning(model.activities[best])
        (rest,) = model.generate([MotionPrompt((*prompt.ids, *model.text_ids(begun)))], max_new_tokens=5)
        expected.append(f"{begun} {rest}".strip())
    assert pipe.answers.described(prompts, similarity) == expected
    assert pipe.caption_windows(windows) == [description_in(text) for text in expected]


def test_prompts_of_other_lengths_and_other_beginnings_are_answered_as_alone(
    pipe: AnymoPipeline, windows: WindowBatch
) -> None:
    model, codes = pipe.language_model, pipe.codes(windows)
    prompts = [model.prompt(codes[0], [k] * k) for k in range(3)]
    similarity = torch.eye(4)[:3] * 100.0  # each its own activity, of one token or several
    together = pipe.answers.described(prompts, similarity)
    starts = [text.partition("Description:")[0].strip() for text in together]
    assert starts == [f"{phrase}." for phrase in model.activities[:3]]
    alone = [pipe.answers.described([p], s[None])[0] for p, s in zip(prompts, similarity, strict=True)]
    assert together == alone


def test_the_temperature_is_that_of_the_text_tower(small_model_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(small_model_folder, tmp_path / "model"))
    file = folder / "text" / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"temperature": 0.03}))
    assert AnymoPipeline.from_pretrained(folder).answers.temperature == 0.03


def test_similarity_has_a_row_for_each_prompt(pipe: AnymoPipeline, windows: WindowBatch) -> None:
    prompts = pipe.answers.prompts(windows)
    with pytest.raises(ValueError, match="expected 2 rows, one a prompt, got 3"):
        pipe.answers.described(prompts, torch.zeros(3, 4))


def test_an_answer_that_ends_before_its_sentence_has_none() -> None:
    assert description_in("walking. Description: A person walks.") == "A person walks."
    assert description_in("walking. Description:") == ""
    assert description_in("walking.") == "walking."


def test_without_activities_the_language_model_chooses(
    pipe: AnymoPipeline, windows: WindowBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = pipe.language_model.generate(pipe.answers.prompts(windows), max_new_tokens=5)
    alone = [description_in(text) for text in said]
    assert pipe.answers.captions(windows) == alone
    assert pipe.caption_windows(windows, proposed=False) == alone
    monkeypatch.setattr(pipe.language_model, "activities", ())
    assert pipe.activity_similarity(windows) is None
    assert pipe.caption_windows(windows) == alone
