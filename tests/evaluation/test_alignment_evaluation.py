"""Aligned models through the real command, on a language model of a few small layers."""

import json
import runpy
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from anymo import config as configuration
from anymo.align import MotionLanguageModel
from anymo.body import Body
from anymo.data import load_set
from anymo.data.corpus import MotionCorpus
from anymo.data.sampler import DrawConfig, WindowSampler
from anymo.evaluation import aligned_model
from anymo.evaluation.aligned_test_sets import PARTS, logged, run_aligned_test_sets
from anymo.evaluation.alignment import AlignmentEvalConfig, run_alignment_evaluation
from anymo.evaluation.alignment_report import alignment_report
from anymo.evaluation.captioning import (
    METRICS,
    SYSTEMS,
    caption_task,
    captions,
    exchange,
    most_frequent,
    nearest,
    untuned,
)
from anymo.evaluation.held_out import held_out_batch
from anymo.evaluation.language_space import LanguageSpacePipeline
from anymo.evaluation.ledger import model_hash, read_ledger
from anymo.pipeline import AnymoPipeline
from anymo.pipeline.batches import worn_segments
from anymo.records import Recording

REPOSITORY = Path(__file__).resolve().parents[2]
YAML = REPOSITORY / "configs" / "eval" / "alignment.yaml"
DRAW = DrawConfig(window_s=4.0)
TINY = {
    "protocol.sets": "[basic_motions]",
    "protocol.num_captions": "8",
    "protocol.num_neighbours": "12",
    "protocol.num_windows": "8",
    "protocol.pool_size": "4",
    "protocol.num_pools": "2",
    "protocol.max_windows": "1",
    "protocol.num_examples": "3",
    "draw.window_s": "4.0",
}


@pytest.fixture(scope="module")
def aligned(
    small_llama: Path, encoder_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[int], Path]:
    """Model folders that differ in the seed of what the language model was given."""
    from anymo.tokenizer import MotionTokenizer, MotionTokenizerConfig

    torch.manual_seed(0)
    tokenizer = MotionTokenizer(MotionTokenizerConfig(hidden_size=16, codebook_size=16, code_size=4))

    def made(seed: int) -> Path:
        folder = Path(shutil.copytree(encoder_folder, tmp_path_factory.mktemp("aligned") / "model"))
        tokenizer.save_pretrained(folder / "tokenizer")
        torch.manual_seed(seed)
        codes = tokenizer.quantizer.codes
        model = MotionLanguageModel.create(
            str(small_llama), codes, lora_rank=2, embedding_size=8, activities=("walking", "running")
        )
        model.save_pretrained(folder / "language_model")
        return folder

    return made


@pytest.fixture(scope="module")
def models(aligned: Callable[[int], Path]) -> list[Path]:
    return [aligned(1), aligned(3)]


def tiny(models: Sequence[Path], corpus: Path, output: Path, base: Path, **more: str) -> AlignmentEvalConfig:
    own = {"models": f"[{', '.join(map(str, models))}]", "corpus": str(corpus), "output": str(output)}
    every = TINY | own | {"protocol.bertscore": str(base)} | more
    options = [word for name, value in every.items() for word in (f"--{name}", value)]
    return configuration.load(AlignmentEvalConfig, ["--config_path", str(YAML), *options])


