"""What holds for every decoder of transformers: adapter, scores, generation, merging, errors."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from anymo.align import MotionLanguageModel
from anymo.align.base import load_base
from anymo.align.model import MotionPrompt
from anymo.align.prompts import choice
from anymo.tokenizer import MotionTokenizer, MotionTokenizerConfig

Make = Callable[..., MotionLanguageModel]
EVERY = ("llama", "qwen2", "gpt_neox", "gpt2", "gemma2")
LINEAR = {"llama": 7, "qwen2": 7, "gpt_neox": 4, "gpt2": 4, "gemma2": 7}  # maps of one layer
ANSWERS = [" a", " walking.", " walking up.", " wal", " standing still."]  # some begin others


def prompts_of(model: MotionLanguageModel, codes: list[torch.Tensor]) -> list[MotionPrompt]:
    return [model.prompt(c, [k]) for k, c in enumerate(codes)]


def teacher_forced(model: MotionLanguageModel, prompt: MotionPrompt, own: list[int]) -> torch.Tensor:
    """Log-probability of every token of an answer in words: one row, no padding, no cache."""
    ids = torch.tensor([[*prompt.ids, *own]])
    logits = model.language_model(inputs_embeds=model.embed(ids)).logits[0].float()
    scores = logits.log_softmax(dim=-1)
    return torch.stack([scores[len(prompt.ids) + k - 1, token] for k, token in enumerate(own)])


@pytest.mark.parametrize("architecture", EVERY)
def test_adapter_is_on_every_linear_map_but_the_head(architecture: str, aligned: Make) -> None:
    model = aligned(architecture, is_fresh=True)
    names = [name for name, p in model.language_model.named_parameters() if p.requires_grad]
    assert len([n for n in names if "lora_B" in n]) == 2 * LINEAR[architecture]
    assert all("lora_" in name for name in names)
    assert not any(head in name for name in names for head in ("lm_head", "embed_out"))


@pytest.mark.parametrize("architecture", EVERY)
@torch.no_grad()
def test_old_words_keep_their_logits_when_motion_is_appended(
    architecture: str, aligned: Make, base: Callable[[str], str]
) -> None:
    plain = AutoModelForCausalLM.from_pretrained(base(architecture), dtype=torch.float32).eval()
    model = aligned(architecture, is_fresh=True)
    ids = torch.tensor([model.text_ids("The person on the left runs")])
    logits, old = model.logits(ids), plain(ids).logits
    assert logits.shape[-1] == old.shape[-1] + len(model.vocabulary)
    torch.testing.assert_close(logits[..., : old.shape[-1]], old, rtol=0, atol=1e-6)


@pytest.mark.parametrize("architecture", EVERY)
@torch.no_grad()
def test_tree_of_answers_scores_as_one_by_one(
    architecture: str, aligned: Make, codes: list[torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = aligned(architecture)
    prompts = prompts_of(model, codes)
    slow = [[teacher_forced(model, p, model.text_ids(a)).mean() for a in ANSWERS] for p in prompts]
    fast = model.log_likelihood(prompts, ANSWERS)
    torch.testing.assert_close(fast, torch.tensor(slow), atol=1e-4, rtol=1e-4)
    monkeypatch.setattr("anymo.align.scoring._ROWS_AT_ONCE", 30)  # one answer at a time
    torch.testing.assert_close(model.log_likelihood(prompts, ANSWERS), fast, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("architecture", EVERY)
@torch.no_grad()
def test_merged_folder_says_the_same_without_us(
    architecture: str, aligned: Make, codes: list[torch.Tensor], tmp_path: Path
) -> None:
    model = aligned(architecture)
    prompts = prompts_of(model, codes)
    said = model.generate(prompts, max_new_tokens=8)
    model.save_merged(tmp_path)
    plain, tokenizer = AutoModelForCausalLM.from_pretrained(tmp_path), AutoTokenizer.from_pretrained(tmp_path)
    assert type(plain).__module__.startswith("transformers.")
    assert set(model.vocabulary.tokens) <= set(tokenizer.get_vocab())
    for k, prompt in enumerate(prompts):
        before, after = prompt.ids.index(model.vocabulary.bos), prompt.ids.index(model.vocabulary.eos) + 1
        text = (
            model.text_tokenizer.decode(prompt.ids[:before])
            + model.vocabulary.names(list(prompt.ids[before:after]))
            + model.text_tokenizer.decode(prompt.ids[after:])
        )
        inputs = tokenizer(text, return_tensors="pt", return_token_type_ids=False)
        out = plain.generate(**inputs, max_new_tokens=8)[0, inputs["input_ids"].shape[1] :]
        assert tokenizer.decode(out, skip_special_tokens=True).strip() == said[k]
        motion = model.logits(torch.tensor([prompt.ids]))[..., model.vocabulary.first :]
        ids = tokenizer.convert_tokens_to_ids(model.vocabulary.tokens)
        if architecture != "gemma2":  # whose head squashes the motion tokens too
            theirs = plain(**inputs).logits[..., ids]
            torch.testing.assert_close(theirs, motion, atol=1e-3, rtol=1e-3)


@torch.no_grad()
@pytest.mark.parametrize("quantizer", ["product", "residual", "fsq"])
def test_codes_of_every_quantiser_are_read(
    quantizer: Literal["product", "residual", "fsq"], base: Callable[[str], str], tmp_path: Path
) -> None:
    torch.manual_seed(0)
    shape = MotionTokenizerConfig(
        hidden_size=32, codebook_size=16, code_size=8, levels=(4, 4), quantizer=quantizer
    )
    tokenizer = MotionTokenizer(shape).eval()
    model = MotionLanguageModel.create(base("llama"), tokenizer.codebook, lora_rank=2).eval()
    (codes,) = tokenizer.encode(torch.randn(1, 10, 32), torch.ones(1, 10, dtype=torch.bool))
    (again,) = model.generate_motion([model.motion_prompt([1], "a person walks")], max_steps=3)
    assert again.shape[1] == codes.shape[1] == 2
    assert again.max() < tokenizer.codebook.shape[1]
    prompts = [model.prompt(codes, [1])]
    model.save_pretrained(tmp_path)
    expected = [[teacher_forced(model, prompts[0], model.text_ids(a)).mean() for a in ANSWERS]]
    back = MotionLanguageModel.from_pretrained(tmp_path)
    torch.testing.assert_close(
        back.log_likelihood(prompts, ANSWERS), torch.tensor(expected), atol=1e-4, rtol=1e-4
    )


def test_a_base_in_a_pickle_is_not_read(base: Callable[[str], str], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(base("llama"), tmp_path / "base"))
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"no model can be loaded .*model\.safetensors"):
        load_base(str(folder))


@torch.no_grad()
def test_fused_adapter_answers_alike_and_comes_out_to_train(
    aligned: Make, codes: list[torch.Tensor], tmp_path: Path
) -> None:
    model = aligned(embedding_size=5)
    prompts = prompts_of(model, codes)
    model.save_pretrained(tmp_path / "a")
    again = MotionLanguageModel.from_pretrained(tmp_path / "a")
    assert again.is_fused
    scores = model.log_likelihood(prompts, ANSWERS)
    torch.testing.assert_close(again.log_likelihood(prompts, ANSWERS), scores, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(again.embed_texts(["a"]), model.embed_texts(["a"]))
    again.save_pretrained(tmp_path / "b")
    for file in ("adapter/adapter_model", "motion_embedding", "contrastive"):
        a, b = (load_file(tmp_path / part / f"{file}.safetensors") for part in "ab")
        assert a.keys() == b.keys()
        assert [key for key in a if not torch.equal(a[key], b[key])] == []
    assert not again.train().is_fused
    with torch.enable_grad():
        again(prompts, ["a", "b", "c"]).backward()
    assert all(p.grad is not None for n, p in again.language_model.named_parameters() if "lora_B" in n)
    torch.testing.assert_close(again.eval().log_likelihood(prompts, ANSWERS), scores, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_instruction_takes_the_place_of_the_usual_question(aligned: Make, codes: list[torch.Tensor]) -> None:
    model = aligned()
    decoded = [
        model.text_tokenizer.decode([i for i in model.prompt(codes[1], [6], said).ids if i < 257])
        for said in (None, choice(["walking", "running"]))
    ]
    assert decoded == [
        "Sensor on the head: Activity:",
        "Sensor on the head: Which of these is it: walking; running? Answer:",
    ]


@torch.no_grad()
def test_motion_is_written_by_the_motion_logits(aligned: Make) -> None:
    model = aligned()
    prompts = [model.motion_prompt([6], "A person walks."), model.motion_prompt([6])]
    motions = model.generate_motion(prompts, max_steps=5)
    for prompt, codes in zip(prompts, motions, strict=True):
        ids = list(prompt.ids)
        for step in range(5):
            for group in range(2):
                scores = model.logits(torch.tensor([ids]))[0, -1, model.vocabulary.first :]
                own = scores[2 + 16 * group : 18 + 16 * group]
                if group == 0 and step and scores[1] >= own.max():
                    assert len(codes) == step
                    break
                assert codes[step, group] == own.argmax()
                ids.append(model.vocabulary.first + 2 + 16 * group + int(own.argmax()))
            else:
                continue
            break
        else:
            assert len(codes) == 5


@torch.no_grad()
def test_loss_of_motion_is_over_motion_tokens(aligned: Make, codes: list[torch.Tensor]) -> None:
    model = aligned()
    prompt, answer = model.motion_prompt([6], "Run."), model.motion_ids(codes[2])
    words = model.prompt(codes[0], [6]), model.answer_ids(" running.")
    rows = model.losses([prompt, words[0]], [answer, words[1]])
    logits = model.logits(torch.tensor([[*prompt.ids, *answer]]))[0, len(prompt.ids) - 1 : -1]
    scores = logits[:, model.vocabulary.first :].log_softmax(dim=-1)
    expected = -sum(scores[k, token - model.vocabulary.first] for k, token in enumerate(answer))
    torch.testing.assert_close(rows[0], torch.stack([expected, torch.tensor(float(len(answer)))]))
    in_words = teacher_forced(model, words[0], list(words[1]))
    torch.testing.assert_close(rows[1], torch.stack([-in_words.sum(), torch.tensor(float(len(words[1])))]))


def test_bases_that_cannot_be(base: Callable[[str], str], aligned: Make, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"expected a folder with a causal .* found none at /no/such"):
        load_base("/no/such")
    with pytest.raises(
        FileNotFoundError, match=r"expected a folder of transformers, the asset .* got 'nosuch'"
    ):
        load_base("nosuch")
    (tmp_path / "empty").mkdir()
    with pytest.raises((FileNotFoundError, ValueError), match=r"base: expected .* got '.*empty'"):
        load_base(str(tmp_path / "empty"))
    if not torch.cuda.is_available():
        with pytest.raises(
            ValueError, match=r"expected a CUDA GPU .* found no a CUDA GPU.*four_bit to false"
        ):
            load_base(base("llama"), four_bit=True)


def test_adapter_for_another_base_of_the_same_shape(
    base: Callable[[str], str], aligned: Make, tmp_path: Path
) -> None:
    aligned().save_pretrained(tmp_path / "adapter")
    model, tokenizer = load_base(base("llama"))
    with torch.no_grad():
        model.get_input_embeddings().weight.add_(0.1)
    for part in (model, tokenizer):
        part.save_pretrained(tmp_path / "tuned")
    with pytest.raises(ValueError, match=r"its adapter is for .* got the base .*tuned"):
        MotionLanguageModel.from_pretrained(tmp_path / "adapter", base=str(tmp_path / "tuned"))


def test_adapter_for_another_base(base: Callable[[str], str], aligned: Make, tmp_path: Path) -> None:
    aligned().save_pretrained(tmp_path)
    with pytest.raises(
        ValueError, match=r"adapter is for .*llama.*, got the base .*gpt2.*align this one with"
    ):
        MotionLanguageModel.from_pretrained(tmp_path, base=base("gpt2"))
    facts = json.loads((tmp_path / "alignment.json").read_text())
    (tmp_path / "alignment.json").write_text(json.dumps(facts | {"base": "/gone/away"}))
    with pytest.raises(FileNotFoundError, match=r"none at /gone/away; give the folder .*base=\.\.\."):
        MotionLanguageModel.from_pretrained(tmp_path)
    assert MotionLanguageModel.from_pretrained(tmp_path, base=base("llama")).is_fused


@torch.no_grad()
def test_prior_is_the_mean_over_the_same_motions_for_all(
    aligned: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = aligned()
    score, asked = model.log_likelihood, list[tuple[MotionPrompt, ...]]()

    def spied(prompts: list[MotionPrompt], answers: list[str]) -> torch.Tensor:
        asked.append(tuple(prompts))
        return score(prompts, answers)

    monkeypatch.setattr(model, "log_likelihood", spied)
    prior = model.prior(ANSWERS, [6])
    torch.testing.assert_close(model.prior(ANSWERS[1:2], [6]), prior[1:2], atol=1e-4, rtol=1e-4)
    motions, again = asked
    assert motions == again
    assert len({p.ids for p in motions}) == 4
    one_by_one = torch.cat([score([p], ANSWERS) for p in motions])
    torch.testing.assert_close(prior, one_by_one.mean(dim=0), atol=1e-4, rtol=1e-4)
    assert float(one_by_one.std(dim=0).min()) > 0  # each says something else


@torch.no_grad()
def test_answers_without_tokens_are_refused(aligned: Make, codes: list[torch.Tensor]) -> None:
    model = aligned()
    with pytest.raises(ValueError, match=r"expected a token or more in each, got none in \[1\]"):
        model.log_likelihood(prompts_of(model, codes), ["a", ""])
    with pytest.raises(ValueError, match=r"aligned with contrastive losses, got one without"):
        model.embed_texts(["a"])
    with pytest.raises(ValueError, match=r"embed_texts: expected texts, none empty"):
        model.embed_texts(["a", ""])


def test_a_damaged_vocabulary_cannot_pass(aligned: Make, tmp_path: Path) -> None:
    aligned().save_pretrained(tmp_path)
    state = load_file(tmp_path / "motion_embedding.safetensors")
    save_file({k: v for k, v in state.items() if k != "edges"}, tmp_path / "motion_embedding.safetensors")
    with pytest.raises(RuntimeError, match="edges"):
        MotionLanguageModel.from_pretrained(tmp_path)
