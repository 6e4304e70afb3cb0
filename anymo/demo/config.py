"""Configuration of the demo: every stage's own, on common folders."""

from dataclasses import Field, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from anymo.data.prepare import PrepareConfig
from anymo.evaluation.suite import EvaluateConfig
from anymo.training.align_config import AlignConfig
from anymo.training.pretrain import PretrainConfig
from anymo.training.tokenizer import TokenizerConfig

_STAGES = ("prepare", "pretrain", "tokenizer", "align")
_SET_BY_DEMO = ("output", "corpus", "encoder", "tokenizer", "seed")


@dataclass(frozen=True, kw_only=True)
class DemoConfig:
    """A demo run.

    Attributes:
        name: the run's folder under `runs`.
        seed: of every stage that trains; evaluate has its own.
        runs: folder of all runs.
        prepare: the corpus.
        pretrain: the encoder.
        tokenizer: the motion tokens.
        align: the language model.
        evaluate: what is measured.
    """

    name: str = "demo"
    seed: int = 0
    runs: Path = Path("runs")
    prepare: PrepareConfig = field(default_factory=PrepareConfig)
    pretrain: PretrainConfig = field(default_factory=PretrainConfig)
    # A run of minutes does not fill 2048 codes.
    tokenizer: TokenizerConfig = field(
        default_factory=lambda: TokenizerConfig(codebook_size=512, levels=(8, 8, 8))
    )
    align: AlignConfig = field(default_factory=AlignConfig)
    evaluate: EvaluateConfig = field(default_factory=EvaluateConfig)

    def __post_init__(self) -> None:
        for stage in _STAGES:
            given = getattr(self, stage)
            usual = type(given)()
            for f in _set_by_demo(given):
                if getattr(given, f.name) != getattr(usual, f.name):
                    raise ValueError(
                        f"demo: {stage}.{f.name} is set by the demo itself from runs, name and seed; "
                        f"leave it out (got {getattr(given, f.name)})"
                    )

        trained = (self.pretrain, self.tokenizer, self.align)
        for what, values in (
            # Of pre-training alone are targets and complete views.
            ("draw", [replace(stage.draw, num_targets=0, complete=False) for stage in trained]),
            ("optim.mixed_precision", [stage.optim.mixed_precision for stage in trained]),
        ):
            if any(value != values[0] for value in values):
                raise ValueError(
                    f"demo: {what} must be the same in pretrain, tokenizer and align, got {values}; "
                    "set all three"
                )

    @property
    def folder(self) -> Path:
        """Folder of this run."""
        return self.runs / self.name

    def stage(self, name: str) -> Any:
        """Configuration of a stage with this run's folders and seed."""
        folders = {
            "corpus": self.folder / "corpus",
            "encoder": self.folder / "pretrain" / "encoder",
            "tokenizer": self.folder / "tokenizer" / "tokenizer",
            "output": self.folder / ("corpus" if name == "prepare" else name),
            "seed": self.seed,
        }
        own = getattr(self, name)
        return replace(own, **{f.name: folders[f.name] for f in _set_by_demo(own)})


def _set_by_demo(stage: Any) -> list[Field[Any]]:
    """Folders and seed of a stage; the block `encoder` of pre-training is a shape."""
    return [f for f in fields(stage) if f.name in _SET_BY_DEMO and f.type in (Path, int)]
