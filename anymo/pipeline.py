"""One object for everything a user does with a trained model: embed, classify, retrieve, caption.

Example:
    pipe = AnymoPipeline.from_pretrained("runs/demo/model")
    watch = read_recording("watch.csv", rate_hz=50, acc_unit="g", gyro_unit="deg/s",
                           gravity="included", placement="left wrist")
    pipe.classify(watch, labels=["walking", "running", "cycling"])
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self, get_args

import torch
from torch.nn import functional as F

from anymo.assets import AssetError
from anymo.data.window import collate, windows
from anymo.records import Array, Recording, WindowBatch

if TYPE_CHECKING:
    from anymo.align import MotionLanguageModel
    from anymo.align.model import MotionPrompt
    from anymo.align.reader import MotionReader
    from anymo.encoders import ImuEncoder, TextTower

Route = Literal["embedding", "likelihood"]
Recordings = Recording | Sequence[Recording]
TEMPLATES = ("{}", "a person is {}")
_CHUNK = 256  # windows encoded at once: bounds memory for hours of recording


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """Label of one recording; `scores` has one per label, in the order given, and sums to 1."""

    label: str
    scores: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A sentence found for a recording, by its position among those given."""

    index: int
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedCaption:
    """What the language model says of one window of a recording."""

    start_s: float
    end_s: float
    text: str


