"""Measure a finished model and write its report."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from anymo.body import Body
from anymo.data.corpus import MotionCorpus
from anymo.data.sampler import DrawConfig, WindowSampler
from anymo.evaluation.showcase import Cost, write_showcase
from anymo.evaluation.suite import EvaluateConfig, evaluate
from anymo.pipeline import AnymoPipeline


@dataclass(frozen=True, kw_only=True)
class ReportConfig:
    """A report on a model.

    Attributes:
        model: folder that `AnymoPipeline.from_pretrained` loads.
        corpus: folder of the corpus it was trained on, for its held-out clips.
        output: folder of `report.html` and `metrics.json`; loss curves are drawn from the stages' logs in it.
        draw: what held-out windows look like.
        evaluate: what is measured.
    """

    model: Path = Path("runs/demo/model")
    corpus: Path = Path("runs/demo/corpus")
    output: Path = Path("runs/report")
    draw: DrawConfig = field(default_factory=DrawConfig)
    evaluate: EvaluateConfig = field(default_factory=EvaluateConfig)


def report(config: ReportConfig, bodies: Sequence[Body], costs: Sequence[Cost] = ()) -> Path:
    """Measure a model on real recordings and on held-out motion, and write the page.

    Args:
        config: the report.
        bodies: the bodies the corpus was built with.
        costs: stage, seconds and peak memory of its training, where they are known.

    Returns:
        The output folder.
    """
    held_out = WindowSampler(MotionCorpus.load(config.corpus), bodies, config.draw, held_out=True)
    pipe = AnymoPipeline.from_pretrained(config.model)
    write_showcase(config.output, pipe, evaluate(pipe, held_out, config.evaluate), held_out, costs)
    return config.output
