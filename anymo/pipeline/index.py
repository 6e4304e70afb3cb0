"""A vector index over the windows of many hours of recording."""

import json
import tempfile
from collections.abc import Sequence
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from anymo.pipeline.batches import lengths_s
from anymo.pipeline.results import Moment
from anymo.records import Recording

if TYPE_CHECKING:
    from anymo.pipeline.pipeline import AnymoPipeline

_VECTORS, _MOMENTS, _FACTS = "windows.faiss", "windows.parquet", "index.json"


class MotionIndex:
    """Embeddings of windows with where they come from, searched exactly by cosine (FAISS, Johnson 2019).

    A window takes 1 KB at 256 numbers: a day at a window every 5 s is 18 MB.
    """

    def __init__(self, pipe: "AnymoPipeline") -> None:
        import faiss

        self.pipe, self.model = pipe, fingerprint(pipe)
        self._vectors: Any = faiss.IndexFlatIP(pipe.encoder.config.embedding_size)
        self._moments: list[tuple[str, float, float]] = []

    def __len__(self) -> int:
        return len(self._moments)

    @property
    def recordings(self) -> list[str]:
        """Names of what was added."""
        return list(dict.fromkeys(name for name, _, _ in self._moments))

    def add(self, recordings: Recording | Sequence[Recording], *, hop_s: float | None = None) -> None:
        """Take in the windows of recordings.

        Args:
            recordings: each with a name of its own, by which its moments are found again.
            hop_s: from one window's start to the next; the model's own where left out.

        Raises:
            ValueError: a name is missing or taken.
        """
        recordings = [recordings] if isinstance(recordings, Recording) else recordings
        taken = set(self.recordings)
        for recording in recordings:
            if not recording.name or recording.name in taken:
                raise ValueError(
                    f"index: expected a name that is not taken, got {recording.name!r}; name each recording, "
                    "as read_recording(..., name=...) does"
                )
            taken.add(recording.name)
        for recording, (batch, starts) in zip(
            recordings, self.pipe.windows(recordings, hop_s=hop_s), strict=True
        ):
            self._vectors.add(self.pipe.embed_windows(batch).numpy())
            ends = starts + np.array(lengths_s(batch))
            self._moments += [
                (recording.name, *span) for span in zip(starts.tolist(), ends.tolist(), strict=True)
            ]

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
            Moment(recording=name, start_s=start, end_s=end, score=float(score))
            for score, (name, start, end) in zip(scores[0], (self._moments[r] for r in rows[0]), strict=True)
        ]

    def check_model(self, pipe: "AnymoPipeline") -> None:
        """Refuse a model whose embeddings lie elsewhere; the one that makes the query is not hashed again.

        Raises:
            ValueError: the index was made with another one.
        """
        if pipe is not self.pipe:
            _check_same(self.model, fingerprint(pipe), pipe.folder)

    def save(self, folder: str | Path) -> None:
        """Write vectors, moments and, last, what they belong to."""
        import faiss
        import pyarrow as pa
        from pyarrow import parquet

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        columns = dict(zip(("recording", "start_s", "end_s"), zip(*self._moments, strict=True), strict=False))
        with tempfile.TemporaryDirectory(dir=folder, prefix=".tmp-") as made:
            part = Path(made)
            faiss.write_index(self._vectors, str(part / _VECTORS))
            parquet.write_table(pa.table({k: list(v) for k, v in columns.items()}), part / _MOMENTS)
            digests = {name: _digest(part / name) for name in (_VECTORS, _MOMENTS)}
            facts = {"model": self.model, "windows": len(self), "sha256": digests}
            (part / _FACTS).write_text(json.dumps(facts, indent=2), encoding="utf-8")
            for name in (_VECTORS, _MOMENTS, _FACTS):
                (part / name).replace(folder / name)

    @classmethod
    def load(cls, folder: str | Path, pipe: "AnymoPipeline") -> Self:
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: the folder holds no index.
            ValueError: it is of another model, or its files are not those that were written together.
        """
        import faiss
        from pyarrow import parquet

        folder = Path(folder)
        if not (folder / _FACTS).is_file():
            raise FileNotFoundError(f"index: expected {folder / _FACTS}; `anymo index build` makes an index")
        facts = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
        index = cls(pipe)
        _check_same(facts["model"], index.model, pipe.folder)
        for name, digest in facts["sha256"].items():
            if not (folder / name).is_file() or _digest(folder / name) != digest:
                raise ValueError(f"index {folder}: {name} is missing or was changed; build it again")
        index._vectors = faiss.read_index(str(folder / _VECTORS))
        table = parquet.read_table(folder / _MOMENTS).to_pydict()
        index._moments = list(zip(*table.values(), strict=True))
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


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()
