"""What is taught: the draw of tasks, what is asked and answered, and the losses of parts and of all."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from align_toy import CHEST, CORPUS, EVEN, KNEE, WRIST, Reader, Sampler, exercises
from torch.nn import functional as F

from anymo import body
from anymo.align import MotionLanguageModel
from anymo.align.questions import HOW_FAST, HOW_MANY, WHERE, WHICH_SIDE, questions
from anymo.data.corpus import MotionCorpus
from anymo.data.sampler import DrawConfig, SimulatedBatch, WindowSampler
from anymo.encoders.losses import multi_positive_contrastive
from anymo.training.align import AlignTask, ContrastiveAlignTask, task_losses
from anymo.training.align_config import AlignConfig, ContrastConfig
from anymo.training.align_tasks import TASKS, AlignBatch, Exercise, Exercises, TaskMix, posed
from anymo.training.engine import OptimConfig
from anymo.training.gather import cached


def test_every_task_gets_its_share_of_every_batch() -> None:
    source = exercises(EVEN)
    for seed in range(5):
        drawn = source(16, np.random.default_rng(seed)).exercises
        assert Counter(e.task for e in drawn) == Counter({name: 2 * getattr(EVEN, name) for name in TASKS})
    few = [e.task for seed in range(400) for e in source(3, np.random.default_rng(seed)).exercises]
    for name, count in Counter(few).items():
        assert count / len(few) == pytest.approx(EVEN.shares[name], abs=0.04)


def test_a_draw_is_a_function_of_its_generator() -> None:
    one, two = (exercises(EVEN)(8, np.random.default_rng(4)).exercises for _ in range(2))
    assert one == two


def test_the_demo_is_taught_activity_and_sentence() -> None:
    batch = exercises(TaskMix())(6, np.random.default_rng(0))
    for e, phrase, (text,) in zip(batch.exercises, batch.windows.phrase, batch.windows.texts, strict=True):
        assert (e.task, e.instruction) == ("caption", None)
        assert e.answer == f" {phrase}. Description: {text}"


def test_choices_hold_the_answer_once_and_no_synonym_of_it() -> None:
    batch = exercises(TaskMix(caption=0, choice=1))(200, np.random.default_rng(0))
    orders = set()
    for exercise, phrase in zip(batch.exercises, batch.windows.phrase, strict=True):
        listed = exercise.instruction.removeprefix("Which of these is it: ").removesuffix("?").split("; ")
        names = {"running"} if phrase == "running" else {"walking", "strolling"}
        assert exercise.answer[1:-1] in names
        assert [name for name in listed if name in names] == [exercise.answer[1:-1]]
        assert len(set(listed)) == len(listed) >= 2
        orders.add((phrase, *listed))
    for first in (("running", "walking"), ("walking", "running"), ("strolling", "running")):
        assert ("walking", *first) in orders


def test_an_activity_goes_by_all_its_names_and_begins_a_caption(
    aligned: Callable[..., MotionLanguageModel],
) -> None:
    batch, model, codes = batch_of(TaskMix(caption=0, activity=1), 60, 0), aligned(), torch.zeros(2, 2).long()
    said = set(zip(batch.windows.phrase, (e.answer for e in batch.exercises), strict=True))
    either = {(p, f" {name}.") for p in ("walking", "strolling") for name in ("walking", "strolling")}
    assert said == either | {("running", " running.")}

    class Unsaid(Sampler):
        def batch(self, *args: Any, **kwargs: Any) -> SimulatedBatch:
            made = super().batch(*args, **kwargs)
            return replace(made, texts=tuple((p,) for p in made.phrase))

    unsaid = Exercises(Unsaid(), CORPUS, TaskMix())(9, np.random.default_rng(0))  # type: ignore[arg-type]
    phrases = unsaid.windows.phrase
    assert unsaid.exercises == tuple(Exercise("caption", f" {p}.", is_whole=False) for p in phrases)
    prompt, ids = posed(model, batch.exercises[0], codes, [WRIST])
    caption, whole = posed(
        model, Exercise("caption", f"{batch.exercises[0].answer} Description: A."), codes, [WRIST]
    )
    assert prompt == caption == model.prompt(codes, [WRIST])
    assert ids == whole[: len(ids)]
    assert whole[-1] == model.text_tokenizer.eos_token_id not in ids


def test_questions_are_of_what_is_known() -> None:
    asked = {q.text: q.answer for q in questions([WRIST, KNEE], ["waving", "Someone waves."])}
    assert asked == {WHERE: "left wrist and left shank", HOW_MANY: "two", WHICH_SIDE: "left"}
    asked = {q.text: q.answer for q in questions([WRIST, CHEST], ["He walks Slowly.", "A slow walk."])}
    assert asked == {WHERE: "left wrist and chest", HOW_MANY: "two", HOW_FAST: "slow"}
    both = ["He walks slowly, then quickly.", "He waves the left hand with a right arm.", "The right hand."]
    asked = {q.text: q.answer for q in questions([CHEST], both)}
    assert asked == {WHERE: "chest", HOW_MANY: "one", "Which arm is it, left or right?": "right"}


def test_what_the_prompt_would_tell_is_asked_with_and_without() -> None:
    batch = exercises(TaskMix(caption=0, question=1))(200, np.random.default_rng(0))
    told = Counter((e.instruction, e.is_placed) for e in batch.exercises)
    for question in (WHERE, HOW_MANY):
        assert told[f"Question: {question}", True] > 5
        assert told[f"Question: {question}", False] > 5
    assert told[f"Question: {HOW_FAST}", False] == 0


def test_a_mix_that_cannot_be() -> None:
    with pytest.raises(ValueError, match=r"mix: expected weights of 0 or more, got .*set those below to 0"):
        TaskMix(choice=-1)
    optim = OptimConfig(steps=30, batch_size=16, micro_batches=2)
    with pytest.raises(ValueError, match=r"a window of the 8 .*'question'.*optim.batch_size"):
        AlignConfig(mix=TaskMix(caption=9, question=1), optim=optim)
    blocks_of_7 = OptimConfig(steps=30, batch_size=14, block_size=8)
    with pytest.raises(ValueError, match=r"a window of the 7 .*'question'.*optim.block_size that divides"):
        AlignConfig(mix=TaskMix(caption=7, question=1), optim=blocks_of_7)
    with pytest.raises(ValueError, match=r"mix, contrast: expected a weight above 0.*mix.caption to 1"):
        AlignConfig(mix=TaskMix(caption=0))
    AlignConfig(mix=TaskMix(caption=0), contrast=ContrastConfig(text=1))
    alone = OptimConfig(steps=30, batch_size=1)
    with pytest.raises(ValueError, match=r"optim.batch_size: expected 2 or more.* got 1; .*micro_batches"):
        AlignConfig(contrast=ContrastConfig(label=0.5), optim=alone)
    AlignConfig(optim=alone)
    for draw in (DrawConfig(complete=True), DrawConfig(num_targets=2)):
        with pytest.raises(ValueError, match=r"draw: expected complete false and num_targets 0.*set them so"):
            AlignConfig(draw=draw)
    with pytest.raises(ValueError, match=r"contrast: expected weights of 0 or more"):
        ContrastConfig(text=-1)
    one = SimpleNamespace(captions=(("walking",),) * 3, synonyms=((),) * 3)
    with pytest.raises(ValueError, match=r"corpus of two activities or more, got \['walking'\]"):
        Exercises(Sampler(), one, TaskMix(choice=1))  # type: ignore[arg-type]


def test_tasks_count_by_their_windows_not_by_their_tokens() -> None:
    losses = torch.tensor([[4.0, 2.0], [2.0, 1.0], [30.0, 10.0], [6.0, 6.0]])
    task = torch.tensor([0, 0, 4, 0])
    loss, logs = task_losses({"losses": losses, "task": task})
    assert logs == {"caption": pytest.approx(12 / 9), "motion": pytest.approx(3.0)}
    assert float(loss) == pytest.approx(0.75 * 12 / 9 + 0.25 * 3)


def batch_of(mix: TaskMix, size: int, seed: int) -> AlignBatch:
    return exercises(mix)(size, np.random.default_rng(seed))


def test_every_exercise_is_posed_as_it_is_used(aligned: Callable[..., MotionLanguageModel]) -> None:
    model, batch = aligned(), batch_of(EVEN, 16, 0)
    codes = Reader()(batch.windows.views[0])
    for exercise, own in zip(batch.exercises, codes, strict=True):
        prompt, answer = posed(model, exercise, own, [WRIST])
        motion = exercise.task in ("motion", "text_to_motion")
        assert (answer[-1] == model.vocabulary.eos) == motion
        assert (prompt.ids[-1] == model.vocabulary.bos) == motion
        whole = [*prompt.ids, *answer]
        begin = whole.index(model.vocabulary.bos)
        assert torch.equal(model.vocabulary.codes(whole[begin : begin + 2 * len(own) + 2]), own)
        words = model.text_tokenizer.decode([i for i in prompt.ids if i < model.vocabulary.first])
        assert ("left wrist" in words) == exercise.is_placed
        assert (exercise.task == "text_to_motion") == words.startswith(("A person", "Someone"))


def test_both_kinds_of_loss_go_through_one_cache(aligned: Callable[..., MotionLanguageModel]) -> None:
    """Gradients of two parts with cotangents are those of the loss over all windows at once."""
    torch.manual_seed(0)
    model = aligned(embedding_size=6)
    task = ContrastiveAlignTask(Reader(), model, ContrastConfig(text=1, label=0.5))  # type: ignore[arg-type]
    parts = [batch_of(EVEN, 8, seed) for seed in (0, 1)]
    trained = [p for p in task.parameters() if p.requires_grad]
    rows = [task.represent(part) for part in parts]
    whole = task.score({key: torch.cat([r[key] for r in rows]) for key in rows[0]})
    expected = torch.autograd.grad(whole.loss, trained)
    output, cotangents = cached(task, parts, torch.device("cpu"))
    assert output.loss.item() == pytest.approx(whole.loss.item(), rel=1e-5)
    assert set(output.logs) == {*TASKS, "imu_text", "imu_label", "temperature"}
    for part, cotangent in zip(parts, cotangents, strict=True):
        task(part, cotangent).loss.backward()
    for parameter, gradient in zip(trained, expected, strict=True):
        assert parameter.grad is not None
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-3, atol=1e-5)
        assert gradient.any()


def test_contrast_has_all_of_a_caption_as_positives(aligned: Callable[..., MotionLanguageModel]) -> None:
    model = aligned(embedding_size=6)
    task = ContrastiveAlignTask(Reader(), model, ContrastConfig(text=1))  # type: ignore[arg-type]
    made = task.represent(batch_of(TaskMix(caption=0), 5, 0))
    assert set(made) == {"log_scale", "real", "motion", "text", "text_id"}
    made = {key: tensor.detach() for key, tensor in made.items()}
    same = made["text_id"][:, None] == made["text_id"]
    first = [int(row.int().argmax()) for row in same]
    distinct = sorted(set(first))
    similarity = (made["motion"] @ made["text"].T)[:, distinct]
    expected = multi_positive_contrastive(similarity, same[:, distinct], 1 / 0.07)
    torch.testing.assert_close(task.score(made).loss, expected)


def test_captured_and_generated_windows_are_not_contrasted(
    aligned: Callable[..., MotionLanguageModel],
) -> None:
    """The loss of both is the mean of that of each alone."""
    torch.manual_seed(0)
    task = ContrastiveAlignTask(Reader(), aligned(embedding_size=6), ContrastConfig(text=1))  # type: ignore[arg-type]
    made = {
        "log_scale": task.log_scale.detach().expand(6, 1),
        "real": torch.tensor([True, False] * 3),
        "motion": F.normalize(torch.randn(6, 6), dim=1),
        "text": F.normalize(torch.randn(6, 6), dim=1),
        "text_id": torch.arange(6),
    }
    own = [task.score({k: t[made["real"] == kind] for k, t in made.items()}).loss for kind in (True, False)]
    torch.testing.assert_close(task.score(made).loss, torch.stack(own).mean())


@torch.no_grad()
def test_embeddings_are_unit_and_padding_is_not_read(
    aligned: Callable[..., MotionLanguageModel], codes: list[torch.Tensor]
) -> None:
    model = aligned("gpt2", embedding_size=6)
    prompts = [model.prompt(c, [WRIST]) for c in codes]
    motion, texts = model.embed_motion(prompts), model.embed_texts(["walking", "a person runs along"])
    assert motion.shape == (3, 6)
    assert texts.shape == (2, 6)
    torch.testing.assert_close(motion.norm(dim=1), torch.ones(3))
    torch.testing.assert_close(motion[1:2], model.embed_motion(prompts[1:2]), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(texts[:1], model.embed_texts(["walking"]), atol=1e-5, rtol=1e-5)
    assert not torch.allclose(model.embed_texts(["a"]), model.embed_motion([prompts[1]]), atol=1e-2)
    model.language_model.to(torch.bfloat16)  # as a quantised base computes
    assert ((model.embed_motion(prompts) * motion).sum(dim=1) > 0.95).all()


@torch.no_grad()
def test_rows_of_alike_lengths_lose_as_each_alone(aligned: Callable[..., MotionLanguageModel]) -> None:
    """Twenty rows of every task, in three runs through the model, come back in their own order."""
    model, batch = aligned(), batch_of(EVEN, 20, 5)
    codes = Reader()(batch.windows.views[0])
    pairs = [posed(model, e, c, [WRIST]) for e, c in zip(batch.exercises, codes, strict=True)]
    alone = torch.cat([model.losses([prompt], [ids]) for prompt, ids in pairs])
    together = model.losses(*zip(*pairs, strict=True))
    torch.testing.assert_close(together, alone, atol=1e-3, rtol=1e-4)


def test_prompts_carry_no_loss(aligned: Callable[..., MotionLanguageModel]) -> None:
    """Another wording of what is not answered changes no count, and its tokens are not scored."""
    model = aligned()
    task, batch = AlignTask(Reader(), model), batch_of(EVEN, 8, 3)  # type: ignore[arg-type]
    codes = Reader()(batch.windows.views[0])
    made = task.answers(batch, codes, [[WRIST]] * 8)
    for exercise, own, (_, num) in zip(batch.exercises, codes, made["losses"].tolist(), strict=True):
        _, answer = posed(model, exercise, own, [WRIST])
        assert num == len(answer)


def test_real_windows_make_exercises(tiny_corpus: MotionCorpus) -> None:
    sampler = WindowSampler(tiny_corpus, [body.load()], DrawConfig(window_s=2.0), held_out=False)
    source = Exercises(sampler, tiny_corpus, TaskMix(caption=1, question=1))
    one, two = (source(4, np.random.default_rng(k)) for k in range(2))
    both = AlignBatch.joined([one, two]).to("cpu")
    assert both.exercises == one.exercises + two.exercises
    assert len(both) == 8
