"""Measure a finished model and write its report."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from anymo.assets.hub import SHIPPED
from anymo.body import Body
from anymo.config import encoded, write_text
from anymo.data.corpus import MotionCorpus
from anymo.data.sampler import DrawConfig, WindowSampler
from anymo.evaluation.held_out import check_unseen
from anymo.evaluation.parts import PartsConfig, measure_parts
from anymo.evaluation.parts_sections import recognition_table
from anymo.evaluation.showcase import Cost, write_showcase
from anymo.evaluation.suite import EvaluateConfig, evaluate
from anymo.pipeline import AnymoPipeline


@dataclass(frozen=True, kw_only=True)
class ReportConfig:
    """A report on a model.

    Attributes:
        model: folder that `AnymoPipeline.from_pretrained` loads; null for the model of the package.
        corpus: folder of the corpus it was trained on, for its held-out clips.
        output: folder of `report.html` and `metrics.json`, and with `parts` of `recognition.md`; loss curves
            are drawn from the stages' logs in it.
        draw: what held-out windows look like.
        evaluate: what is measured.
        parts: what a release is measured on besides; null for nothing.
    """

    model: Path | None = Path("runs/demo/model")
    corpus: Path = Path("runs/demo/corpus")
    output: Path = Path("runs/report")
    draw: DrawConfig = field(default_factory=DrawConfig)
    evaluate: EvaluateConfig = field(default_factory=EvaluateConfig)
    parts: PartsConfig | None = None


def report(config: ReportConfig, bodies: Sequence[Body], costs: Sequence[Cost] = ()) -> Path:
    """Measure a model on real recordings and on held-out motion, and write the page.

    Args:
        config: the report.
        bodies: the bodies the corpus was built with.
        costs: stage, seconds and peak memory of its training, where they are known.

    Returns:
        The output folder.

    Raises:
        ValueError: the model, a release, was trained on held-out clips of the corpus.
    """
    corpus = MotionCorpus.load(config.corpus)
    held_out = WindowSampler(corpus, bodies, config.draw, held_out=True)
    pipe = AnymoPipeline.from_pretrained(config.model or SHIPPED)
    check_unseen(pipe.folder, corpus)
    parts = None
    if config.parts is not None:
        folder = config.output / "parts"
        parts = measure_parts(config.parts, pipe, corpus, config.corpus, bodies, config.draw, folder)
    found = evaluate(pipe, held_out, config.evaluate)
    write_showcase(config.output, pipe, found, held_out, costs, parts, encoded(config))
    if parts is not None:
        write_text(config.output / "recognition.md", recognition_table(parts))
    return config.output
