"""Which labels are taken, what is remembered of them, and which one an answer means."""

import logging
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

from anymo.data import read_recording
from anymo.encoders import TextTower, TextTowerConfig
from anymo.pipeline import AnymoPipeline
from anymo.pipeline.labels import (
    MAX_LABELS,
    TEMPLATES,
    LabelEmbeddings,
    answered_scores,
    check_labels,
)
from anymo.pipeline.memory import Memory


@pytest.fixture(scope="module")
def tower(asset: Callable[[str], Path]) -> TextTower:
    text = TextTower(TextTowerConfig(base=str(asset("wordllama-256"))))
    text.centre(["walking", "playing badminton", "standing still"])
    return text.eval()


def test_the_least_recently_used_goes_first() -> None:
    asked: list[list[str]] = []

    def length(keys: list[str]) -> list[int]:
        asked.append(keys)
        return [len(key) for key in keys]

    memory: Memory[str, int] = Memory(2)
    assert memory(["a", "bb", "a"], length) == [1, 2, 1]
    assert memory(["ccc", "a"], length) == [3, 1]  # "bb" goes
    assert memory(["bb"], length) == [2]
    assert asked == [["a", "bb"], ["ccc"], ["bb"]]
    assert memory(["x", "yy", "zzz"], length) == [1, 2, 3]  # more than it holds
    assert len(memory) == 2


def test_label_embeddings_are_the_mean_over_templates_and_remembered(
    tower: TextTower, monkeypatch: pytest.MonkeyPatch
) -> None:
    embed = LabelEmbeddings()
    labels = ["walking", "running"]
    with torch.no_grad():
        mean = sum(tower([template.format(label) for label in labels]) for template in TEMPLATES)
    expected = torch.nn.functional.normalize(mean, dim=-1)
    torch.testing.assert_close(embed(tower, labels), expected)
    calls: list[Sequence[str]] = []
    forward = TextTower.forward
    monkeypatch.setattr(TextTower, "forward", lambda self, texts: calls.append(texts) or forward(self, texts))
    torch.testing.assert_close(embed(tower, labels[::-1]), expected.flip(0))
    assert calls == []
    with torch.no_grad():
        tower.projection.weight.add_(0.1 * torch.eye(256).flip(0))
    assert not torch.allclose(embed(tower, labels), expected)  # another tower now
    assert len(calls) == len(TEMPLATES)


def test_ten_thousand_labels_one_of_them_in_another_script(
    pipe: AnymoPipeline, caplog: pytest.LogCaptureFixture
) -> None:
    still = np.random.default_rng(0).normal(size=(100, 3)) * 0.05 + [0.0, 0.0, 9.8]
    recording = read_recording(
        still, rate_hz=50.0, acc_unit="m/s^2", gravity="included", placement="left wrist"
    )
    labels = [*(f"activity {i}" for i in range(9_999)), "跑步"]
    with caplog.at_level(logging.WARNING, "anymo"):
        (found,) = pipe.classify(recording, labels=labels)
    assert list(found.scores) == labels
    assert sum(found.scores.values()) == pytest.approx(1.0, abs=1e-4)
    (said,) = caplog.messages
    assert "knows no word of ['跑步']" in said


def test_more_labels_than_a_route_takes() -> None:
    labels = [f"activity {i}" for i in range(10_000)]
    check_labels(labels, "embedding")
    with pytest.raises(ValueError, match=r"given twice: \['activity 7'\]") as error:
        check_labels([*labels, "activity 7"], "embedding")
    assert len(str(error.value)) < 500
    for route, most in MAX_LABELS.items():
        check_labels(labels[:most], route)
        with pytest.raises(ValueError, match=f'"{route}" takes {most} labels at most, got 10000; take route'):
            check_labels(labels, route)


def test_labels_that_differ_by_case_alone() -> None:
    with pytest.raises(ValueError, match=r"given twice: \['Walking', 'walking.'\]"):
        check_labels(["Walking", "running", "walking."], "embedding")


@pytest.fixture(scope="module")
def shipped(asset: Callable[[str], Path]) -> TextTower:
    """A tower on the sentence model of the package's, which has a token for all unknown words."""
    return TextTower(TextTowerConfig(base=str(asset("minilm-l6-v2")), hidden_size=384)).eval()


@pytest.mark.parametrize(
    ("of", "label"),
    [*product(("tower", "shipped"), ("跑步", "ходьба", "ᏔᎵ")), *product(("shipped",), ("เดิน", "走", "🚶"))],
)
def test_a_label_in_a_script_the_tower_does_not_know(
    caplog: pytest.LogCaptureFixture, label: str, of: str, request: pytest.FixtureRequest
) -> None:
    tower = request.getfixturevalue(of)
    embed = LabelEmbeddings()
    with caplog.at_level(logging.WARNING, "anymo"):
        rows = embed(tower, ["walking", label])
    assert rows.isfinite().all()
    (said,) = caplog.messages
    assert f"knows no word of ['{label}']" in said
    caplog.clear()
    embed(tower, ["walking", label])
    assert caplog.messages == []  # once


def test_labels_that_are_the_same_tokens_are_refused(shipped: TextTower) -> None:
    embed = LabelEmbeddings()
    embed(shipped, ["walking", "เดิน"])
    with pytest.raises(ValueError, match=r"reads \['เดิน', 'វិញ'\] as the same tokens"):
        embed(shipped, ["walking", "เดิน", "វិញ"])
    embed(shipped, ["walking", "跑步"])  # in the middle of other words it is still itself


@pytest.mark.parametrize("of", ["tower", "shipped"])
def test_words_the_tower_knows_or_can_piece_together(
    caplog: pytest.LogCaptureFixture, of: str, request: pytest.FixtureRequest
) -> None:
    tower = request.getfixturevalue(of)
    with caplog.at_level(logging.WARNING, "anymo"):
        LabelEmbeddings()(tower, ["go up", "badminton", "gait freezing", "marcher à pied", "!?"])
    assert caplog.messages == []


def test_which_label_an_answer_means(tower: TextTower) -> None:
    labels = ["walking", "playing badminton", "standing still"]
    said = ["Walking.", " playing badminton", "a walk in the park", "stand"]
    embed = LabelEmbeddings()
    with torch.no_grad():
        scores = answered_scores(said, labels, embed(tower, labels), tower(said))
    assert scores.argmax(dim=1).tolist() == [0, 1, 0, 2]
    assert scores[0, 0] == scores[1, 1] == 20.0
    assert (scores.softmax(dim=1).max(dim=1).values[:2] > 0.99).all()
    with torch.no_grad():
        cosine = embed(tower, labels) @ tower([said[2]])[0]
    torch.testing.assert_close(scores[2], 10 * cosine)
