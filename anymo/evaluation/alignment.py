"""Aligned models measured and compared: captions beside baselines, retrieval, zero-shot by every route."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean

import draccus
from tqdm import tqdm

from anymo.body import Body
from anymo.config import command, write_text
from anymo.data.corpus import MotionCorpus
from anymo.data.sampler import DrawConfig
from anymo.evaluation.aligned_model import AlignedModel, AlignmentProtocol, Numbers
from anymo.evaluation.aligned_test_sets import PARTS
from anymo.evaluation.alignment_report import alignment_report
from anymo.evaluation.caption_comparison import compare
from anymo.evaluation.held_out import check_unseen
from anymo.evaluation.ledger import model_hash

FILE, REPORT = "alignment.json", "alignment.md"


@dataclass(frozen=True, kw_only=True)
class AlignmentEvalConfig:
    """The evaluation of one aligned model, or of several that differ in their seed.

    Attributes:
        models: folders that train/align.py wrote, each with encoder, text, tokenizer and language_model.
        corpus: folder of the corpus they were trained on, for its held-out clips.
        output: folder of `alignment.json`, `alignment.md`, and what is finished of each model.
        json: another file for the numbers; null for none.
        test_sets: run the test sets too: once per release candidate, and logged in eval/test_set_log.jsonl.
        draw: what held-out windows look like; the rate is the model's own.
        protocol: how they are measured.
    """

    models: tuple[Path, ...] = (Path("runs/stages/align/model"),)
    corpus: Path = Path("runs/stages/corpus")
    output: Path = Path("runs/stages/alignment")
    json: Path | None = None
    test_sets: bool = False
    draw: DrawConfig = field(default_factory=DrawConfig)
    protocol: AlignmentProtocol = field(default_factory=AlignmentProtocol)

    def __post_init__(self) -> None:
        if not self.models or len(set(self.models)) < len(self.models):
            raise ValueError(f"models: expected different model folders, got {list(map(str, self.models))}")


def run_alignment_evaluation(config: AlignmentEvalConfig, bodies: Sequence[Body]) -> Numbers:
    """Measure aligned models and write numbers and report; parts that are finished are kept.

    Args:
        config: the evaluation.
        bodies: the bodies the corpus was built with.

    Returns:
        Numbers for JSON: `models` with all of each, `captions`, which compares them (`compare`), and the
        `command` that this process was started by.

    Raises:
        FileNotFoundError: no corpus, or a model folder lacks a part.
        ValueError: two folders hold the same model; they were not measured on the same windows; or the test
            sets were asked for, and a model has had its run; or a release was trained on held-out clips.
    """
    corpus = MotionCorpus.load(config.corpus)
    models = [
        AlignedModel(
            folder=folder,
            sha256=(sha256 := model_hash(folder, PARTS)),
            output=config.output / "models" / sha256[:16],
            corpus=corpus,
            bodies=bodies,
            draw=config.draw,
            protocol=config.protocol,
        )
        for folder in config.models
    ]
    _check(config, models)
    for folder in config.models:
        check_unseen(folder, corpus)
    jobs = [(model, name, measure) for model in models for name, measure in model.parts().items()]
    found: dict[str, Numbers] = {m.sha256: {} for m in models}
    for model, name, measure in tqdm(jobs, desc="alignment", unit="part"):
        found[model.sha256][name] = model.finished(name, measure)
    if config.test_sets:
        for model in models:
            found[model.sha256]["test_sets"] = model.test_sets()
    measured = [_measured(model, found[model.sha256]) for model in models]
    first = measured[0]["captions"]
    for model, numbers in zip(models, measured, strict=True):
        if any(numbers["captions"][key] != first[key] for key in ("clip", "references")):
            raise ValueError(
                f"models: expected all to be measured on the same windows, but those of {model.folder} "
                f"differ from those of {models[0].folder}; measure models of other windows by themselves"
            )
    scores = [numbers["captions"]["scores"] for numbers in measured]
    compared = compare(scores, first["clip"], seed=config.protocol.seed)
    protocol = draccus.encode(config.protocol)
    return _written(
        config, {"command": command(), "protocol": protocol, "captions": compared, "models": measured}
    )


def _check(config: AlignmentEvalConfig, models: Sequence[AlignedModel]) -> None:
    if len({model.sha256 for model in models}) < len(models):
        raise ValueError(
            f"models: expected different ones, got the same files twice in {list(map(str, config.models))}"
        )


def _measured(model: AlignedModel, parts: Numbers) -> Numbers:
    zeros = {name: parts.pop(f"zero_shot_{name}") for name in model.protocol.sets}
    scores, real = parts["captions"]["scores"], parts.pop("real_captions")
    return {
        "model": "/".join(model.folder.parts[-3:]),
        "sha256": model.sha256,
        **parts,
        **real,
        "caption_means": {s: {m: mean(values) for m, values in own.items()} for s, own in scores.items()},
        "zero_shot": zeros,
    }


def _written(config: AlignmentEvalConfig, numbers: Numbers) -> Numbers:
    text = json.dumps(numbers, indent=2) + "\n"
    for file in (config.output / FILE, *([config.json] if config.json else [])):
        file.parent.mkdir(parents=True, exist_ok=True)
        write_text(file, text)
    write_text(config.output / REPORT, alignment_report(numbers, markdown=True) + "\n")
    return numbers
