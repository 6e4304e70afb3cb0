"""The four verbs on a tiny untrained model folder with the real text tower; release/ has the real model."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from anymo.pipeline import AnymoPipeline
from anymo.records import Recording, SensorStream
from anymo.skeleton import INDEX
from anymo.tokenizer import MotionTokenizer, MotionTokenizerConfig

LABELS = ["walking", "playing badminton", "standing still"]
LENGTHS_S = (0.6, 1.7, 5.0, 7.4, 12.0)


def recording(duration_s: float, seed: int = 0, rate_hz: float = 50.0, gyro: bool = True) -> Recording:
    rng = np.random.default_rng([seed, 1])
    num = round(duration_s * rate_hz)
    wave = np.cumsum(rng.normal(size=(num, 6)), axis=0) * 0.3
    wrist = SensorStream(
        acc=wave[:, :3] + [0.0, 0.0, 9.8], gyro=wave[:, 3:] if gyro else None, valid=np.ones(num, dtype=bool),
        rate_hz=rate_hz, placement="left wrist", gravity="included",
    )  # fmt: skip
    return Recording(sensors=(wrist,), name=f"try-{seed}")


@pytest.fixture(scope="module")
def pipe(small_model_folder: Path) -> AnymoPipeline:
    return AnymoPipeline.from_pretrained(small_model_folder)


@pytest.fixture
def broken(small_model_folder: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(small_model_folder, tmp_path / "model"))


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def test_embed(pipe: AnymoPipeline) -> None:
    several = [recording(s, seed=k, gyro=k % 2 == 0) for k, s in enumerate(LENGTHS_S)]
    together = pipe.embed(several)
    assert together.shape == (5, 256)
    torch.testing.assert_close(together.norm(dim=1), torch.ones(5))
    for row, one in zip(together, several, strict=True):
        torch.testing.assert_close(pipe.embed(one)[0], row, atol=1e-5, rtol=1e-5)
    assert torch.equal(pipe.embed(several), together)
    with pytest.raises(ValueError, match="expected one recording or more, got none"):
        pipe.embed([])


def said_by(pipe: AnymoPipeline) -> dict[str, torch.Tensor]:
    """What each part has a share in."""
    several = [recording(s, seed=k) for k, s in enumerate((0.6, 5.0))]
    return {
        "embedding": pipe.embed(several),
        "text": pipe.embed_text(LABELS),
        "labels": pipe.embed_labels(LABELS),
        "likelihood": pipe.scores(several, labels=LABELS, route="likelihood"),
    }


def test_half_precision_reaches_every_part(small_model_folder: Path) -> None:
    pipe = AnymoPipeline.from_pretrained(small_model_folder)
    whole, single = said_by(pipe), pipe.language_model
    types = set[torch.dtype]()
    pipe.reader.tokenizer.before.register_forward_hook(lambda _, __, out: types.add(out.dtype))
    half = said_by(pipe.to("cpu", torch.bfloat16))
    assert types == {torch.bfloat16}
    base = pipe.language_model.language_model
    assert {p.dtype for p in base.parameters()} == {torch.bfloat16}
    assert {b.dtype for b in base.buffers()} == {torch.float32}
    assert [len(captions) for captions in pipe.caption([recording(0.6), recording(12.0)])] == [1, 2]
    for name, value in half.items():
        assert value.dtype == torch.float32, name
        assert not torch.equal(value, whole[name]), name
        if name != "likelihood":
            assert float((value * whole[name]).sum(dim=1).min()) > 0.99, name
    torch.testing.assert_close(half["likelihood"], whole["likelihood"], atol=0.02, rtol=0)
    again = said_by(pipe.to("cpu"))
    assert all(torch.equal(value, whole[name]) for name, value in again.items())
    assert pipe.language_model is not single
    with pytest.raises(ValueError, match=r"expected dtype float32, bfloat16 or float16, got torch.int8"):
        pipe.to("cpu", torch.int8)


@pytest.mark.gpu
def test_a_device_reaches_every_part(small_model_folder: Path) -> None:
    pipe = AnymoPipeline.from_pretrained(small_model_folder)
    here = said_by(pipe)
    for name, value in said_by(pipe.to("cuda")).items():
        torch.testing.assert_close(value, here[name], atol=1e-3, rtol=0)
    for part in (pipe.encoder, pipe.text, pipe.reader, pipe.language_model):
        assert {p.device.type for p in part.parameters()} == {"cuda"}
    moved_first = AnymoPipeline.from_pretrained(small_model_folder).to("cuda")
    assert moved_first.language_model.device.type == "cuda"
    assert moved_first.to("cuda", torch.bfloat16).language_model.device.type == "cuda"


@pytest.mark.parametrize("route", ["embedding", "likelihood", "generate"])
def test_classify(pipe: AnymoPipeline, route: str) -> None:
    several = [recording(s, seed=k) for k, s in enumerate((0.6, 12.0))]
    found = pipe.classify(several, labels=LABELS, route=route)
    assert len(found) == 2
    for result in found:
        assert list(result.scores) == LABELS
        assert sum(result.scores.values()) == pytest.approx(1.0)
        assert result.label == max(result.scores, key=result.scores.__getitem__)
    (alone,) = pipe.classify(several[1], labels=LABELS, route=route)
    assert alone.scores == pytest.approx(found[1].scores, abs=1e-4)
    if route == "generate":  # the question names the labels in their order
        return
    (turned,) = pipe.classify(several[1], labels=LABELS[::-1], route=route)
    assert turned.scores == pytest.approx(alone.scores, abs=1e-4)


@pytest.mark.parametrize("route", ["likelihood", "generate"])
def test_labels_in_another_script_are_answered(small_model_folder: Path, route: Any) -> None:
    labels = ["walking", "跑步", "ходьба"]
    (found,) = AnymoPipeline.from_pretrained(small_model_folder).classify(
        recording(1.0), labels=labels, route=route
    )
    assert set(found.scores) == set(labels)
    assert sum(found.scores.values()) == pytest.approx(1.0)


@pytest.mark.parametrize("route", ["embedding", "likelihood", "generate"])
def test_a_stream_has_the_labels_of_its_windows(small_model_folder: Path, route: Any) -> None:
    pipe, labels = AnymoPipeline.from_pretrained(small_model_folder), ["walking", "running"]
    watch = recording(15.0)
    found = list(pipe.stream(watch, labels=labels, route=route))
    assert (found[0].start_s, found[-1].end_s) == (0.0, 15.0)
    (windows, starts), *more = pipe.windows(watch)
    assert not more
    scores = pipe.window_scores(windows, labels, route)
    expected = [labels[k] for k in scores.argmax(dim=1).tolist()]
    said = [next(s.label for s in found if s.start_s <= t < s.end_s) for t in starts]
    assert said == expected


def test_what_is_said_anyway_is_found_once_for_a_label_and_place(
    pipe: AnymoPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, asked = pipe.language_model, list[tuple[list[str], Sequence[int]]]()
    prior = model.prior

    def spied(answers: list[str], segments: Sequence[int]) -> torch.Tensor:
        asked.append((answers, segments))
        return prior(answers, segments)

    monkeypatch.setattr(model, "prior", spied)
    for labels in (["hopping", "skipping"], ["skipping", "crawling"]):
        scores = pipe.scores(recording(0.6), labels=labels, route="likelihood")
    wrist = (INDEX["LeftForeArm"],)
    assert asked == [([" hopping.", " skipping."], wrist), ([" crawling."], wrist)]
    (batch, _) = next(pipe.windows(recording(0.6)))
    (codes,), said = pipe.reader(batch), [" skipping.", " crawling."]
    own = model.log_likelihood([model.prompt(codes, wrist)], said)
    torch.testing.assert_close(scores, own - prior(said, wrist), atol=1e-4, rtol=1e-4)


def test_what_is_said_anyway_is_found_again_for_other_weights(small_model_folder: Path) -> None:
    def changed(pipe: AnymoPipeline) -> AnymoPipeline:
        with torch.no_grad():
            pipe.language_model.motion_embedding.bias.add_(1.0)
        return pipe

    def scores(pipe: AnymoPipeline) -> torch.Tensor:
        return pipe.scores(recording(0.6), labels=LABELS, route="likelihood")

    used = AnymoPipeline.from_pretrained(small_model_folder)
    before = scores(used)
    fresh = changed(AnymoPipeline.from_pretrained(small_model_folder))
    assert not torch.allclose(scores(changed(used)), before, atol=1e-5)
    assert torch.equal(scores(used), scores(fresh))


def test_an_answer_has_room_for_the_longest_label(
    small_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that says the first label word for word, as far as it may, is understood."""
    pipe = AnymoPipeline.from_pretrained(small_model_folder)
    model, long = pipe.language_model, " and ".join(f"hopping on leg number {k}" for k in range(9))
    said = model.text_ids(f" {long}.")
    assert len(said) > 40

    def parrot(prompts: Sequence[object], *, max_new_tokens: int) -> list[str]:
        return [model.text_tokenizer.decode(said[:max_new_tokens]).strip()] * len(prompts)

    monkeypatch.setattr(model, "generate", parrot)
    labels = [long, long.removesuffix(" 8"), "walking"]
    (found,) = pipe.classify(recording(0.6), labels=labels, route="generate")
    assert found.label == long
    assert found.scores[long] > 0.99


