"""The real language model: what the adapter leaves alone, how answers are scored, what is saved."""

from collections.abc import Callable

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from anymo.align import MotionLanguageModel, MotionVocabulary
from anymo.align.model import MotionPrompt
from anymo.align.prompts import worn_on
from anymo.skeleton import INDEX

BASE = "smollm2-135m-instruct"
ANSWERS = ["walking", "playing badminton in a hall", "standing"]


def new_model(folder: str) -> MotionLanguageModel:
    torch.manual_seed(0)
    return MotionLanguageModel.create(folder, torch.randn(2, 16, 8), lora_rank=4).eval()


@pytest.fixture(scope="module")
def model(asset: Callable) -> MotionLanguageModel:
    return new_model(str(asset(BASE)))


def prompts_of(model: MotionLanguageModel) -> list[MotionPrompt]:
    """Three motions of different lengths, so that padding matters."""
    g = torch.Generator().manual_seed(1)
    codes = [torch.randint(16, (length, 2), generator=g) for length in (10, 1, 4)]
    wrist, hip = INDEX["LeftForeArm"], INDEX["Pelvis"]
    return [
        model.prompt(codes[0], [wrist]),
        model.prompt(codes[1], [hip, wrist]),
        model.prompt(codes[2], [hip]),
    ]


def teacher_forced(
    model: MotionLanguageModel, prompt: MotionPrompt, answer: str, *, ended: bool
) -> torch.Tensor:
    """Log-probability of every token of an answer: one row, no padding, no cache, all logits."""
    own = model.text_tokenizer(answer)["input_ids"] + [model.text_tokenizer.eos_token_id] * ended
    ids = torch.tensor([[*prompt.ids, *own]])
    logits = model.language_model(inputs_embeds=model.embed(ids)).logits[0].float()
    scores = logits.log_softmax(dim=-1)
    return torch.stack([scores[len(prompt.ids) + k - 1, token] for k, token in enumerate(own)])


@torch.no_grad()
def test_text_reads_as_in_the_base_model(model: MotionLanguageModel, asset: Callable) -> None:
    base = AutoModelForCausalLM.from_pretrained(asset(BASE), dtype=torch.float32).eval()
    ids = torch.tensor([model.text_tokenizer("The person on the left is running after")["input_ids"]])
    ours = model.language_model(inputs_embeds=model.embed(ids)).logits
    assert torch.equal(ours, base(ids).logits)
    assert ours.shape[-1] == model.vocabulary.first


@torch.no_grad()
def test_motion_ids_get_their_own_embeddings(model: MotionLanguageModel) -> None:
    v, table = model.vocabulary, model.motion_embedding()
    ids = torch.tensor([[5, v.bos, v.first + 2 + 16 + 3, v.eos]])
    text, *motion = model.embed(ids)[0]
    assert torch.equal(text, model.language_model.get_input_embeddings().weight[5])
    torch.testing.assert_close(torch.stack(motion), table[[0, 2 + 16 + 3, 1]])


