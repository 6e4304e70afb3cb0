"""A model folder and its parts."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

import torch

from anymo.assets import AssetError
from anymo.assets.hub import SHIPPED, fetch
from anymo.pipeline.answers import MotionAnswers
from anymo.pipeline.labels import LabelEmbeddings
from anymo.records import WindowBatch

if TYPE_CHECKING:
    from anymo.align import MotionLanguageModel
    from anymo.align.reader import MotionReader
    from anymo.encoders import ImuEncoder, TextTower

ENCODER_PARTS = ("encoder", "text")


def parts_of(folder: Path) -> tuple[str, ...]:
    """The parts a model folder must hold: encoder and text tower, and the tokenizer if it is aligned.

    Raises:
        FileNotFoundError: one of them is missing.
    """
    has_words = (folder / "tokenizer").is_dir() or (folder / "language_model").is_dir()
    parts = (*ENCODER_PARTS, "tokenizer") if has_words else ENCODER_PARTS
    for part in parts:
        if not (folder / part / "config.json").is_file():
            raise FileNotFoundError(
                f"model folder: expected {folder / part / 'config.json'}, found none; give a folder that "
                "`anymo demo`, train/align.py or train/pretrain.py made, such as runs/demo/model"
            )
    return parts


@contextmanager
def readable(folder: Path) -> Iterator[None]:
    """What goes wrong while a checkpoint is read, with the remedy, where the error has none of its own."""
    from safetensors import SafetensorError

    from anymo.align.base import BaseModelError

    try:
        yield
    except (FileNotFoundError, AssetError, BaseModelError):
        raise
    except (OSError, RuntimeError, ValueError, KeyError, SafetensorError) as error:
        raise ValueError(
            f"model folder {folder}: a checkpoint cannot be read ({error}); make it again"
        ) from error


class LoadedModel:
    """The parts of a model folder on a device; the language model is loaded when first asked for."""

    def __init__(
        self,
        encoder: "ImuEncoder",
        text: "TextTower",
        folder: Path,
        *,
        window_s: float,
        hop_s: float,
        reader: "MotionReader | None" = None,
        base: str | None = None,
    ) -> None:
        self.encoder, self.text = encoder.eval(), text.eval()
        self.folder, self.window_s, self.hop_s, self._reader = folder, window_s, hop_s, reader
        self._base = base
        self._answers: MotionAnswers | None = None
        self._label_embeddings = LabelEmbeddings()
        self.device, self.dtype = torch.device("cpu"), torch.float32

    @classmethod
    def from_pretrained(
        cls, source: str | Path = SHIPPED, revision: str | None = None, *, base: str | None = None
    ) -> Self:
        """Load a model: `encoder/` and `text/`, and `tokenizer/` and `language_model/` if aligned.

        Args:
            source: folder, or repository `owner/name` of the hub; left out, the model that comes with the
                package.
            revision: branch, tag or commit of the repository.
            base: where the language model's base is now; None is where it was when it was aligned.

        Raises:
            FileNotFoundError: there is no such model, or a part is missing; the message says which and how to
                make it.
            ValueError: a checkpoint cannot be read.
        """
        from anymo.align.reader import MotionReader
        from anymo.data.feature_extraction import AnymoFeatureExtractor
        from anymo.encoders import ImuEncoder, TextTower
        from anymo.tokenizer import MotionTokenizer

        folder = fetch(source, revision)
        has_words = "tokenizer" in parts_of(folder)
        with readable(folder):
            encoder = ImuEncoder.from_pretrained(folder / "encoder")
            tokenizer = MotionTokenizer.from_pretrained(folder / "tokenizer") if has_words else None
            text = TextTower.from_pretrained(folder / "text")
            extractor = AnymoFeatureExtractor.from_pretrained(folder / "encoder")
        return cls(
            encoder,
            text,
            folder,
            window_s=extractor.window_s,
            hop_s=extractor.hop_s,
            reader=None if tokenizer is None else MotionReader(encoder, tokenizer),
            base=base,
        )

    def to(self, device: str | torch.device, dtype: torch.dtype = torch.float32) -> Self:
        """Move all parts to a device, and compute in a precision there; embeddings and scores stay float32.

        Encoder, tokenizer and text tower keep float32 weights and compute by autocast. The language model,
        which reads all its weights for every token, has them in that type, and is loaded anew for another.
        The sentence model under the text tower computes in float32: what it has embedded is remembered for
        all pipelines.

        Raises:
            ValueError: a type other than float32, bfloat16 or float16, or a device that is not here.
        """
        if dtype not in (torch.float32, torch.bfloat16, torch.float16):
            raise ValueError(f"pipeline: expected dtype float32, bfloat16 or float16, got {dtype}")
        try:
            torch.empty(0, device=device)
        except (RuntimeError, AssertionError) as error:  # a build of torch without CUDA asserts
            said = str(error).partition("\n")[0]
            raise ValueError(f"device: expected one that is here, got {device} ({said}); try cpu") from error
        if dtype != self.dtype:
            self._answers, self._label_embeddings = None, LabelEmbeddings()
        self.device, self.dtype = torch.device(device), dtype
        for part in (self.encoder, self.text, self._reader):
            if part is not None:
                part.to(self.device)
        if self._answers is not None:
            self._answers.language_model.to(self.device)
        return self

    def precision(self) -> torch.autocast:
        """The context in which encoder, tokenizer and text tower compute: autocast, or none in float32."""
        half = self.dtype if self.dtype != torch.float32 else None
        return torch.autocast(self.device.type, half, enabled=half is not None)

    def codes(self, batch: WindowBatch) -> list[torch.Tensor]:
        """Motion tokens (L, G) of each window's valid steps.

        Raises:
            FileNotFoundError: as `reader`.
        """
        with self.precision():
            codes: list[torch.Tensor] = self.reader(batch.to(self.device))
        return codes

    @property
    def reader(self) -> "MotionReader":
        """Windows to motion tokens.

        Raises:
            FileNotFoundError: the folder holds an encoder that is pre-trained but not aligned.
        """
        if self._reader is None:
            raise FileNotFoundError(
                f"model folder: expected {self.folder / 'tokenizer'} for the routes of the language model, "
                "captions and questions, found none; take a model that has them (`make demo` leaves one in "
                "runs/demo/model), train them with train/tokenizer.py and train/align.py, or take "
                'route="embedding"'
            )
        return self._reader

    def load_language_model(self) -> None:
        """Load it now, not when it is first asked for.

        Raises:
            FileNotFoundError: as `answers`.
            ValueError: as `answers`.
        """
        _ = self.answers

    @property
    def language_model(self) -> "MotionLanguageModel":
        """The aligned language model."""
        return self.answers.language_model

    @property
    def answers(self) -> MotionAnswers:
        """What the language model says of windows; it is loaded when first asked for.

        Raises:
            FileNotFoundError: the model folder has none, or its base is missing.
            ValueError: it cannot be read, or was aligned with another tokenizer or on another base.
        """
        if self._answers is None:
            from anymo.align import MotionLanguageModel

            folder, codes = self.folder / "language_model", self.reader.tokenizer.codebook
            with readable(folder):
                model = MotionLanguageModel.from_pretrained(folder, base=self._base)
            if not torch.equal(model.motion_embedding.codebook, codes.cpu()):
                raise ValueError(
                    f"language model {folder}: it was aligned with another tokenizer than {folder.parent} "
                    "holds; run train/align.py again"
                )
            model = model.cast(self.dtype).to(self.device)
            self._answers = MotionAnswers(self.codes, model, self.text.config.temperature)
        return self._answers
