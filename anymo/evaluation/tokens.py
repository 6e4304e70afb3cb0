"""Motion tokenizers of one encoder beside each other: what is lost by quantiser and by token rate."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import mean
from typing import Any

import draccus
import torch
from tqdm import tqdm

from anymo import config as configuration
from anymo import plots
from anymo.body import Body
from anymo.config import write_text
from anymo.data.arrow import POSE_HZ
from anymo.data.corpus import MotionCorpus
from anymo.data.identity import corpus_identity
from anymo.data.sampler import DrawConfig, WindowSampler
from anymo.encoders import ImuEncoder, weights_sha256
from anymo.evaluation.held_out import held_out_batch
from anymo.evaluation.kept import kept
from anymo.evaluation.recipes import Variant
from anymo.evaluation.token_errors import Encoded, baseline, encoded, speed, token_numbers
from anymo.tables import terminal_table
from anymo.tokenizer import MotionTokenizer, PoseOutput
from anymo.training.tokenizer import (
    TokenizerConfig,
    mean_pose,
    read_encoder,
    read_tokenizer,
    train_tokenizer,
)

FILE = "tokens.json"
_MEASURED = ("corpus", "encoder", "num_windows", "seed", "draw")  # what numbers of a tokenizer depend on
_NUM_SCENES = 4  # windows that are drawn
_TIMED = 32  # windows that go through at once when speed is measured


@dataclass(frozen=True, kw_only=True)
class TokensConfig:
    """A look at motion tokens.

    Attributes:
        corpus: folder of a corpus; what is measured are its held-out clips.
        encoder: folder of the pre-trained encoder of all tokenizers.
        output: folder of `tokens.json`, `tokens.png` and `tokens.gif`, and of the variants' runs.
        tokenizer: a tokenizer that is there already; null for none.
        variants: tokenizers that are trained here, unless they have been.
        json: another file for the numbers; null for none.
        num_windows: held-out windows.
        seed: of every draw.
        draw: what held-out windows look like; num_targets placements of each are decoded.
    """

    corpus: Path = Path("runs/stages/corpus")
    encoder: Path = Path("runs/stages/pretrain/encoder")
    output: Path = Path("runs/tokens")
    tokenizer: Path | None = None
    variants: tuple[Variant, ...] = ()
    json: Path | None = None
    num_windows: int = 1000
    seed: int = 0
    draw: DrawConfig = field(default_factory=lambda: DrawConfig(num_targets=2))

    def __post_init__(self) -> None:
        names = [v.name for v in self.variants]
        if (not names and self.tokenizer is None) or len({*names, "tokenizer"}) <= len(names):
            raise ValueError(
                "tokens: expected a tokenizer, or variants of different names, none of them 'tokenizer', got "
                f"{self.tokenizer} and {names}"
            )
        if self.num_windows < _NUM_SCENES or self.draw.num_targets < 1:
            raise ValueError(
                f"tokens: expected num_windows of {_NUM_SCENES} or more and draw.num_targets of 1 or more, "
                f"got {self.num_windows} and {self.draw.num_targets}"
            )


def run_tokens(config: TokensConfig, bodies: Sequence[Body]) -> dict[str, Any]:
    """Train what is not trained, measure what is not measured, draw the first, and write the numbers.

    A variant that was killed goes on from its checkpoint; one that was measured by these configurations, on
    this corpus and encoder, is kept.

    Returns:
        Numbers for JSON: `baseline`, and `tokenizers` by name (`token_numbers`, and tokens per second).

    Raises:
        ValueError: no encoder, no tokenizer or one for other latents, a variant's configuration is not one,
            its folder holds another.
    """
    encoder = read_encoder(config.encoder, config.draw)
    corpus = MotionCorpus.load(config.corpus)
    sampler = WindowSampler(corpus, bodies, replace(config.draw, complete=False), held_out=True)
    held_out = encoded(encoder, held_out_batch(sampler, config.num_windows, config.seed))
    ahead: dict[str, Variant | None] = {"tokenizer": None} if config.tokenizer else {}
    ahead |= {variant.name: variant for variant in config.variants}
    inputs = {"corpus_sha256": corpus_identity(corpus), "encoder_sha256": weights_sha256(encoder)}
    rows: dict[str, Any] = {}
    for name, variant in tqdm(ahead.items(), desc="tokens", unit="tokenizer"):
        rows[name] = _numbers(config, name, variant, encoder, held_out, bodies, inputs)
    pose = mean_pose(WindowSampler(corpus, bodies, config.draw, held_out=False), config.seed)
    numbers = {"baseline": baseline(pose, held_out, encoder.config.patch_samples), "tokenizers": rows}
    for file in (config.output / FILE, *([config.json] if config.json else [])):
        file.parent.mkdir(parents=True, exist_ok=True)
        write_text(file, json.dumps(numbers, indent=2) + "\n")
    draw_tokens(read_tokenizer(_folder(config, next(iter(ahead))), encoder), held_out, config.output)
    return numbers


def _numbers(
    config: TokensConfig,
    name: str,
    variant: Variant | None,
    encoder: ImuEncoder,
    held_out: Encoded,
    bodies: Sequence[Body],
    inputs: Mapping[str, str],
) -> dict[str, Any]:
    """Numbers of one tokenizer, which is trained first if it is a variant; kept beside all they stand on."""
    run = None if variant is None else variant_config(config, variant)
    facts = {key: value for key, value in draccus.encode(config).items() if key in _MEASURED}
    facts |= {**inputs, "run": draccus.encode(run)}
    if run is None:
        facts["tokenizer_sha256"] = weights_sha256(read_tokenizer(_folder(config, name), encoder))

    def measure() -> dict[str, Any]:
        if run is not None:
            train_tokenizer(run, bodies)
        tokenizer = read_tokenizer(_folder(config, name), encoder)
        per_s = speed(encoder, tokenizer, held_out.batch.views[0].select(slice(_TIMED)))
        return token_numbers(tokenizer, held_out) | {"per_s": per_s}

    numbers: dict[str, Any] = kept(config.output / name / FILE, facts, measure)
    return numbers


def variant_config(config: TokensConfig, variant: Variant) -> TokenizerConfig:
    """The training configuration of a variant, on this corpus and encoder.

    Raises:
        ValueError: the variant's file or an override is not one of a tokenizer configuration.
    """
    own = dict(o.split("=", 1) for o in variant.overrides)
    own |= {"corpus": str(config.corpus), "encoder": str(config.encoder)}
    own |= {"output": str(config.output / variant.name)}
    options = [word for name, value in own.items() for word in (f"--{name}", value)]
    try:
        return configuration.load(TokenizerConfig, ["--config_path", str(variant.config), *options])
    except SystemExit:
        raise ValueError(
            f"variant {variant.name!r}: expected fields of a tokenizer configuration, got "
            f"{list(variant.overrides)}"
        ) from None


@torch.no_grad()
def draw_tokens(tokenizer: MotionTokenizer, held_out: Encoded, folder: Path) -> None:
    """Write `tokens.png` and `tokens.gif`: the first windows of different words that are seen throughout."""
    if "pose" not in tokenizer.config.heads:
        return
    whole = (held_out.valid.all(dim=1) & held_out.batch.pose_seen.all(dim=1)).nonzero().flatten().tolist()
    by_words = {held_out.batch.phrase[i]: i for i in reversed(whole)}
    rows = sorted(by_words.values())[:_NUM_SCENES]
    codes = tokenizer.encode(held_out.latents[rows])
    decoded, _ = tokenizer.pose(codes).positions()
    true, _ = PoseOutput.of(held_out.batch.pose[rows]).positions()
    num = min(true.shape[1], decoded.shape[1])
    frames_per_token = tokenizer.pose_head.frames_per_latent * tokenizer.config.steps_per_token
    scenes = [
        plots.TokenScene(held_out.batch.phrase[row], t[:num], d[:num], c, frames_per_token)
        for row, t, d, c in zip(rows, true, decoded, codes.numpy(), strict=True)
    ]
    draft = folder / ".tokens.png"
    plots.token_strip(scenes).savefig(draft, format="png", dpi=plots.DPI)
    draft.replace(folder / "tokens.png")
    plots.save_token_animation(scenes, folder / "tokens.gif", POSE_HZ)


def tokens_table(numbers: Mapping[str, Any]) -> str:
    """A row per tokenizer: after the codes, in brackets, the same decoder without rounding to codes."""
    columns = ["tokenizer", "tokens", "bits", "used, %", "perplexity", *_ERRORS.values(), "tokens/s"]
    rows = [
        [
            name,
            row["tokens"],
            f"{row['bits']:.0f}",
            f"{100 * mean(row['usage']):.0f}",
            " ".join(f"{p:.0f}" for p in row["perplexity"]),
            *(_cell(row, key) for key in _ERRORS),
            f"{row['per_s']['tokens']:.0f}",
        ]
        for name, row in numbers["tokenizers"].items()
    ]
    still = [_digits(key, numbers["baseline"][key]) for key in _ERRORS]
    return terminal_table(columns, [*rows, ["the mean", "", "", "", "", *still, ""]])


_ERRORS = {
    "latent": "latents, %",
    "joint_mm": "joints, mm",
    "segment_deg": "segments, °",
    "acc_mps2": "acc, m/s²",
    "gyro_radps": "gyro, rad/s",
}


def _cell(row: Mapping[str, Any], key: str) -> str:
    if key not in row["codes"]:
        return "no head"
    return f"{_digits(key, row['codes'][key])} ({_digits(key, row['unquantized'][key])})"


def _digits(key: str, value: float) -> str:
    return f"{100 * value:.1f}" if key == "latent" else f"{value:.{2 if 'ps' in key else 1}f}"


def _folder(config: TokensConfig, name: str) -> Path:
    """Where a tokenizer is saved."""
    given = config.tokenizer if name == "tokenizer" else None
    return given or config.output / name / "tokenizer"