class AnymoPipeline:
    """Encoder, text tower, tokenizer and language model behind four verbs.

    Every verb takes a Recording or several (`anymo.data.read_recording` makes one from an array, a
    DataFrame, a CSV, npz or parquet file with its rate, units, gravity, sign and placement stated).
    Encoder and text tower alone, as pre-training leaves them, can embed, retrieve and classify; the
    likelihood route and captions need tokenizer and language model, which is loaded when first asked for.
    """

    def __init__(
        self,
        encoder: "ImuEncoder",
        text: "TextTower",
        folder: Path,
        *,
        window_s: float,
        hop_s: float,
        reader: "MotionReader | None" = None,
    ) -> None:
        self.encoder, self.text = encoder.eval(), text.eval()
        self.folder, self.window_s, self.hop_s, self._reader = folder, window_s, hop_s, reader
        self._language_model: MotionLanguageModel | None = None
        self.device, self.dtype = torch.device("cpu"), torch.float32

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> Self:
        """Load a model folder: `encoder/` and `text/`, and `tokenizer/` and `language_model/` if aligned.

        Raises:
            FileNotFoundError: a part is missing; the message says which and how to make it.
            ValueError: a checkpoint cannot be read.
        """
        from anymo.align.reader import MotionReader
        from anymo.data.feature_extraction import AnymoFeatureExtractor
        from anymo.encoders import ImuEncoder, TextTower
        from anymo.tokenizer import MotionTokenizer

        folder = Path(folder)
        has_words = (folder / "tokenizer").is_dir() or (folder / "language_model").is_dir()
        for part in ("encoder", "text", "tokenizer") if has_words else ("encoder", "text"):
            if not (folder / part / "config.json").is_file():
                raise FileNotFoundError(
                    f"model folder: expected {folder / part / 'config.json'}, found none; give a folder that "
                    "`anymo demo`, train/align.py or train/pretrain.py made, such as runs/demo/model"
                )
        with _readable(folder):
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
        )

    def to(self, device: str | torch.device, dtype: torch.dtype = torch.float32) -> Self:
        """Move to a device, and encode in a precision there: weights and signals stay float32 (autocast).

        Raises:
            ValueError: a type other than float32, bfloat16 or float16.
        """
        if dtype not in (torch.float32, torch.bfloat16, torch.float16):
            raise ValueError(f"pipeline: expected dtype float32, bfloat16 or float16, got {dtype}")
        self.device, self.dtype = torch.device(device), dtype
        for part in (self.encoder, self.text, self._reader):
            if part is not None:
                part.to(self.device)
        if self._language_model is not None:
            self._language_model.to(self.device)
        return self

    @property
    def reader(self) -> "MotionReader":
        """Windows to motion tokens.

        Raises:
            FileNotFoundError: the folder holds an encoder that is pre-trained but not aligned.
        """
        if self._reader is None:
            raise FileNotFoundError(
                f"model folder: expected {self.folder / 'tokenizer'} for the likelihood route and captions, "
                'found none; run train/tokenizer.py and train/align.py, or take route="embedding"'
            )
        return self._reader

    @property
    def language_model(self) -> "MotionLanguageModel":
        """The aligned language model.

        Raises:
            FileNotFoundError: the model folder has none.
            ValueError: it cannot be read, or was aligned with another tokenizer.
        """
        if self._language_model is None:
            from anymo.align import MotionLanguageModel

            folder, codes = self.folder / "language_model", self.reader.tokenizer.quantizer.codes
            with _readable(folder):
                model = MotionLanguageModel.from_pretrained(folder).to(self.device)
            if not torch.equal(model.motion_embedding.codebook, codes):
                raise ValueError(
                    f"language model {folder}: it was aligned with another tokenizer than {folder.parent} "
                    "holds; run train/align.py again"
                )
            self._language_model = model
        return self._language_model

    def embed(self, recordings: Recordings) -> torch.Tensor:
        """Unit embeddings (num recordings, E): the mean over a recording's windows."""
        return self._embed_batches(batch for batch, _ in self._windows(recordings))

    def _embed_batches(self, batches: Iterable[WindowBatch]) -> torch.Tensor:
        rows: list[torch.Tensor] = []
        for group in _groups(batches):
            windows = self.embed_windows(collate(group)).split([len(batch) for batch in group])
            rows += [part.mean(dim=0) for part in windows]
        return F.normalize(torch.stack(rows), dim=-1)

    def embed_text(self, texts: Sequence[str]) -> torch.Tensor:
        """Unit embeddings (num texts, E) of sentences, in the same space."""
        with torch.no_grad():
            embeddings: torch.Tensor = self.text(texts)
        return embeddings.cpu()

    def classify(
        self, recordings: Recordings, *, labels: Sequence[str], route: Route = "embedding"
    ) -> list[Classification]:
        """Zero-shot label of each recording.

        Args:
            recordings: one or more.
            labels: two or more phrases in plain words, "walking", "riding a bicycle".
            route: "embedding" compares with the labels' text embeddings, averaged over TEMPLATES;
                "likelihood" asks the language model how much more probable each label is as an answer
                after these motion tokens than after random ones.

        Raises:
            ValueError: fewer than two labels, a label twice or empty, an unknown route.
        """
        scores = self.scores(recordings, labels=labels, route=route)
        return [
            Classification(
                label=labels[int(row.argmax())],
                scores=dict(zip(labels, row.softmax(dim=0).tolist(), strict=True)),
            )
            for row in scores
        ]

    def scores(
        self,
        recordings: Recordings,
        *,
        labels: Sequence[str],
        route: Route = "embedding",
        max_windows: int | None = None,
    ) -> torch.Tensor:
        """Logits (num recordings, num labels) that `classify` ranks.

        Scaled cosines, or log-likelihoods per token less those after random motion
        (`MotionLanguageModel.prior`).

        Args:
            recordings: one or more.
            labels: as `classify`.
            route: as `classify`.
            max_windows: read at most this many windows of each recording, evenly spaced; None reads all.
        """
        _check_labels(labels)
        if route not in get_args(Route):
            raise ValueError(f"route: expected one of {get_args(Route)}, got {route!r}")
        batches = [_spread(batch, max_windows) for batch, _ in self._windows(recordings)]
        if route == "embedding":
            return 10.0 * self._embed_batches(batches) @ self.embed_labels(labels).T
        scores = self.answer_scores(collate(batches), labels)
        return torch.stack([part.mean(dim=0) for part in scores.split([len(b) for b in batches])])

    def embed_labels(self, labels: Sequence[str]) -> torch.Tensor:
        """Unit text embeddings of labels, mean over TEMPLATES."""
        parts = [self.embed_text([t.format(label) for label in labels]) for t in TEMPLATES]
        return F.normalize(torch.stack(parts).mean(dim=0), dim=-1)

    def retrieve(self, recordings: Recordings, texts: Sequence[str], *, top: int = 5) -> list[list[Match]]:
        """The sentences that fit each recording best, best first."""
        if isinstance(texts, str) or not texts or not all(t.strip() for t in texts):
            raise ValueError(f"retrieve: expected a list of sentences, none empty, got {texts!r}")
        similarity = self.embed(recordings) @ self.embed_text(texts).T
        best = similarity.topk(min(top, len(texts)), dim=1)
        return [
            [Match(index=i, score=s) for i, s in zip(*pair, strict=True)]
            for pair in zip(best.indices.tolist(), best.values.tolist(), strict=True)
        ]

    def caption(self, recordings: Recordings) -> list[list[TimedCaption]]:
        """A sentence for each window of each recording, from the language model."""
        result = []
        for batch, starts in self._windows(recordings):
            texts = self.caption_windows(batch)
            lengths = [n / batch.rate_hz for n in _lengths(batch)]
            result.append(
                [
                    TimedCaption(start_s=s, end_s=s + length, text=t)
                    for s, length, t in zip(starts.tolist(), lengths, texts, strict=True)
                ]
            )
        return result

    def caption_windows(self, batch: WindowBatch, *, at_once: int = 16) -> list[str]:
        """A sentence for each window."""
        from anymo.align.prompts import description_in

        texts: list[str] = []
        for rows in _chunks(len(batch), at_once):
            texts += map(description_in, self.language_model.generate(self._prompts(batch.select(rows))))
        return texts

    def answer_scores(self, batch: WindowBatch, labels: Sequence[str], *, at_once: int = 16) -> torch.Tensor:
        """How much each window speaks for each label as its activity: (B, num labels).

        Log-probability per token after the window's motion tokens, less that after random ones.
        """
        from anymo.align.prompts import activity

        model, answers = self.language_model, [activity(label) for label in labels]
        parts = [
            model.log_likelihood(self._prompts(batch.select(rows)), answers)
            for rows in _chunks(len(batch), at_once)
        ]
        worn = [tuple(s) for s in _worn_segments(batch)]
        prior = {segments: model.prior(answers, segments) for segments in set(worn)}
        return (torch.cat(parts) - torch.stack([prior[s] for s in worn])).cpu()

    def _prompts(self, batch: WindowBatch) -> list["MotionPrompt"]:
        codes = self.reader(batch.to(self.device))
        return [
            self.language_model.prompt(c, segments)
            for c, segments in zip(codes, _worn_segments(batch), strict=True)
        ]

    @torch.no_grad()
    def embed_windows(self, batch: WindowBatch) -> torch.Tensor:
        """Unit embeddings (B, E) of windows at the encoder's rate."""
        parts = [batch.select(rows).to(self.device) for rows in _chunks(len(batch))]
        half = self.dtype if self.dtype != torch.float32 else None
        with torch.autocast(self.device.type, half, enabled=half is not None):
            return torch.cat([self.encoder(part).embedding.float().cpu() for part in parts])

    def _windows(self, recordings: Recordings) -> Iterator[tuple[WindowBatch, Array]]:
        recordings = [recordings] if isinstance(recordings, Recording) else recordings
        if not recordings:
            raise ValueError("pipeline: expected one recording or more, got none")
        rate = self.encoder.config.rate_hz
        for recording in recordings:
            yield windows(recording, rate_hz=rate, window_s=self.window_s, hop_s=self.hop_s)


