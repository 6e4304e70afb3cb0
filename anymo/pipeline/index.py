"""A vector index over the windows of many hours of recording."""

import json
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from hashlib import file_digest, sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, Unpack

import numpy as np
import torch

from anymo.pipeline.batches import spans_s
from anymo.pipeline.index_files import (
    LIST,
    IndexPart,
    read_list,
    read_windows,
    windows_sha256,
    write_list,
    write_windows,
)
from anymo.pipeline.pieces import OnGap, Stated
from anymo.pipeline.results import Moment
from anymo.records import Array, Recording, WindowBatch

if TYPE_CHECKING:
    from anymo.pipeline.pipeline import AnymoPipeline


class MotionIndex:
    """Embeddings of windows with where they come from, searched exactly by cosine (FAISS, Johnson 2019).

    A window takes 1 KB at 256 numbers: a day at a window every 5 s is 18 MB.
    """

    def __init__(self, pipe: "AnymoPipeline") -> None:
        import faiss

        self.pipe, self.model = pipe, fingerprint(pipe)
        self._vectors: Any = faiss.IndexFlatIP(pipe.encoder.config.embedding_size)
        self._parts: list[IndexPart] = []

    def __len__(self) -> int:
        return int(self._vectors.ntotal)

    @property
    def recordings(self) -> list[str]:
        """Names of what was added."""
        return [part.name for part in self._parts]

    @property
    def ends_s(self) -> dict[str, float]:
        """When the last window of each recording ends, s from its first sample."""
        return {part.name: float(part.spans[:, 1].max()) for part in self._parts}

    def add(self, recordings: Recording | Sequence[Recording], *, hop_s: float | None = None) -> None:
        """Take in the windows of recordings, a few at a time.

        Args:
            recordings: each with a name of its own, by which its moments are found again.
            hop_s: from one window's start to the next; the model's own where left out.

        Raises:
            ValueError: a name is missing or taken; nothing of the recordings is then taken in.
        """
        recordings = [recordings] if isinstance(recordings, Recording) else recordings
        taken = set(self.recordings)
        for recording in recordings:
            _check_name(recording.name, taken)
            taken.add(recording.name)
        for recording in recordings:
            self._take(recording.name, "", self.pipe.stream_windows(recording, hop_s=hop_s))

    def add_file(
        self,
        file: str | Path,
        *,
        hop_s: float | None = None,
        on_gap: OnGap = "error",
        **stated: Unpack[Stated],
    ) -> bool:
        """Take in the windows of a file that is read in pieces, for recordings that do not fit in memory.

        A file that is in the index as it is now, stated and cut alike, is passed over, so that what was
        interrupted can be done again from the start.

        Args:
            file: as `AnymoPipeline.stream`; its moments are found by `name`, or by the file's name.
            hop_s: as `add`.
            on_gap: as `AnymoPipeline.stream`.
            **stated: as `AnymoPipeline.stream`.

        Returns:
            Whether its windows were not in the index.

        Raises:
            FileNotFoundError: no such file.
            TypeError: as `AnymoPipeline.stream`.
            ValueError: as `AnymoPipeline.stream`, or the name is taken by something else; nothing of the file
                is then taken in.
        """
        file, hop_s = Path(file), self.pipe.hop_s if hop_s is None else hop_s
        name = stated.get("name") or file.stem
        windows = self.pipe.stream_windows(file, hop_s=hop_s, on_gap=on_gap, **stated)
        made = _made(file, {**stated, "name": name, "hop_s": hop_s, "on_gap": on_gap})
        if any((part.name, part.made) == (name, made) for part in self._parts):
            return False
        _check_name(name, self.recordings)
        self._take(name, made, windows)
        return True

    def _take(self, name: str, made: str, windows: Iterable[tuple[WindowBatch, Array]]) -> None:
        """Add a recording when all of it is read."""
        spans, rows = list[Array](), list[torch.Tensor]()
        for batch, starts in windows:
            rows.append(self.pipe.embed_windows(batch))
            spans.append(spans_s(batch, starts))
        self._append(name, made, np.concatenate(spans), torch.cat(rows).numpy())

    def _append(self, name: str, made: str, spans: Array, vectors: Any) -> None:
        digest = windows_sha256(spans, vectors)
        self._parts.append(IndexPart(name=name, made=made, first=len(self), spans=spans, sha256=digest))
        self._vectors.add(vectors)

    def search(self, query: object, *, top: int = 5) -> list[Moment]:
        """Moments that fit a sentence, or are like a recording, best first.

        Args:
            query: a sentence, or a recording, whose mean embedding is looked for.
            top: how many, 1 or more, where there are as many.

        Raises:
            ValueError: the query is no sentence and no recording, or none is to be shown.
        """
        check_top(top)
        if isinstance(query, Recording):
            vector = self.pipe.embed(query)
        elif isinstance(query, str) and query.strip():
            vector = self.pipe.embed_text([query])
        else:
            raise ValueError(f"index: expected a sentence or a recording to look for, got {query!r}")
        if not len(self):
            return []
        scores, rows = self._vectors.search(vector.numpy(), min(top, len(self)))
        return [
            self._moment(row, score) for row, score in zip(rows[0].tolist(), scores[0].tolist(), strict=True)
        ]

    def _moment(self, row: int, score: float) -> Moment:
        part = self._parts[bisect_right(self._parts, row, key=lambda part: part.first) - 1]
        start_s, end_s = part.spans[row - part.first].tolist()
        return Moment(recording=part.name, start_s=start_s, end_s=end_s, score=score)

    def check_model(self, pipe: "AnymoPipeline") -> None:
        """Refuse a model whose embeddings lie elsewhere; the one that makes the query is not hashed again.

        Raises:
            ValueError: the index was made with another one.
        """
        if pipe is not self.pipe:
            _check_same(self.model, fingerprint(pipe), pipe.folder)

    def save(self, folder: str | Path) -> None:
        """Write what the folder has not: a file for each recording, and last `index.json`, which lists them.

        An index that is added to and saved again and again writes each recording once. Whoever reads the
        folder meanwhile, or after this was killed, finds what was saved before.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for part in self._parts:
            if not (folder / part.file).is_file():
                vectors = self._vectors.reconstruct_n(part.first, len(part.spans))
                write_windows(folder / part.file, part.spans, vectors)
        write_list(folder, self.model, self._parts)

    @classmethod
    def open(cls, folder: str | Path, pipe: "AnymoPipeline") -> Self:
        """The index that is saved in a folder, to be added to; or an empty one, where none is there yet.

        Raises:
            ValueError: as `load`.
        """
        return cls.load(folder, pipe) if (Path(folder) / LIST).is_file() else cls(pipe)

    @classmethod
    def load(cls, folder: str | Path, pipe: "AnymoPipeline") -> Self:
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: the folder holds no index.
            ValueError: it is of another model, or its files are not those that were written together.
        """
        index = cls(pipe)
        made_with, listed = read_list(Path(folder))
        _check_same(made_with, index.model, pipe.folder)
        for row in listed:
            index._append(row.name, row.made, *read_windows(Path(folder), row.sha256))
        return index