def test_two_models_through_the_command(
    models: list[Path],
    corpus_folder: Path,
    small_llama: Path,
    bodies: Sequence[Body],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    own = {"corpus": corpus_folder, "output": tmp_path / "out", "json": tmp_path / "x" / "numbers.json"}
    every = TINY | own | {"protocol.bertscore": small_llama, "models": f"[{models[0]}, {models[1]}]"}
    words = [str(word) for name, value in every.items() for word in (f"--{name}", value)]
    script = REPOSITORY / "eval" / "alignment.py"
    monkeypatch.setattr(sys, "argv", [str(script), "--config_path", str(YAML), *words])
    monkeypatch.setattr(aligned_model, "load_set", lambda name: load_set(name)[::10])  # two of each label
    runpy.run_path(str(script), run_name="__main__")
    assert "untuned language model" in capsys.readouterr().out
    numbers = json.loads((tmp_path / "out" / "alignment.json").read_text())
    assert json.loads((tmp_path / "x" / "numbers.json").read_text()) == numbers
    assert set(numbers["captions"]["scores"]) == set(SYSTEMS)
    assert set(numbers["captions"]["scores"]["model"]) == set(METRICS)
    assert (numbers["captions"]["num_models"], numbers["captions"]["num_windows"]) == (2, 8)
    first = numbers["models"][0]
    assert numbers["command"].startswith("python eval/alignment.py --config_path ")
    said = first["captions"]["scores"]["model"]["cider"]
    assert first["caption_means"]["model"]["cider"] == pytest.approx(np.mean(said))
    spaces = {"encoder alone", "language model's embedding"}
    assert set(first["retrieval"]) == spaces
    routes = {"embedding (encoder alone)", "likelihood", "generate", "language model's embedding"}
    assert set(first["zero_shot"]["basic_motions"]) == routes
    assert len(first["examples"]) == 3
    assert {"Where is the sensor?", "How many sensors are there?"} <= set(first["questions"])
    assert all(row["num"] <= 8 for kind, row in first["questions"].items() if "limb" not in kind)
    real = first["real_captions"]["basic_motions"]
    assert (real["num_recordings"], real["num_labels"]) == (8, 4)
    assert real["frequent"]["accuracy"] == pytest.approx(0.25)  # one sentence, four balanced labels
    assert (tmp_path / "out" / "alignment.md").read_text() == alignment_report(numbers, markdown=True) + "\n"

    def never(*_: object) -> Any:
        pytest.fail("a finished part was done again")

    monkeypatch.setattr(aligned_model.AnymoPipeline, "from_pretrained", never)
    config = tiny(models, corpus_folder, tmp_path / "out", small_llama)
    assert run_alignment_evaluation(config, bodies) == numbers
    kept = next((tmp_path / "out" / "models").iterdir()) / "real_captions.json"
    kept.unlink()
    with pytest.raises(pytest.fail.Exception, match="done again"):
        run_alignment_evaluation(config, bodies)


def test_a_part_is_done_again_for_another_corpus(tiny_corpus: MotionCorpus, tmp_path: Path) -> None:
    model = aligned_model.AlignedModel(
        folder=tmp_path,
        sha256="0",
        output=tmp_path / "out",
        corpus=tiny_corpus,
        bodies=(),
        draw=DRAW,
        protocol=aligned_model.AlignmentProtocol(),
    )
    assert model.finished("part", lambda: {"number": 1}) == {"number": 1}
    assert model.finished("part", lambda: {"number": 2}) == {"number": 1}
    other = replace(model, corpus=replace(tiny_corpus, held_out=~tiny_corpus.held_out))
    assert other.finished("part", lambda: {"number": 2}) == {"number": 2}


def test_the_most_frequent_caption_is_a_sentence() -> None:
    """Phrases of clips that have no sentence, as most captured ones, may be more."""
    captions = (("walking",), ("walking",), ("running", "A person runs."), ("running", "A person runs."))
    corpus = SimpleNamespace(captions=captions, clips=lambda held_out: np.arange(4))
    assert most_frequent(corpus) == "A person runs."  # type: ignore[arg-type]
    corpus.captions = captions[:2] + (("running",),) * 2
    corpus.clips = lambda held_out: np.arange(3)
    assert most_frequent(corpus) == "walking"  # type: ignore[arg-type]


def test_baselines_are_what_they_are_called(
    aligned: Callable[[int], Path], corpus_folder: Path, bodies: Sequence[Body]
) -> None:
    corpus = MotionCorpus.load(corpus_folder)
    held_out = WindowSampler(corpus, bodies, DRAW, held_out=True)
    task = caption_task(held_out, 6, seed=0)
    for clip, references in zip(task.clip, task.references, strict=True):
        assert references == corpus.captions[clip][1:]  # without the phrase
    single = held_out_batch(held_out, 6, seed=0)
    torch.testing.assert_close(single.views[0].signal, task.windows.signal, equal_nan=True)
    training = [corpus.captions[c][1] for c in corpus.clips(held_out=False).tolist()]
    assert training.count(most_frequent(corpus)) == max(map(training.count, training))

    pipe = AnymoPipeline.from_pretrained(aligned(1))
    assert LanguageSpacePipeline.of(pipe).language_model is pipe.language_model
    model, fresh = pipe.language_model, untuned(pipe.language_model, seed=0)
    ids = torch.tensor([model.text_ids("A person walks on a")])
    words = torch.nn.functional.embedding(ids, fresh.language_model.get_input_embeddings().weight)
    torch.testing.assert_close(fresh.embed(ids), words)  # words read as in the base
    again = untuned(model, seed=0)
    torch.testing.assert_close(fresh.motion_embedding.weight, again.motion_embedding.weight)
    assert not torch.equal(fresh.motion_embedding.weight, model.motion_embedding.weight)


def test_the_nearest_neighbour_has_a_sentence(
    encoder_folder: Path, corpus_folder: Path, bodies: Sequence[Body]
) -> None:
    """Each window is its own neighbour; where that one has no sentence, it is the nearest that has one."""
    pipe = AnymoPipeline.from_pretrained(encoder_folder)
    sampler = WindowSampler(MotionCorpus.load(corpus_folder), bodies, DRAW, held_out=False)
    drawn = held_out_batch(sampler, 8, seed=0)
    said = [f"a person does thing {k}" for k in range(8)]
    known = replace(
        drawn,
        texts=tuple((p if k % 2 else t,) for k, (t, p) in enumerate(zip(said, drawn.phrase, strict=True))),
    )
    found = nearest(pipe, known.views[0], known)
    assert [found[k] for k in range(0, 8, 2)] == said[::2]
    assert set(found) <= set(said)
    similarity = pipe.embed_windows(known.views[0]) @ pipe.embed_windows(known.views[0]).T
    assert found == [said[2 * k] for k in similarity[:, ::2].argmax(dim=1).tolist()]


def test_only_the_motion_is_shuffled(
    aligned: Callable[[int], Path],
    corpus_folder: Path,
    bodies: Sequence[Body],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The control's prompts name the sensors of the window that is described, as the model's do."""
    corpus = MotionCorpus.load(corpus_folder)
    training, held_out = (WindowSampler(corpus, bodies, DRAW, held_out=h) for h in (False, True))
    task, pipe = caption_task(held_out, 6, seed=0), AnymoPipeline.from_pretrained(aligned(1))
    asked = list[tuple[torch.Tensor, Sequence[int]]]()
    prompt = pipe.language_model.prompt

    def heard(codes: torch.Tensor, segments: Sequence[int]) -> object:
        asked.append((codes, segments))
        return prompt(codes, segments)

    monkeypatch.setattr(pipe.language_model, "prompt", heard)
    captions(pipe, task, training, num_neighbours=6, seed=0)
    own, control = asked[:6], asked[6:]
    assert len(control) == 6  # the untuned one is another model
    assert [worn for _, worn in control] == [worn for _, worn in own] == worn_segments(task.windows)
    order = exchange(task.clip, np.random.default_rng([0, 31]))
    assert all(torch.equal(codes, own[k][0]) for (codes, _), k in zip(control, order, strict=True))


def test_what_cannot_be_compared_is_refused(
    models: list[Path], corpus_folder: Path, small_llama: Path, bodies: Sequence[Body], tmp_path: Path
) -> None:
    config = tiny(models, corpus_folder, tmp_path, small_llama)
    copy = Path(shutil.copytree(models[0], tmp_path / "copy"))
    with pytest.raises(ValueError, match="the same files twice"):
        run_alignment_evaluation(replace(config, models=(models[0], copy)), bodies)
    shutil.rmtree(copy / "language_model")
    with pytest.raises(FileNotFoundError, match="found no language_model; give a folder"):
        run_alignment_evaluation(replace(config, models=(copy,)), bodies)
    with pytest.raises(ValueError, match="expected different model folders"):
        replace(config, models=())
    with pytest.raises(ValueError, match=r"expected some of .*test sets are run by test_sets alone"):
        replace(config.protocol, sets=("hapt",))
    with pytest.raises(ValueError, match="1 < pool_size <= num_windows"):
        replace(config.protocol, pool_size=9)


def few(name: str) -> list[Recording]:
    return load_set(name)[::16]


def test_an_aligned_model_sees_a_test_set_once(models: list[Path], tmp_path: Path) -> None:
    ledger, sets = tmp_path / "log.jsonl", ["basic_motions"]
    windows = {"embedding": 1, "likelihood": 1, "generate": 1}
    seen: list[int] = []
    for folder in models:
        pipe = AnymoPipeline.from_pretrained(folder)
        found = run_aligned_test_sets(pipe, folder, windows, names=sets, load=few, ledger=ledger)
        assert set(found["basic_motions"]) == set(windows)
        assert 0 <= found["basic_motions"]["generate"]["chance_accuracy"] <= 1
        seen.append(len(read_ledger(ledger)))
    assert seen == [3, 5]  # both have one encoder, which is not run again
    lines = read_ledger(ledger)
    assert lines[0]["sha256"] == model_hash(models[0]) == model_hash(models[1])
    assert [line["sha256"] for line in lines[3:]] == [model_hash(models[1], PARTS)] * 2
    assert np.isfinite([line["accuracy"] for line in lines]).all()
    before = ledger.read_bytes()
    assert run_aligned_test_sets(pipe, models[1], windows, names=sets, load=no_look, ledger=ledger) == found
    assert ledger.read_bytes() == before
    assert logged(models[1], sets, ledger) == found


@pytest.mark.slow
def test_a_run_that_broke_off_measures_what_is_left(models: list[Path], tmp_path: Path) -> None:
    ledger, sets = tmp_path / "log.jsonl", ["basic_motions", "spar"]
    windows = {"embedding": 1, "generate": 1}
    pipe = AnymoPipeline.from_pretrained(models[0])
    whole = run_aligned_test_sets(pipe, models[0], windows, names=sets, load=few, ledger=ledger)
    lines = ledger.read_text().splitlines(keepends=True)
    ledger.write_text("".join(lines[:-1]))  # the last set's answers were not logged
    read: list[str] = []
    again = run_aligned_test_sets(
        pipe, models[0], windows, names=sets, load=lambda name: read.append(name) or few(name), ledger=ledger
    )
    assert read == ["spar"]
    assert again["spar"]["generate"]["accuracy"] == whole["spar"]["generate"]["accuracy"]


def no_look(name: str) -> list[Recording]:
    raise AssertionError(f"{name} was read again")


def test_the_named_configuration_is_whole() -> None:
    import draccus

    loaded = configuration.load(AlignmentEvalConfig, ["--config_path", str(YAML)])
    assert configuration.read_yaml(YAML).keys() == draccus.encode(loaded).keys()
    assert loaded == AlignmentEvalConfig()
