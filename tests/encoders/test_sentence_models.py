"""Text towers on other sentence models, tiny and random, written by the libraries that read them."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from torch.nn import functional as F
from transformers import (
    BertConfig,
    BertModel,
    CLIPTextConfig,
    CLIPTextModelWithProjection,
    PreTrainedTokenizerFast,
)

from anymo.encoders import TextTower, TextTowerConfig
from anymo.encoders.text import sentence_model

WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "a",
    "person",
    "walks",
    "runs",
    "represent",
    "the",
    "motion",
    ":",
]
SENTENCES = ["a person walks", "a person runs", "a"]


def tokenizer(folder: Path) -> None:
    """A tokenizer of whole words that frames a sentence, as BERT's and CLIP's do."""
    rust = Tokenizer(models.WordLevel({w: i for i, w in enumerate(WORDS)}, unk_token="[UNK]"))
    rust.pre_tokenizer = pre_tokenizers.Whitespace()
    rust.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    wrapped = PreTrainedTokenizerFast(tokenizer_object=rust, **special)
    wrapped.save_pretrained(folder)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    shape = CLIPTextConfig(
        vocab_size=len(WORDS), hidden_size=16, intermediate_size=32, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=8, projection_dim=12, eos_token_id=3,
        bos_token_id=2, pad_token_id=0,
    )  # fmt: skip
    CLIPTextModelWithProjection(shape).save_pretrained(tmp_path / "clip")
    tokenizer(tmp_path / "clip")
    return tmp_path / "clip"


@pytest.fixture
def bert(tmp_path: Path) -> Path:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    torch.manual_seed(0)
    shape = BertConfig(
        vocab_size=len(WORDS), hidden_size=16, intermediate_size=32, num_hidden_layers=1,
        num_attention_heads=2, max_position_embeddings=32,
    )  # fmt: skip
    BertModel(shape).save_pretrained(tmp_path / "bert")
    tokenizer(tmp_path / "bert")
    pooling = Pooling(16, include_prompt=False)
    SentenceTransformer(modules=[Transformer(str(tmp_path / "bert")), pooling], device="cpu").save(
        str(tmp_path / "sentences")
    )
    return tmp_path / "sentences"


@torch.no_grad()
def test_clip(clip: Path) -> None:
    tower = TextTower.create(str(clip), embedding_size=12)
    assert tower.config.hidden_size == 12
    model = CLIPTextModelWithProjection.from_pretrained(clip).eval()
    for text, embedding in zip(SENTENCES, tower(SENTENCES), strict=True):  # alone, without padding
        codes = torch.tensor([[2, *(WORDS.index(word) for word in text.split()), 3]])
        expected = F.normalize(model(input_ids=codes).text_embeds[0], dim=-1)
        torch.testing.assert_close(embedding, expected, atol=1e-5, rtol=1e-5)


def test_clip_refuses_what_it_would_cut(clip: Path) -> None:
    with pytest.raises(ValueError, match=r"at most 8 tokens, got 9 in 'a a a a a a a'; shorten"):
        TextTower.create(str(clip))(["a", "a a a a a a a"])


@torch.no_grad()
def test_sentence_transformers(bert: Path) -> None:
    from sentence_transformers import SentenceTransformer

    tower = TextTower.create(str(bert), embedding_size=16)
    expected = SentenceTransformer(str(bert), device="cpu").encode(SENTENCES, convert_to_tensor=True)
    torch.testing.assert_close(tower(SENTENCES), F.normalize(expected, dim=-1), atol=1e-5, rtol=1e-5)
    with pytest.raises(ValueError, match=r"at most 32 tokens, got 42 in 'a a .*; shorten it"):
        tower([" ".join("a" * 40)])  # which that library would read the beginning of


@torch.no_grad()
def test_an_instruction_is_read_and_not_pooled(bert: Path) -> None:
    prompt = "represent the motion : "
    tower = TextTower.create(str(bert), prompt=prompt, embedding_size=16)
    plain = TextTower.create(str(bert), embedding_size=16)
    assert (tower(SENTENCES) - plain(SENTENCES)).abs().amax(dim=1).min() > 1e-3
    model = BertModel.from_pretrained(bert).eval()
    codes = torch.tensor([[2, *(WORDS.index(word) for word in (prompt + SENTENCES[0]).split()), 3]])
    states = model(input_ids=codes).last_hidden_state[0]
    expected = F.normalize(states[5:].mean(dim=0), dim=-1)  # from [CLS] and the prompt's four words on
    torch.testing.assert_close(tower(SENTENCES[:1])[0], expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("kind", ["clip", "bert"])
def test_a_prompt_comes_before_every_sentence(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    base = str(request.getfixturevalue(kind))
    tower = TextTower.create(base, prompt="the : ", embedding_size=8)
    tower.centre(SENTENCES)
    tower.save_pretrained(tmp_path / "saved")
    loaded = TextTower.from_pretrained(tmp_path / "saved")
    assert (loaded.config.prompt, loaded.config.base) == ("the : ", base)
    assert torch.equal(loaded(SENTENCES), tower(SENTENCES))
    assert [n for n, p in loaded.named_parameters() if p.requires_grad] == ["projection.weight"]
    if kind == "clip":
        written = TextTower.create(base).base_embeddings(["the : a person walks"])
        torch.testing.assert_close(tower.base_embeddings(SENTENCES[:1]), written)


def test_another_width_is_refused(clip: Path) -> None:
    with pytest.raises(ValueError, match=r"expected vectors of hidden_size=256, got 12 .*set hidden_size=12"):
        TextTower(TextTowerConfig(base=str(clip)))(SENTENCES)


def test_a_model_that_is_nowhere_is_refused() -> None:
    with pytest.raises(ValueError, match=r"repository of the hub, got 'nobody/nothing'.*give the folder"):
        TextTower(TextTowerConfig(base="nobody/nothing"))(SENTENCES)
    with pytest.raises(ValueError, match="wordllama-256"):
        TextTower(TextTowerConfig(base="wordlama-256"))(SENTENCES)


def test_a_sentence_without_words_is_refused(asset) -> None:
    with pytest.raises(ValueError, match="one word or more, got ''"):
        TextTower(TextTowerConfig(base=str(asset("wordllama-256"))))(["walking", ""])


def test_a_bare_transformer_is_read_as_sentence_transformers_reads_it(bert: Path, tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    bare = tmp_path / "bert"
    own = TextTower.create(str(bare), embedding_size=16).base_embeddings(SENTENCES)
    theirs = SentenceTransformer(str(bare), device="cpu").encode(
        SENTENCES, convert_to_tensor=True, normalize_embeddings=True
    )
    torch.testing.assert_close(own, theirs, atol=1e-6, rtol=1e-5)
    with pytest.raises(ValueError, match=r"at most 32 tokens, got 42 in 'a a .*; shorten it"):
        TextTower.create(str(bare)).base_embeddings([" ".join("a" * 40)])


def test_sentences_of_unlike_length_keep_their_order(asset: Callable) -> None:
    model = sentence_model(str(asset("minilm-l6-v2")))
    texts = [f"a person {'very ' * (k % 7)}slowly raises arm {k}" for k in range(150)]
    together = model(texts)
    for k in (0, 6, 73, 149):
        torch.testing.assert_close(model([texts[k]])[0], together[k], atol=1e-5, rtol=1e-4)
    near = model(["walking up the stairs", "climbing stairs", "drinking from a cup"])
    assert float(near[0] @ near[1]) > 0.6 > 0.3 > float(near[0] @ near[2])
