"""BERTScore: token by token with a small causal model, and by what must hold."""

from pathlib import Path

import numpy as np
import pytest
import torch

from anymo.metrics.bertscore import BertScorer

SAID = ["a person walks forward", "", "somebody sits down", "a person walks forward"]
TRUTH = [
    ["a man strolls ahead"],
    ["a person jumps"],
    ["somebody sits down", "he runs"],
    ["the cat sleeps on a mat"],
]


@pytest.fixture(scope="module")
def scorer(small_llama: Path) -> BertScorer:
    return BertScorer(small_llama, layer=2)


def states(folder: Path, text: str, layer: int) -> torch.Tensor:
    """Of the whole model, one sentence at a time, the opening token left out."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = tokenizer(f" {text}")["input_ids"]
    with torch.no_grad():
        out = model(torch.tensor([[tokenizer.bos_token_id, *ids]]), output_hidden_states=True)
    hidden: torch.Tensor = out.hidden_states[layer][0, 1:]
    return hidden


def test_token_by_token(scorer: BertScorer, small_llama: Path) -> None:
    said, truth = (states(small_llama, text, 2) for text in (SAID[0], TRUTH[0][0]))
    cosine = torch.tensor([[torch.cosine_similarity(a, b, dim=0) for b in truth] for a in said])
    precision, recall = float(cosine.max(dim=1)[0].mean()), float(cosine.max(dim=0)[0].mean())
    found = scorer(SAID, TRUTH)
    assert found.precision[0] == pytest.approx(precision, abs=1e-4)
    assert found.recall[0] == pytest.approx(recall, abs=1e-4)
    assert found.f1[0] == pytest.approx(2 * precision * recall / (precision + recall), abs=1e-4)


def test_what_must_hold(scorer: BertScorer) -> None:
    f1 = scorer(SAID, TRUTH).f1
    assert f1[1] == 0.0
    assert f1[2] == pytest.approx(1.0, abs=1e-5)
    assert f1[3] < f1[0] < 1
    order = [2, 0, 3, 1]
    moved = scorer([SAID[k] for k in order], [TRUTH[k][::-1] for k in order]).f1
    np.testing.assert_allclose(moved, f1[order], atol=1e-5)


def test_the_encoder_is_named(scorer: BertScorer, tmp_path: Path) -> None:
    assert scorer.name.endswith(", layer 2")
    assert len(scorer.model.layers) == 3  # what lies above is not loaded
    with pytest.raises(ValueError, match=r"BERTScore: expected a model of transformers by asset"):
        BertScorer(tmp_path)


def test_any_encoder_will_do(tmp_path: Path) -> None:
    """A small BERT with special tokens at both ends, which take no part."""
    from transformers import BertConfig, BertModel, BertTokenizer

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "person", "walks", "runs"]
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    BertTokenizer(str(tmp_path / "vocab.txt")).save_pretrained(tmp_path)
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 16}
    BertModel(BertConfig(vocab_size=len(words), **shape)).save_pretrained(tmp_path)
    scorer = BertScorer(tmp_path)
    assert scorer.name == f"{tmp_path.name}, layer 2"
    assert [len(e) for e in scorer._encode(["a person walks", "runs"]).values()] == [3, 1]
    same, other = scorer(["a person walks"] * 2, [["a person walks"], ["a person runs"]]).f1
    assert same == pytest.approx(1.0)
    assert other < same
    with pytest.raises(ValueError, match=r"a layer of .* in \[0, 3\], got 4"):
        BertScorer(tmp_path, layer=4)
