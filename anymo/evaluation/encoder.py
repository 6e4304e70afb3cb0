"""Everything one pre-trained encoder is measured on: retrieval, zero-shot by embedding, robustness."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch

from anymo import plots
from anymo.body import Body
from anymo.config import command, write_text
from anymo.data import load_set
from anymo.data.corpus import MotionCorpus
from anymo.data.sampler import DrawConfig, WindowSampler
from anymo.evaluation.errors import error_analysis
from anymo.evaluation.everyday import everyday
from anymo.evaluation.held_out import check_unseen
from anymo.evaluation.histories import OBJECTIVES, history
from anymo.evaluation.ledger import model_hash, refuse_second_run, run_test_sets
from anymo.evaluation.pools import held_out_pools
from anymo.evaluation.protocol import HeldOutProtocol
from anymo.evaluation.robustness import real_curves, simulated_curves
from anymo.evaluation.scene import held_out_scene
from anymo.evaluation.zero_shot import zero_shot
from anymo.metrics import ClassificationResult
from anymo.pipeline import AnymoPipeline

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_log = logging.getLogger(__name__)

FILE = "encoder.json"


@dataclass(frozen=True, kw_only=True)
class ProtocolConfig(HeldOutProtocol):
    """How an encoder is measured; the same for every model that is compared.

    Attributes:
        num_phrases: labels of the robustness curves.
        num_moments: windows of each point of them, and of each place of `everyday`; 0 leaves both out.
        mixed_precision: "no", or "bf16", which takes a third of the time in stgcn.
    """

    num_phrases: int = 20
    num_moments: int = 400
    mixed_precision: Literal["no", "bf16"] = "no"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.num_moments < 0 or self.num_phrases < 2:
            raise ValueError(
                "protocol: expected num_moments of 0 or more and num_phrases of 2 or more, got "
                f"{self.num_moments} and {self.num_phrases}"
            )

    def pipeline(self, folder: Path) -> AnymoPipeline:
        """The model of a folder, in the precision it is measured in."""
        dtype = torch.bfloat16 if self.mixed_precision == "bf16" else torch.float32
        return AnymoPipeline.from_pretrained(folder).to("cpu", dtype)


@dataclass(frozen=True, kw_only=True)
class EncoderEvalConfig:
    """The evaluation of one encoder.

    Attributes:
        model: folder with `encoder/` and `text/`, as train/pretrain.py leaves it, or a whole model folder.
        corpus: folder of a corpus with held-out clips the model never saw.
        output: folder of `encoder.json`, `errors.md`, `robustness.png` and, where the model's run left its
            log, `losses.png`.
        json: another file for the numbers; null for none.
        beside: `encoder.json` of models whose curves are drawn in the same figure, named after its folder.
        test_sets: run the test sets too: once per release candidate, and logged in eval/test_set_log.jsonl.
        draw: what held-out windows look like; the rate is the model's own.
        protocol: how it is measured.
    """

    model: Path = Path("runs/stages/pretrain")
    corpus: Path = Path("runs/stages/corpus")
    output: Path = Path("runs/stages/encoder")
    json: Path | None = None
    beside: tuple[Path, ...] = ()
    test_sets: bool = False
    draw: DrawConfig = field(default_factory=lambda: DrawConfig(max_sensors=5))
    protocol: ProtocolConfig = field(default_factory=ProtocolConfig)


def evaluate_encoder(
    pipe: AnymoPipeline,
    corpus: MotionCorpus,
    bodies: Sequence[Body],
    draw: DrawConfig,
    protocol: ProtocolConfig,
) -> tuple[dict[str, Any], dict[str, ClassificationResult]]:
    """Measure an encoder on held-out motion, which `check_unseen` looks at, and on the development sets.

    Args:
        pipe: with encoder and text tower.
        corpus: whose held-out clips the model never saw.
        bodies: the bodies it was built with.
        draw: what windows look like; the rate is replaced by the encoder's.
        protocol: how it is measured.

    Returns:
        Numbers for JSON (`retrieval`, `zero_shot`, and `everyday` and `robustness` if they are asked for),
        and what is told from what, by set and by place.
    """
    check_unseen(pipe.folder, corpus)
    draw = replace(draw, rate_hz=pipe.encoder.config.rate_hz, complete=False, num_targets=0)
    sampler = WindowSampler(corpus, bodies, draw, held_out=True)
    seed = protocol.seed
    _log.info("retrieval on %d held-out clips", len(sampler.clips))
    pools = held_out_pools(
        pipe,
        sampler,
        num_windows=protocol.num_windows,
        pool_size=protocol.pool_size,
        num_pools=protocol.num_pools,
        seed=seed,
    )
    real = {name: load_set(name) for name in protocol.sets}
    zeros = {
        name: zero_shot(pipe, name, "embedding", recordings=r, seed=seed, max_windows=protocol.max_windows)
        for name, r in real.items()
    }
    numbers = {
        "retrieval": {name: pool.to_dict() for name, pool in pools.items()},
        "zero_shot": {name: zero.to_dict() for name, zero in zeros.items()},
    }
    results = {name: zero.result for name, zero in zeros.items()}
    if not protocol.num_moments:
        return numbers, results
    scene = held_out_scene(
        sampler,
        bodies,
        num_phrases=protocol.num_phrases,
        num_windows=protocol.num_moments,
        window_s=min(pipe.window_s, draw.window_s),
        seed=seed,
    )
    places = everyday(
        pipe, sampler, bodies, num_windows=protocol.num_moments, window_s=scene.window_s, seed=seed
    )
    if places:
        numbers["everyday"] = {place: told.to_dict() for place, told in places.items()}
        results |= {f"simulated, {place}": told.result for place, told in places.items()}
    curves = simulated_curves(pipe, scene)
    for name, recordings in real.items():
        curves += real_curves(pipe, name, recordings, seed)
    robustness = {"robustness": [c.to_dict() for c in curves], "phrases": list(scene.phrases)}
    return numbers | robustness, results


def run_encoder_evaluation(config: EncoderEvalConfig, bodies: Sequence[Body]) -> dict[str, Any]:
    """Measure one encoder and write numbers, errors and curves.

    Raises:
        FileNotFoundError: no model, no corpus, or no file that is to be drawn beside.
        ValueError: the test sets were asked for, and this model has had its run; or a model that is to be
            drawn beside has the name of another, or was measured by another protocol.
    """
    pipe = config.protocol.pipeline(config.model)
    if config.test_sets:
        refuse_second_run(config.model)
    beside = _beside(config)
    corpus = MotionCorpus.load(config.corpus)
    numbers, results = evaluate_encoder(pipe, corpus, bodies, config.draw, config.protocol)
    numbers |= {
        "command": command(),
        "protocol": asdict(config.protocol),
        "model": "/".join(config.model.parts[-2:]),
        "sha256": model_hash(config.model),
    }
    if config.test_sets:
        numbers["test_sets"] = run_test_sets(
            pipe, config.model, seed=config.protocol.seed, max_windows=config.protocol.max_windows
        )
    config.output.mkdir(parents=True, exist_ok=True)
    text = json.dumps(numbers, indent=2) + "\n"
    for file in (config.output / FILE, *([config.json] if config.json else [])):
        file.parent.mkdir(parents=True, exist_ok=True)
        write_text(file, text)
    tables = [error_analysis(result, name) for name, result in results.items()]
    write_text(config.output / "errors.md", "\n\n".join(tables) + "\n")
    draw_robustness({config.output.name: numbers} | beside, config.output / "robustness.png")
    if losses := history(config.model, (*OBJECTIVES, "validation_mrr")):
        _save(plots.loss_curves(losses), config.output / "losses.png")
    return numbers


def _beside(config: EncoderEvalConfig) -> dict[str, Any]:
    """Numbers of the models that are drawn in the same figure, by the name of their folder."""
    protocol = json.loads(json.dumps(asdict(config.protocol)))
    models: dict[str, Any] = {}
    for path in config.beside:
        if not path.is_file():
            raise FileNotFoundError(
                f"beside: expected an {FILE} that eval/encoder.py wrote, found no file {path}; measure that "
                "model first"
            )
        name, numbers = path.parent.name, json.loads(path.read_text())
        if name in models or name == config.output.name:
            raise ValueError(
                f"beside: expected folders of different names, as these name the curves, got two {name!r}; "
                "rename one"
            )
        if (other := numbers.get("protocol")) != protocol:
            raise ValueError(
                f"beside: expected {path} to be measured by {protocol}, got {other}; measure "
                "it again by one protocol"
            )
        models[name] = numbers
    return models


def robustness_figure(models: Mapping[str, Mapping[str, Any]]) -> "Figure | None":
    """The curves of several models in one figure, from the numbers of each; None where there are none."""
    curves = {
        name: {(c["data"], c["condition"]): (c["ticks"], c["accuracy"], c["chance"]) for c in n["robustness"]}
        for name, n in models.items()
        if "robustness" in n
    }
    return plots.robustness(curves) if curves else None


def draw_robustness(models: Mapping[str, Mapping[str, Any]], file: Path) -> None:
    """`robustness_figure` as a file; none where there are no curves."""
    if (figure := robustness_figure(models)) is not None:
        _save(figure, file)


def _save(figure: "Figure", file: Path) -> None:
    draft = file.with_name(f".{file.name}")
    figure.savefig(draft, format="png", dpi=plots.DPI)
    draft.replace(file)
