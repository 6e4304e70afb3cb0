"""Run every stage in order, then report."""

import logging
import shutil
from pathlib import Path

from anymo import config as configuration
from anymo.data.corpus import MotionCorpus
from anymo.data.prepare import bodies, prepare
from anymo.data.sampler import WindowSampler
from anymo.demo.config import DemoConfig
from anymo.demo.stages import StageBook
from anymo.evaluation.showcase import write_showcase
from anymo.evaluation.suite import evaluate
from anymo.pipeline import AnymoPipeline
from anymo.training.align import train_language_model
from anymo.training.pretrain import pretrain
from anymo.training.tokenizer import train_tokenizer

_log = logging.getLogger(__name__)


def run_demo(config: DemoConfig) -> Path:
    """From motion to words; finished stages are kept, an interrupted one goes on.

    Returns:
        Folder of the run, with `model/`, `report.html` and `metrics.json`.
    """
    configuration.save(config, config.folder)
    book = StageBook(config.folder)
    prep, pre, tok, ali = (config.stage(s) for s in ("prepare", "pretrain", "tokenizer", "align"))
    shapes = bodies(prep)
    book.run("prepare", prep, prep.output, lambda: prepare(prep))
    book.run("pretrain", pre, pre.output, lambda: pretrain(pre, shapes))
    book.run("tokenizer", tok, tok.output, lambda: train_tokenizer(tok, shapes))
    book.run("align", ali, ali.output, lambda: train_language_model(ali, shapes))
    model = config.folder / "model"
    book.run("model", config.name, model, lambda: _assemble(config.folder, model))

    def use() -> None:
        corpus = MotionCorpus.load(prep.output)
        held_out = WindowSampler(corpus, shapes, pre.draw, held_out=True)
        pipe = AnymoPipeline.from_pretrained(model)
        result = evaluate(pipe, held_out, config.evaluate)
        costs = [(c.name, c.seconds, c.peak_gib) for c in book.costs]
        write_showcase(config.folder, pipe, result, held_out, costs)

    book.run("report", config.evaluate, config.folder / "report", use)
    return config.folder


def _assemble(run: Path, model: Path) -> None:
    """Copy the trained parts into one folder that `AnymoPipeline.from_pretrained` loads."""
    parts = {
        "encoder": run / "pretrain" / "encoder",
        "text": run / "pretrain" / "text",
        "tokenizer": run / "tokenizer" / "tokenizer",
        "language_model": run / "align" / "language_model",
    }
    draft = model.with_name(".model.draft")
    shutil.rmtree(draft, ignore_errors=True)
    for name, source in parts.items():
        shutil.copytree(source, draft / name)
    shutil.rmtree(model, ignore_errors=True)
    draft.replace(model)