def test_retrieve(pipe: AnymoPipeline) -> None:
    texts = ["a person walks", "a person runs", "someone waves", "a jump"]
    found = pipe.retrieve([recording(3.0), recording(3.0, seed=1)], texts, top=3)
    assert [len(matches) for matches in found] == [3, 3]
    scores = [m.score for m in found[0]]
    assert scores == sorted(scores, reverse=True)
    expected = pipe.embed(recording(3.0)) @ pipe.embed_text(texts).T
    assert [m.index for m in found[0]] == expected[0].argsort(descending=True)[:3].tolist()
    assert len(pipe.retrieve(recording(3.0), texts, top=99)[0]) == 4
    with pytest.raises(ValueError, match="expected a list of sentences, none empty"):
        pipe.retrieve(recording(3.0), [])
    with pytest.raises(ValueError, match="top: expected 1 or more, got 0"):
        pipe.retrieve(recording(3.0), texts, top=0)


def test_caption(pipe: AnymoPipeline) -> None:
    (short,), long = pipe.caption([recording(0.6), recording(12.0)])
    assert (short.start_s, short.end_s) == pytest.approx((0.0, 0.6), abs=0.06)
    assert [c.start_s for c in long] == pytest.approx([0.0, 5.0])
    assert all(isinstance(c.text, str) for c in long)