def fingerprint(pipe: "AnymoPipeline") -> str:
    """SHA-256 of what decides where a recording or a sentence lies: weights, rate and window length."""
    from anymo.encoders import weights_sha256

    return weights_sha256(pipe.encoder, pipe.text, beside=f"{pipe.encoder.config.rate_hz} {pipe.window_s}")


def check_top(top: int) -> None:
    """Refuse to show none.

    Raises:
        ValueError: less than 1.
    """
    if top < 1:
        raise ValueError(f"top: expected 1 or more, got {top}; say how many to show")


def _check_same(made_with: str, own: str, folder: Path) -> None:
    if made_with != own:
        raise ValueError(
            f"index: it was made with another model ({made_with[:12]}) than {folder} ({own[:12]}); "
            "build it again, or name the model it was made with"
        )


def _check_name(name: str, taken: Iterable[str]) -> None:
    if not name or name in taken:
        raise ValueError(
            f"index: expected a name that is not taken, got {name!r}; give what changed, or is stated or cut "
            "otherwise, another name, as read_recording(..., name=...) does, or make another index"
        )


def _made(file: Path, facts: dict[str, Any]) -> str:
    """SHA-256 of a file and of how it is read."""
    with file.open("rb") as stream:
        content = file_digest(stream, "sha256").hexdigest()
    known = {
        fact: float(said) if isinstance(said, int) else said
        for fact, said in facts.items()
        if said is not None
    }
    return sha256(f"{content} {json.dumps(known, sort_keys=True)}".encode()).hexdigest()