@contextmanager
def _readable(folder: Path) -> Iterator[None]:
    """What goes wrong while a checkpoint is read, with the remedy."""
    from safetensors import SafetensorError

    try:
        yield
    except (FileNotFoundError, AssetError):
        raise
    except (OSError, RuntimeError, ValueError, KeyError, SafetensorError) as error:
        raise ValueError(
            f"model folder {folder}: a checkpoint cannot be read ({error}); make it again"
        ) from error


def _chunks(num: int, size: int = _CHUNK) -> list[slice]:
    return [slice(k, k + size) for k in range(0, num, size)]


def _groups(batches: Iterable[WindowBatch]) -> Iterator[list[WindowBatch]]:
    """Recordings whose windows go through the encoder together."""
    group: list[WindowBatch] = []
    for batch in batches:
        group.append(batch)
        if sum(map(len, group)) >= _CHUNK:
            yield group
            group = []
    if group:
        yield group


def _spread(batch: WindowBatch, max_windows: int | None) -> WindowBatch:
    if max_windows is None or len(batch) <= max_windows:
        return batch
    return batch.select(((torch.arange(max_windows) + 0.5) * len(batch) / max_windows).long())


def _lengths(batch: WindowBatch) -> list[int]:
    """Samples of each window up to its last valid one."""
    seen = batch.sample_valid.any(dim=1)
    positions = torch.arange(1, seen.shape[1] + 1)
    return (seen * positions).amax(dim=1).tolist()


def _worn_segments(batch: WindowBatch) -> list[list[int]]:
    """Segments that carry the sensors of each window."""
    return [s[w].tolist() for s, w in zip(batch.segment, batch.worn, strict=True)]


def _check_labels(labels: Sequence[str]) -> None:
    if isinstance(labels, str):
        raise ValueError(
            f"labels: expected two or more phrases, got one string {labels!r}; put them in a list"
        )
    blank = [i for i, label in enumerate(labels) if not label.strip()]
    twice = sorted({label for label in labels if list(labels).count(label) > 1})
    if len(labels) < 2 or blank or twice:
        raise ValueError(
            f"labels: expected two or more different phrases, got {list(labels)}"
            + (f"; empty at {blank}" if blank else "")
            + (f"; given twice: {twice}" if twice else "")
        )
