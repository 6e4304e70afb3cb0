"""Run every stage in order, then report."""

from functools import cache
from pathlib import Path

from anymo import config as configuration
from anymo.data.prepare import bodies, prepare, real_clips_id
from anymo.demo.config import DemoConfig
from anymo.demo.stages import StageBook
from anymo.evaluation.run import ReportConfig, report
from anymo.training.align import assemble, train_language_model
from anymo.training.pretrain import pretrain
from anymo.training.tokenizer import train_tokenizer


def run_demo(config: DemoConfig) -> Path:
    """From motion to words; finished stages are kept, an interrupted one goes on.

    Returns:
        Folder of the run, with `model/`, `report.html` and `metrics.json`.
    """
    configuration.save(config, config.folder)
    book = StageBook(config.folder)
    prep, pre, tok, ali = (config.stage(s) for s in ("prepare", "pretrain", "tokenizer", "align"))
    shapes = cache(lambda: bodies(prep))  # made where a stage has something to do
    model = config.folder / "model"
    book.run("prepare", (prep, real_clips_id(prep)), [prep.output], lambda: prepare(prep))
    book.run("pretrain", pre, [pre.output], lambda: pretrain(pre, shapes()))
    book.run("tokenizer", tok, [tok.output], lambda: train_tokenizer(tok, shapes()))
    book.run("align", ali, [ali.output], lambda: train_language_model(ali, shapes()))
    book.run("model", config.name, [model], lambda: assemble(ali, model))

    page = ReportConfig(
        model=model, corpus=prep.output, output=config.folder, draw=pre.draw, evaluate=config.evaluate
    )
    outputs = [config.folder / name for name in ("metrics.json", "report.html")]
    book.run("report", page, outputs, lambda: report(page, shapes(), book.costs))
    return config.folder