@pytest.mark.parametrize(
    ("labels", "word"),
    [
        (["walking"], "two or more different phrases"),
        ([], "two or more different phrases"),
        (["walking", " "], r"empty at \[1\]"),
        (["walking", "running", "walking"], r"given twice: \['walking'\]"),
        ("walking", "got one string 'walking'; put them in a list"),
    ],
)
def test_labels_that_cannot_be_told_apart(pipe: AnymoPipeline, labels: list[str], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        pipe.classify(recording(1.0), labels=labels)


def test_unknown_route(pipe: AnymoPipeline) -> None:
    with pytest.raises(
        ValueError, match=r"route: expected one of \('embedding', 'likelihood', 'generate'\), got 'magic'"
    ):
        pipe.classify(recording(1.0), labels=LABELS, route="magic")


def test_ask(pipe: AnymoPipeline) -> None:
    said = pipe.ask([recording(0.6), recording(12.0)], "which arm is it,  left or right", max_windows=2)
    assert [type(answer) for answer in said] == [str, str]
    with pytest.raises(ValueError, match="expected a question in words, got an empty one"):
        pipe.ask(recording(1.0), " ")
    with pytest.raises(ValueError, match="one that the language model was taught, got 'Did they fall"):
        pipe.ask(recording(1.0), "Did they fall?")
    assert pipe.ask(recording(1.0), "Did they fall?", untaught=True)


def test_a_folder_has_no_revision(model_folder: Path) -> None:
    with pytest.raises(ValueError, match="is a folder here, which has no revision 'v1'; leave it out"):
        AnymoPipeline.from_pretrained(model_folder, "v1")


@pytest.mark.parametrize("part", ["encoder", "text", "tokenizer"])
def test_a_missing_part_is_named(broken: Path, part: str) -> None:
    shutil.rmtree(broken / part)
    with pytest.raises(FileNotFoundError, match=f"{part}/config.json"):
        AnymoPipeline.from_pretrained(broken)


@pytest.mark.parametrize("part", ["encoder", "text", "tokenizer"])
def test_an_unreadable_checkpoint_is_an_error_with_a_remedy(broken: Path, part: str) -> None:
    truncate(broken / part / "model.safetensors")
    with pytest.raises(ValueError, match=r"a checkpoint cannot be read.*make it again"):
        AnymoPipeline.from_pretrained(broken)


@pytest.mark.parametrize("part", ["encoder", "text", "tokenizer"])
def test_weights_in_a_pickle_are_not_read(broken: Path, part: str) -> None:
    weights = broken / part / "model.safetensors"
    torch.save(load_file(weights), broken / part / "pytorch_model.bin")
    weights.unlink()
    with pytest.raises(ValueError, match=r"a checkpoint cannot be read.*model\.safetensors.*make it again"):
        AnymoPipeline.from_pretrained(broken)


def test_an_adapter_in_a_pickle_is_not_read(broken: Path) -> None:
    weights = broken / "language_model" / "adapter" / "adapter_model.safetensors"
    torch.save(load_file(weights), weights.with_name("adapter_model.bin"))
    weights.unlink()
    with pytest.raises(FileNotFoundError, match=r"expected .*adapter_model\.safetensors; give a folder"):
        AnymoPipeline.from_pretrained(broken).caption(recording(1.0))


def test_a_device_that_is_not_here(pipe: AnymoPipeline) -> None:
    for device in ("cuda:99", "abacus"):
        with pytest.raises(ValueError, match=f"expected one that is here, got {device} .*; try cpu"):
            pipe.to(device)
    assert pipe.embed(recording(1.0)).device.type == "cpu"  # and is where it was


def test_an_unreadable_language_model(broken: Path) -> None:
    truncate(broken / "language_model" / "adapter" / "adapter_model.safetensors")
    pipe = AnymoPipeline.from_pretrained(broken)
    assert pipe.embed(recording(1.0)).shape == (1, 256)  # all else still works
    with pytest.raises(ValueError, match=r"language_model: a checkpoint cannot be read"):
        pipe.caption(recording(1.0))
    shutil.rmtree(broken / "language_model")
    with pytest.raises(FileNotFoundError, match=r"train/align\.py"):
        pipe.caption(recording(1.0))


def test_a_base_that_is_another_or_gone(broken: Path) -> None:
    file = broken / "language_model" / "alignment.json"
    facts = json.loads(file.read_text())
    file.write_text(json.dumps(facts | {"shape": facts["shape"] | {"hidden_size": 960}}))
    with pytest.raises(ValueError, match=r"^language model .*adapter is for .*960.*with train/align\.py$"):
        AnymoPipeline.from_pretrained(broken).caption(recording(1.0))
    file.write_text(json.dumps(facts | {"base": "/gone/away"}))
    with pytest.raises(FileNotFoundError, match=r"none at /gone/away; give the folder .*base=\.\.\."):
        AnymoPipeline.from_pretrained(broken).caption(recording(1.0))
    moved = AnymoPipeline.from_pretrained(broken, base=facts["base"])
    assert moved.language_model.base == facts["base"]


def test_a_language_model_of_another_tokenizer(broken: Path) -> None:
    torch.manual_seed(1)
    shape = MotionTokenizerConfig(hidden_size=32, codebook_size=16, code_size=4)
    MotionTokenizer(shape).save_pretrained(broken / "tokenizer")
    with pytest.raises(ValueError, match="aligned with another tokenizer"):
        AnymoPipeline.from_pretrained(broken).caption(recording(1.0))
