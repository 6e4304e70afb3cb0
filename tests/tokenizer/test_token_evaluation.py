"""What is measured of tokens: errors against hand-made truth, a sweep that goes on, its pictures."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from anymo import body, plots
from anymo import config as configuration
from anymo.data.corpus import ClipSource, MotionCorpus, store_clip, write_corpus
from anymo.data.sampler import DrawConfig, WindowSampler
from anymo.encoders import AnymoEncoderConfig, ImuEncoder
from anymo.evaluation import tokens
from anymo.evaluation.recipes import Variant
from anymo.evaluation.token_errors import baseline, encoded, errors_of, pose_errors, signal_errors_of
from anymo.evaluation.tokens import TokensConfig, run_tokens, tokens_table, variant_config
from anymo.records import Motion
from anymo.tokenizer import MotionTokenizer, MotionTokenizerConfig
from anymo.tokenizer.tokenizer import perplexity

REPOSITORY = Path(__file__).resolve().parents[2]
TINY = REPOSITORY / "configs" / "tokenizer" / "tiny.yaml"


def test_perplexity_by_hand() -> None:
    codes = torch.tensor([[0, 5], [1, 5], [2, 5], [3, 5]])
    torch.testing.assert_close(perplexity(codes, 8), torch.tensor([4.0, 1.0]))


@torch.no_grad()
def test_errors_of_the_truth_are_none(tiny_corpus: MotionCorpus) -> None:
    torch.manual_seed(0)
    encoder = ImuEncoder(AnymoEncoderConfig(hidden_size=16, num_layers=1, num_heads=2))
    tokenizer = MotionTokenizer(MotionTokenizerConfig(hidden_size=16, codebook_size=16, code_size=4)).eval()
    sampler = WindowSampler(tiny_corpus, [body.load()], DrawConfig(num_targets=2), held_out=True)
    held_out = encoded(encoder, sampler.batch(6, np.random.default_rng(0), num_views=1))
    assert errors_of(tokenizer, held_out.latents, held_out)["latent"] == 0.0
    pose, targets = held_out.batch.pose, held_out.batch.targets
    assert pose_errors(pose, held_out) == {
        "joint_mm": pytest.approx(0, abs=0.01),
        "segment_deg": pytest.approx(0, abs=0.1),
    }
    assert signal_errors_of(targets.signal, held_out, 10) == {"acc_mps2": 0.0, "gyro_radps": 0.0}
    off = signal_errors_of(targets.signal + torch.tensor([3.0] * 3 + [0.5] * 3), held_out, 10)
    assert off == {"acc_mps2": pytest.approx(3.0, rel=1e-4), "gyro_radps": pytest.approx(0.5, rel=1e-4)}
    turned = pose.clone()  # the right thigh's frame by a quarter turn about its own z
    columns = pose[..., 90:96].unflatten(-1, (3, 2))
    turned[..., 90:96] = torch.stack([columns[..., 1], -columns[..., 0]], dim=-1).flatten(-2)
    assert pose_errors(turned, held_out)["segment_deg"] == pytest.approx(4 * 90 / 23, rel=1e-3)
    nothing = baseline(pose[held_out.batch.pose_seen].mean(dim=0), held_out, 10)
    assert nothing["latent"] == 1.0
    assert min(nothing.values()) > 0.05


@pytest.fixture(scope="module")
def config(hand_motion: Callable[..., Motion], tmp_path_factory: pytest.TempPathFactory) -> TokensConfig:
    folder = tmp_path_factory.mktemp("tokens")
    stored = [store_clip(ClipSource(motion=hand_motion(k), body=0)) for k in range(10)]
    write_corpus(stored, folder / "corpus", held_out_fraction=0.5, seed=1)
    torch.manual_seed(0)
    shape = AnymoEncoderConfig(hidden_size=16, num_layers=1, num_heads=2)
    ImuEncoder(shape).save_pretrained(folder / "encoder")
    quick = ("optim.steps=1", "optim.warmup_steps=0", "optim.batch_size=8", "code_size=4")
    return TokensConfig(
        corpus=folder / "corpus",
        encoder=folder / "encoder",
        output=folder / "out",
        json=folder / "numbers.json",
        num_windows=12,
        draw=DrawConfig(num_targets=2, window_s=2.0),
        variants=(
            Variant(name="product", config=TINY, overrides=quick),
            Variant(name="slow_fsq", config=TINY, overrides=(*quick, "quantizer=fsq", "steps_per_token=2")),
        ),
    )


def test_a_sweep_is_measured_drawn_and_kept(config: TokensConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    bodies = [body.load()]
    monkeypatch.setattr(tokens, "_NUM_SCENES", 2)
    monkeypatch.setattr(tokens, "_TIMED", 2)
    numbers = run_tokens(config, bodies)
    assert json.loads(config.json.read_text()) == numbers
    product, fsq = numbers["tokenizers"]["product"], numbers["tokenizers"]["slow_fsq"]
    assert (product["tokens"], product["bits"], fsq["tokens"], fsq["bits"]) == (8, 40.0, 4, 20.0)
    assert len(product["usage"]) == len(product["perplexity"]) == 2
    errors = {"latent", "joint_mm", "segment_deg", "acc_mps2", "gyro_radps"}
    assert product["codes"].keys() == fsq["unquantized"].keys() == numbers["baseline"].keys() == errors
    assert (config.output / "tokens.png").read_bytes()[:4] == b"\x89PNG"
    assert (config.output / "tokens.gif").read_bytes()[:4] == b"GIF8"
    table = tokens_table(numbers)
    assert [line.split()[0] for line in table.splitlines()[2:]] == ["product", "slow_fsq", "the"]
    monkeypatch.setattr(tokens, "train_tokenizer", lambda *_: pytest.fail("trained again"))
    monkeypatch.setattr(tokens, "draw_tokens", lambda *_: None)
    assert run_tokens(config, bodies)["tokenizers"] == numbers["tokenizers"]
    for name in ("corpus_identity", "weights_sha256"):  # of another corpus or encoder in the same folder
        with monkeypatch.context() as patch:
            patch.setattr(tokens, name, lambda _: "another")
            with pytest.raises(pytest.fail.Exception, match="trained again"):
                run_tokens(config, bodies)
    given = replace(config, variants=(), tokenizer=config.output / "product" / "tokenizer")
    again = run_tokens(given, bodies)["tokenizers"]["tokenizer"]
    assert {k: again[k] for k in ("codes", "usage")} == {k: product[k] for k in ("codes", "usage")}


@pytest.mark.parametrize(
    ("frames", "tokens", "per_token", "middles"),
    [(60, 10, 6.0, list(range(3, 60, 6))), (60, 4, 18.0, [9, 27, 45, 59]), (8, 10, 0.8, [0, 1, 2, 2, 3])],
)
def test_pictures_put_codes_where_they_last(
    frames: int, tokens: int, per_token: float, middles: list[int]
) -> None:
    """The second: three latents of six frames to a token, ten in all, so the last token is cut off."""
    codes, joints = np.arange(tokens)[:, None], np.zeros((frames, 23, 3))
    scene = plots.TokenScene("walking", joints, joints, codes, per_token)
    assert [scene.frame_of(k) for k in range(len(middles))] == middles
    for frame in range(frames):
        token = int(scene.token_at(frame))
        assert token * per_token <= frame + 1e-9 < (token + 1) * per_token


def test_a_tokenizer_of_another_encoder_is_refused(config: TokensConfig, tmp_path: Path) -> None:
    shape = {"hidden_size": 32, "codebook_size": 16, "code_size": 4, "heads": ()}
    MotionTokenizer(MotionTokenizerConfig(**shape)).save_pretrained(tmp_path)
    other = replace(config, variants=(), tokenizer=tmp_path, output=tmp_path / "out")
    with pytest.raises(ValueError, match=r"'hidden_size': 16.*the encoder's.*'hidden_size': 32.*train one"):
        run_tokens(other, [body.load()])


def test_what_cannot_be_measured(config: TokensConfig) -> None:
    with pytest.raises(ValueError, match="expected a tokenizer, or variants"):
        TokensConfig()
    with pytest.raises(ValueError, match="variants of different names"):
        replace(config, variants=(config.variants[0],) * 2)
    with pytest.raises(ValueError, match="num_targets of 1 or more"):
        replace(config, draw=DrawConfig())
    with pytest.raises(ValueError, match=r"variant 'x': expected fields of a tokenizer configuration"):
        variant_config(config, Variant(name="x", config=TINY, overrides=("codes=4",)))


def test_the_named_run_is_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    named = configuration.load(TokensConfig, ["--config_path", "configs/eval/tokens.yaml"])
    runs = {variant.name: variant_config(named, variant) for variant in named.variants}
    assert {run.quantizer for run in runs.values()} == {"product", "residual", "fsq"}
    assert len({run.steps_per_token for run in runs.values()}) >= 3
    tokens = {name: -(-10 // run.steps_per_token) * run.num_groups for name, run in runs.items()}
    assert (tokens["product"], tokens["three_groups"], tokens["papers_rate"]) == (20, 30, 150)
    assert named.draw == DrawConfig(num_targets=2, max_sensors=5, real_share=0.25)
