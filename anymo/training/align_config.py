"""What an alignment run is told; what cannot work is refused as it is read."""

from dataclasses import dataclass, field
from pathlib import Path

from anymo.data.sampler import DrawConfig
from anymo.training.align_tasks import TaskMix
from anymo.training.optim import OptimConfig
from anymo.training.task import block_of


@dataclass(frozen=True, kw_only=True)
class ContrastConfig:
    """Weights of the contrastive losses, beside that of the tasks, which is 1; 0 leaves one out.

    Attributes:
        text: IMU and caption, InfoNCE both ways; identical captions are positives of each other.
        label: IMU and activity, likewise.
        embedding_size: width of the embeddings.
    """

    text: float = 0.0
    label: float = 0.0
    embedding_size: int = 256

    def __post_init__(self) -> None:
        if min(self.text, self.label) < 0 or self.embedding_size < 1:
            raise ValueError(
                "contrast: expected weights of 0 or more and an embedding_size above 0, got "
                f"{self.text}, {self.label} and {self.embedding_size}"
            )

    @property
    def is_on(self) -> bool:
        """Whether there is a contrastive loss."""
        return max(self.text, self.label) > 0


@dataclass(frozen=True, kw_only=True)
class AlignConfig:
    """An alignment run.

    Attributes:
        corpus: folder of the corpus.
        encoder: folder of the pre-trained encoder.
        tokenizer: folder of the motion tokenizer.
        output: folder of the run; `language_model/` and the whole `model/` are saved in it.
        start: folder of a language model that is trained on, `language_model/` of a run or a release; null
            for a new adapter and new embeddings.
        base: language model: asset name, folder or hub repository.
        four_bit: quantise the base, on a GPU.
        seed: of initial weights and every draw.
        lora_rank: rank of the adapter.
        fit_windows: windows from which new motion embeddings are started by regression.
        mix: weight of each task.
        contrast: weights of the contrastive losses.
        draw: what training windows look like.
        optim: steps, batch size, learning rate.
    """

    corpus: Path = Path("runs/demo/corpus")
    encoder: Path = Path("runs/demo/pretrain/encoder")
    tokenizer: Path = Path("runs/demo/tokenizer/tokenizer")
    output: Path = Path("runs/demo/align")
    start: Path | None = None
    base: str = "smollm2-135m-instruct"
    four_bit: bool = False
    seed: int = 0
    lora_rank: int = 16
    fit_windows: int = 512
    mix: TaskMix = field(default_factory=TaskMix)
    contrast: ContrastConfig = field(default_factory=ContrastConfig)
    draw: DrawConfig = field(default_factory=DrawConfig)
    optim: OptimConfig = field(
        default_factory=lambda: OptimConfig(
            steps=44,
            batch_size=16,
            micro_batches=2,
            lr=1e-3,
            warmup_steps=8,
            validate_every=44,
            save_every=22,
        )
    )

    def __post_init__(self) -> None:
        if self.lora_rank < 1 or self.fit_windows < 1:
            raise ValueError(
                f"lora_rank, fit_windows: expected 1 or more, got {self.lora_rank} and {self.fit_windows}"
            )
        block = block_of(self.optim.part_size, self.optim.block_size)
        if rare := {n: s for n, s in self.mix.shares.items() if s * block < 1}:
            raise ValueError(
                f"mix: expected each task to get a window of the {block} that are drawn together, got "
                f"shares {rare}; raise their weights or optim.batch_size, take an optim.block_size that "
                "divides the windows of a part, or set them to 0"
            )
        if self.contrast.is_on and self.optim.batch_size < 2:
            raise ValueError(
                "optim.batch_size: expected 2 or more, as contrast.text and label compare windows, got "
                f"{self.optim.batch_size}; to save memory raise optim.micro_batches instead"
            )
        if self.draw.complete or self.draw.num_targets:
            raise ValueError(
                "draw: expected complete false and num_targets 0, as alignment looks at neither, got "
                f"{self.draw.complete} and {self.draw.num_targets}; set them so"
            )
        if not self.mix.shares and not self.contrast.is_on:
            raise ValueError("mix, contrast: expected a weight above 0, got none; set mix.caption to 1")