@torch.no_grad()
def test_loss_is_that_of_the_answers_alone(model: MotionLanguageModel) -> None:
    prompts = prompts_of(model)
    scores = torch.cat(
        [teacher_forced(model, p, a, ended=True) for p, a in zip(prompts, ANSWERS, strict=True)]
    )
    torch.testing.assert_close(model(prompts, ANSWERS), -scores.mean(), atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_scores_with_shared_cache_against_one_by_one(model: MotionLanguageModel) -> None:
    prompts = prompts_of(model)
    fast = model.log_likelihood(prompts, ANSWERS)
    slow = torch.stack(
        [torch.stack([teacher_forced(model, p, a, ended=False).mean() for a in ANSWERS]) for p in prompts]
    )
    torch.testing.assert_close(fast, slow, atol=1e-4, rtol=0)
    alone = model.log_likelihood(prompts[1:2], ANSWERS[:1])
    torch.testing.assert_close(fast[1:2, :1], alone, atol=1e-4, rtol=0)


@torch.no_grad()
def test_generation_is_greedy_and_stops(model: MotionLanguageModel) -> None:
    prompts = prompts_of(model)
    texts = model.generate(prompts, max_new_tokens=6)
    assert len(texts) == 3
    ids = list(prompts[1].ids)
    for _ in range(6):
        token = int(
            model.language_model(inputs_embeds=model.embed(torch.tensor([ids]))).logits[0, -1].argmax()
        )
        ids.append(token)
        if token == model.text_tokenizer.eos_token_id:
            break
    expected = model.text_tokenizer.decode(ids[len(prompts[1].ids) :], skip_special_tokens=True).strip()
    assert texts[1] == expected
    assert all("<|" not in t for t in texts)


def test_vocabulary_is_a_bijection() -> None:
    vocabulary = MotionVocabulary(first=100, num_groups=2, codebook_size=5)
    assert len(vocabulary) == 12
    codes = torch.tensor([[0, 0], [4, 4], [2, 3]])
    ids = vocabulary.ids(codes)
    assert ids == [100, 102, 107, 106, 111, 104, 110, 101]
    assert torch.equal(vocabulary.codes(ids), codes)
    assert vocabulary.names(ids[:3] + ids[-1:]) == "<imu_bos><imu_0000><imu_0005><imu_eos>"
    every = torch.cartesian_prod(torch.arange(5), torch.arange(5))
    flat = vocabulary.ids(every)[1:-1]
    assert set(flat) == set(range(102, 112))
    assert torch.equal(vocabulary.codes(vocabulary.ids(every)), every)


@pytest.mark.parametrize("codes", [torch.full((3, 2), 16), torch.full((3, 2), -1), torch.zeros(3, 3).long()])
def test_codes_of_another_tokenizer_are_refused(model: MotionLanguageModel, codes: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="use the tokenizer the model was aligned with"):
        model.prompt(codes, [0])


def test_places_read_as_people_say_them() -> None:
    assert worn_on([INDEX["LeftForeArm"], INDEX["Head"]]) == "left wrist and head"
    assert worn_on([INDEX["Pelvis"], INDEX["Pelvis"]]) == "hip"


@torch.no_grad()
def test_fit_brings_codes_to_their_words(asset: Callable) -> None:
    model = new_model(str(asset(BASE)))
    table = model.language_model.get_input_embeddings().weight
    words = table[torch.randint(len(table), (16,))]
    codes = torch.randint(16, (500, 2))
    target = (words[codes[:, 0]] + words[codes[:, 1]]) / 2

    def distance() -> float:
        rows = model.motion_embedding()[2:].unflatten(0, (2, 16))
        mean = (rows[0][codes[:, 0]] + rows[1][codes[:, 1]]) / 2
        return float((mean - target).norm(dim=1).mean())

    before = distance()
    model.motion_embedding.fit(codes, target)
    assert distance() < 0.7 * before


def test_what_was_learnt_is_in_the_saved_file(asset: Callable, tmp_path) -> None:
    model = new_model(str(asset(BASE))).train()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    prompts, losses = prompts_of(model), []
    for _ in range(2):
        optimizer.zero_grad()
        loss = model(prompts, ANSWERS)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[1] < losses[0]
    model.eval().save_pretrained(tmp_path)
    saved = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    lora_b = {n: t for n, t in saved.items() if "lora_B" in n}
    assert len(lora_b) == 30 * 7
    assert all(t.any() for t in lora_b.values())
    assert not any("embed_tokens" in n for n in saved)  # the base comes from its own asset
    again = MotionLanguageModel.from_pretrained(tmp_path)
    assert again.vocabulary == model.vocabulary
    scores = model.log_likelihood(prompts, ANSWERS)  # the adapter beside the weights, then in them
    torch.testing.assert_close(again.log_likelihood(prompts, ANSWERS), scores, atol=1e-3, rtol=0)


@pytest.mark.slow
@torch.no_grad()
def test_merged_smollm_captions_from_the_same_string(asset: Callable, tmp_path) -> None:
    model = new_model(str(asset(BASE)))
    for name, parameter in model.language_model.named_parameters():
        if "lora_B" in name:
            parameter.normal_(std=0.02)
    prompt = prompts_of(model)[0]
    model.save_merged(tmp_path)
    plain, tokenizer = AutoModelForCausalLM.from_pretrained(tmp_path), AutoTokenizer.from_pretrained(tmp_path)
    first, last = prompt.ids.index(model.vocabulary.bos), prompt.ids.index(model.vocabulary.eos) + 1
    before, after = (model.text_tokenizer.decode(i) for i in (prompt.ids[:first], prompt.ids[last:]))
    text = before + model.vocabulary.names(list(prompt.ids[first:last])) + after
    inputs = tokenizer(text, return_tensors="pt", return_token_type_ids=False)
    assert inputs["input_ids"].shape[1] == len(prompt.ids)
    out = plain.generate(**inputs, max_new_tokens=12)[0, len(prompt.ids) :]
    (said,) = model.generate([prompt], max_new_tokens=12)
    assert tokenizer.decode(out, skip_special_tokens=True).strip() == said
    assert said


def test_an_empty_folder_is_no_model(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match=r"alignment.json; give a folder written by train/align.py"):
        MotionLanguageModel.from_pretrained(tmp_path)
