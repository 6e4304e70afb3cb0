"""A model that reads recordings in windows: all of one, or a few at a time, of what lies in memory or not."""

from collections.abc import Iterator, Sequence
from typing import Unpack

from anymo.data.window import window_pieces, windows
from anymo.pipeline.batches import CHUNK
from anymo.pipeline.loading import LoadedModel
from anymo.pipeline.pieces import OnGap, Source, Stated
from anymo.pipeline.stretches import Cut, timed_windows
from anymo.records import Array, Recording, WindowBatch

Recordings = Recording | Sequence[Recording]


class WindowedModel(LoadedModel):
    """The parts of a model folder, and the windows they read."""

    def windows(
        self, recordings: Recordings, *, hop_s: float | None = None, most: int | None = None
    ) -> Iterator[tuple[WindowBatch, Array]]:
        """All windows of each recording, as `anymo.data.window.windows` cuts them, and their starts, s.

        Samples that are missing are masked, and a window without any is left out with a warning.

        Args:
            recordings: one or more.
            hop_s: from one window's start to the next, s; the model's own where left out.
            most: so many windows of each recording at most, evenly spaced; None takes all.

        Yields:
            For each recording B windows of S sensors at the encoder's rate (signal (B, S, T, 6), acc in m/s²
            and gyro in rad/s, sensor frame), and (B,) their starts in seconds from the start of the
            recording.

        Raises:
            ValueError: as the first is taken, no recording; as one is reached, a recording that cannot be
                cut (under 0.5 s, nowhere valid) or whose rate changes on the way, or a hop under a sample.
        """
        cut = self._cut(hop_s)
        for recording in several(recordings):
            yield windows(recording, rate_hz=cut.rate_hz, window_s=cut.window_s, hop_s=cut.hop_s, most=most)

    def owned_windows(
        self, recordings: Recordings, *, most: int | None = None
    ) -> Iterator[tuple[int, WindowBatch]]:
        """The windows of recordings, a few at a time, each batch with its recording's number.

        Args:
            recordings: as `windows`.
            most: as `windows`.

        Raises:
            ValueError: as `windows`.
        """
        for number, recording in enumerate(several(recordings)):
            for batch, _ in _pieces(recording, self._cut(None), most):
                yield number, batch

    def stream_windows(
        self,
        source: Source,
        *,
        hop_s: float | None = None,
        on_gap: OnGap = "error",
        **stated: Unpack[Stated],
    ) -> Iterator[tuple[WindowBatch, Array]]:
        """Windows of a recording of any length, a few at a time, and their starts, s since the first sample.

        Args:
            source: a Recording; a path to a .csv, .npz or .parquet file, which is read in pieces; or an
                iterable of arrays (T, 3) or (T, 6) or DataFrames that follow one another.
            hop_s: from one window's start to the next; the model's own where left out.
            on_gap: "error" where no sample came for over a second, or "split": what follows is cut into
                windows anew. A Recording's gaps are as in `windows`.
            **stated: what `anymo.data.read_recording` asks of a source; nothing for a Recording, which knows.

        Raises:
            FileNotFoundError: at once, no such file.
            TypeError: at once, a fact that `read_recording` does not ask for.
            ValueError: at once, a hop, gap or fact that cannot be, or one that a Recording knows itself; on
                the way, with the row or time, for what `read_recording` refuses of samples, a gap, or a rate
                that changes.
        """
        cut = self._cut(hop_s)
        if not isinstance(source, Recording):
            return timed_windows(source, stated, cut, on_gap)
        if told := [*stated, *(["on_gap"] if on_gap != "error" else [])]:
            raise ValueError(f"stream: a Recording knows its own {', '.join(told)}; leave them out")
        return _pieces(source, cut)

    def _cut(self, hop_s: float | None) -> Cut:
        return Cut(self.encoder.config.rate_hz, self.window_s, self.hop_s if hop_s is None else hop_s)


def several(recordings: Recordings) -> Sequence[Recording]:
    """One or more as several.

    Raises:
        ValueError: none, or something else.
    """
    recordings = [recordings] if isinstance(recordings, Recording) else recordings
    if not isinstance(recordings, Sequence) or not all(isinstance(r, Recording) for r in recordings):
        raise ValueError(
            f"pipeline: expected a Recording or a list of them, got {type(recordings).__name__}; read a file "
            "or an array by anymo.read_recording(...), which asks what has to be known of it"
        )
    if not recordings:
        raise ValueError("pipeline: expected one recording or more, got none")
    return recordings


def _pieces(recording: Recording, cut: Cut, most: int | None = None) -> Iterator[tuple[WindowBatch, Array]]:
    yield from window_pieces(
        recording, rate_hz=cut.rate_hz, window_s=cut.window_s, hop_s=cut.hop_s, most=most, at_once=CHUNK
    )
