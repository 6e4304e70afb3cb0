"""What labelled recordings teach on top of a trained model: fitted, kept in a folder, used on new ones."""

import json
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING, Self, Unpack, cast

import numpy as np
import torch
from tqdm import tqdm

from anymo.config import write_text
from anymo.encoders import weights_sha256
from anymo.pipeline.batches import chunks, recording_means
from anymo.pipeline.pieces import OnGap, Source, Stated
from anymo.pipeline.results import Classification, Segment
from anymo.pipeline.segments import check_smoothing, stretches
from anymo.pipeline.windowed import Recordings, several
from anymo.records import Array, Recording, WindowBatch
from anymo.training.classifiers import (
    PROBES,
    LinearMap,
    LinearMaps,
    Probe,
    column_slots,
    cut_examples,
    in_columns,
    sensor_columns,
)

if TYPE_CHECKING:
    from anymo.pipeline.pipeline import AnymoPipeline

_log = logging.getLogger(__name__)

FACTS, WEIGHTS = "classifier.json", "classifier.safetensors"
_FITTED: dict[Probe, type[LinearMap] | type[LinearMaps]] = {"probe": LinearMap, "probes": LinearMaps}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Classifier:
    """A linear probe on the frozen encoder of a model, fitted on labelled recordings: docs/few_shot.md.

    pipe     the model, which cuts recordings into windows and reads them
    method   "probes", of the latents and of hand-made features, or "probe", of the latents alone
    counts   label -> recordings that were fitted on, in the order of scores
    columns  places where their sensors were worn, as `anymo.training.classifiers.sensor_columns` gives
    gravity  what they were stated to have: "included", "removed", or both
    fitted   features to probabilities
    """

    pipe: "AnymoPipeline" = field(repr=False)
    method: Probe
    counts: dict[str, int]
    columns: tuple[str, ...]
    gravity: tuple[str, ...]
    fitted: LinearMap | LinearMaps = field(repr=False)

    @property
    def labels(self) -> tuple[str, ...]:
        """In the order of scores."""
        return tuple(self.counts)

    @classmethod
    def fit(
        cls,
        recordings: Sequence[Recording],
        pipe: "AnymoPipeline",
        *,
        method: Probe = "probes",
        seed: int = 0,
    ) -> Self:
        """Fit a probe on labelled recordings, as `anymo.evaluation.few_shot` does on its training part.

        Args:
            recordings: each with a `label`, two labels or more; those with a `subject` let the penalty be
                chosen on people who are held out.
            pipe: the trained model; it is not changed.
            method: "probes" or "probe".
            seed: of who is held out.

        Raises:
            ValueError: no recording, one without a label or that cannot be cut into windows, fewer than two
                labels, or another method.
        """
        if method not in PROBES:
            raise ValueError(
                f"method: expected {' or '.join(PROBES)}, got {method!r}; the other methods of "
                "anymo.training.classifiers are fitted there, and are not kept"
            )
        counts = _counted(recordings)
        columns = sensor_columns(recordings)
        examples = cut_examples(
            recordings, tuple(counts), rate_hz=pipe.encoder.config.rate_hz, window_s=pipe.window_s,
            hop_s=pipe.hop_s, columns=columns,
        )  # fmt: skip
        windows = cast("WindowBatch", examples.inputs)
        parts = tqdm(chunks(len(examples)), desc="fit", unit="batch", disable=None)
        rows = np.concatenate([_features(pipe, method, windows.select(part)) for part in parts])
        _log.info("fit: %d windows of %d recordings", len(examples), len(recordings))
        return cls(
            pipe=pipe,
            method=method,
            counts=counts,
            columns=columns,
            gravity=tuple(sorted({s.gravity for r in recordings for s in r.sensors})),
            fitted=PROBES[method](pipe.encoder).fit(examples.with_inputs(rows), seed),
        )

    def classify(self, recordings: Recordings) -> list[Classification]:
        """Label of each recording; its scores are the mean of its windows' probabilities.

        Args:
            recordings: one or more, whose sensors were worn where those fitted on were. The left and the
                right of a place are one, unless somebody wore both at once; a place may be missing.

        Raises:
            ValueError: no recording, one that cannot be cut into windows, a sensor at another place, or
                gravity otherwise than in all that were fitted on.
        """
        recordings = several(recordings)
        slots = [self._slots(recording) for recording in recordings]
        owned = (
            (number, in_columns(batch, slots[number], len(self.columns)))
            for number, batch in self.pipe.owned_windows(recordings)
        )
        means = recording_means(owned, lambda batch: torch.from_numpy(self.window_scores(batch)))
        return [
            Classification(
                label=self.labels[int(row.argmax())], scores=dict(zip(self.labels, row.tolist(), strict=True))
            )
            for row in means
        ]

    def stream(
        self,
        source: Source,
        *,
        hop_s: float | None = None,
        smooth: int = 1,
        on_gap: OnGap = "error",
        **stated: Unpack[Stated],
    ) -> Iterator[Segment]:
        """Labelled stretches of a recording of any length, as `AnymoPipeline.stream` gives them.

        Args:
            source: as `AnymoPipeline.stream`.
            hop_s: as `AnymoPipeline.stream`.
            smooth: as `AnymoPipeline.stream`.
            on_gap: as `AnymoPipeline.stream`.
            **stated: as `AnymoPipeline.stream`.

        Raises:
            FileNotFoundError: as `AnymoPipeline.stream`.
            TypeError: as `AnymoPipeline.stream`.
            ValueError: as `AnymoPipeline.stream`; at once, as `classify`.
        """
        check_smoothing(smooth)
        read = self.pipe.stream_windows(source, hop_s=hop_s, on_gap=on_gap, **stated)
        slots = self._slots(source if isinstance(source, Recording) else stated)
        placed = ((in_columns(batch, slots, len(self.columns)), starts) for batch, starts in read)
        return stretches(
            placed, lambda batch: torch.from_numpy(self.window_scores(batch)).log(), self.labels, smooth
        )

    def window_scores(self, batch: WindowBatch) -> Array:
        """Probabilities (B, num labels) of windows whose sensors stand in `columns`."""
        return self.fitted(_features(self.pipe, self.method, batch))

    def save(self, folder: str | Path) -> None:
        """Write `classifier.safetensors`, and last `classifier.json`, which says what it belongs to."""
        from safetensors.numpy import save_file

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f".{WEIGHTS}"
        save_file({name: np.ascontiguousarray(a) for name, a in self.fitted.arrays().items()}, draft)
        draft.replace(folder / WEIGHTS)
        facts = {
            "method": self.method,
            "labels": self.counts,
            "sensors": self.columns,
            "gravity": self.gravity,
            "encoder": _fingerprint(self.pipe),
            "weights": _digest(folder / WEIGHTS),
        }
        write_text(folder / FACTS, json.dumps(facts, indent=2, ensure_ascii=False) + "\n")

    @classmethod
    def load(cls, folder: str | Path, pipe: "AnymoPipeline") -> Self:
        """Read what `save` wrote.

        Args:
            folder: that it was saved in.
            pipe: the model it was fitted on.

        Raises:
            FileNotFoundError: the folder holds no classifier.
            ValueError: it was fitted on another encoder, or its files are not those that were written
                together.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        folder = Path(folder)
        if not (folder / FACTS).is_file():
            raise FileNotFoundError(
                f"classifier: expected {folder / FACTS}, found none; `anymo fit`, or `Classifier.fit` and "
                "`save`, make one"
            )
        try:
            facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
            made_with, written = str(facts["encoder"]), str(facts["weights"])
            if _digest(folder / WEIGHTS) != written:
                raise ValueError(f"{WEIGHTS} is of another fit")
            read = cls(
                pipe=pipe,
                method=facts["method"],
                counts=dict(facts["labels"]),
                columns=tuple(facts["sensors"]),
                gravity=tuple(facts["gravity"]),
                fitted=_FITTED[facts["method"]].of(load_file(folder / WEIGHTS)),
            )
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise ValueError(
                f"classifier {folder}: its files are missing or were changed ({error}); fit it again"
            ) from error
        if made_with != (own := _fingerprint(pipe)):
            raise ValueError(
                f"classifier {folder}: it was fitted on another encoder ({made_with[:12]}) than that of "
                f"{pipe.folder} ({own[:12]}); name the model it was fitted on, or fit it again"
            )
        return read

    def _slots(self, worn: Recording | Stated) -> list[int]:
        """The column of each sensor of a recording, or of what is stated of a stream."""
        if isinstance(worn, Recording):
            name, sensors = worn.name, [(s.placement, s.gravity) for s in worn.sensors]
        else:
            places = worn["placement"]
            name, sensors = (
                worn.get("name", "stream"),
                [(place, worn["gravity"]) for place in ([places] if isinstance(places, str) else places)],
            )
        if other := sorted({gravity for _, gravity in sensors} - set(self.gravity)):
            raise ValueError(
                f"recording {name!r}: expected gravity {' or '.join(self.gravity)}, as in what the "
                f"classifier was fitted on, got {other[0]}; record it alike, or fit on such recordings too"
            )
        return column_slots([placement for placement, _ in sensors], self.columns, name)


def _counted(recordings: Sequence[Recording]) -> dict[str, int]:
    """Recordings of each label, in the order of the alphabet."""
    nameless = [r.name for r in recordings if not r.label]
    if nameless:
        raise ValueError(
            f"fit: expected a label for each recording, got none for {len(nameless)}, the first "
            f"{nameless[0]!r}; label them or leave them out"
        )
    counts = dict(sorted(Counter(r.label for r in recordings).items()))
    if len(counts) < 2:
        got = f"{len(recordings)} of {next(iter(counts))!r} alone" if counts else "none"
        raise ValueError(
            f"fit: expected recordings of two labels or more, got {got}; add recordings of what else there is"
        )
    return counts


def _features(pipe: "AnymoPipeline", method: Probe, batch: WindowBatch) -> Array:
    """(B, D) features that a method reads of windows."""
    with pipe.precision():
        return PROBES[method](pipe.encoder).represent(batch)


def _fingerprint(pipe: "AnymoPipeline") -> str:
    """SHA-256 of what decides what a window's features are: encoder, rate and window length."""
    return weights_sha256(pipe.encoder, beside=f"{pipe.encoder.config.rate_hz} {pipe.window_s}")


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()
