"""Windows of a recording that is read in pieces: the same as those of the whole, in constant memory."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from anymo.data.timing import MIN_DURATION_S
from anymo.data.window import check_cut, windows
from anymo.pipeline.pieces import OnGap, Piece, Pieces, Stated, UnreadSource
from anymo.records import Array, Recording, SensorStream, WindowBatch

_log = logging.getLogger(__name__)

# Change of rate is a zero-phase filter and a spline: 3 s away, the ends of a piece are forgotten. The slowest
# pole is at 0.19 of the angular cut-off: exp(-0.19 · 2π · 0.45 · 5 · 3) = 3e-4 at 5 Hz, 1e-14 at 20 Hz.
_MARGIN_S = 3.0
_SLACK_S = 2.0  # among whose samples the one nearest to the new grid opens a piece


@dataclass(frozen=True, slots=True)
class Cut:
    """How windows are cut: the model's rate, their length and the hop.

    Raises:
        ValueError: as `anymo.data.windows`.
    """

    rate_hz: float
    window_s: float
    hop_s: float

    def __post_init__(self) -> None:
        check_cut(self.rate_hz, self.window_s, self.hop_s)


def timed_windows(
    source: UnreadSource, stated: Stated, cut: Cut, on_gap: OnGap
) -> Iterator[tuple[WindowBatch, Array]]:
    """Batches of windows and their starts, s, as soon as their samples and 3 s more are there.

    Args:
        source: a path, or what follows one another.
        stated: what `read_recording` asks.
        cut: how.
        on_gap: "error" or "split".

    Raises:
        ValueError: what `Pieces` refuses, at once or on the way; on the way, nothing is long enough to be
            cut.
    """
    return _windows_of(Pieces(source, stated, on_gap), cut)


def _windows_of(pieces: Pieces, cut: Cut) -> Iterator[tuple[WindowBatch, Array]]:
    stretch: _Stretch | None = None
    count = 0
    for piece in pieces:
        if stretch is None or piece.opens:
            if stretch is not None:
                yield from (last := stretch.ready(final=True))
                count += len(last)
            stretch = _Stretch(piece, cut, pieces.where)
        stretch.add(piece)
        yield from (some := stretch.ready())
        count += len(some)
    if stretch is not None:
        yield from (last := stretch.ready(final=True))
        count += len(last)
    if not count:
        raise ValueError(f"{pieces.where}: lasts under {MIN_DURATION_S} s; give {MIN_DURATION_S} s or more")


class _Stretch:
    """Samples without a gap, on their grid, as far back as windows still need them.

    Counted from the stretch's first sample: `_begin` is the first sample kept, `_next` the start of the next
    window at the new rate.
    """

    def __init__(self, piece: Piece, cut: Cut, where: str) -> None:
        self._cut, self._where, self._origin = cut, where, int(piece.positions[0])
        self._sensor = piece.sensor
        self._begin, self._next, self._last = 0, 0, -1
        self._length, self._hop = round(cut.window_s * cut.rate_hz), round(cut.hop_s * cut.rate_hz)
        self._rate = piece.sensor.rate_hz
        self._signal = np.empty((0, 3 if piece.sensor.gyro is None else 6))

    def add(self, piece: Piece) -> None:
        """Samples that follow; those dropped between are NaN and not valid."""
        sensor = piece.sensor
        parts = [sensor.acc] if sensor.gyro is None else [sensor.acc, sensor.gyro]
        place = piece.positions - self._origin - self._begin
        grown = np.full((int(place[-1]) + 1, self._signal.shape[1]), np.nan)
        grown[: len(self._signal)] = self._signal
        grown[place] = np.concatenate(parts, axis=1)
        self._signal = grown

    def ready(self, *, final: bool = False) -> list[tuple[WindowBatch, Array]]:
        """The windows that can be cut and were not yet; at the end of the stretch all that are left."""
        num = self._begin + len(self._signal)
        if final and num < MIN_DURATION_S * self._rate - 1e-6:
            _log.warning(
                "%s: left out %.2g s at %.1f s, too short for a window",
                self._where, num / self._rate, self._origin / self._rate,
            )  # fmt: skip
            return []
        starts = self._starts(self._new(num if final else num - _MARGIN_S * self._rate), final)
        if not starts:
            return []
        batch = self._windows(starts)
        self._next, self._last = starts[-1] + self._hop, starts[-1]
        self._forget()
        return [(batch, np.array(starts) / self._cut.rate_hz + self._origin / self._rate)]

    def _new(self, num: float) -> int:
        """New samples that the first `num` old ones give."""
        return int(np.floor((num - 1) * self._cut.rate_hz / self._rate + 1e-6)) + 1

    def _starts(self, total: int, final: bool) -> list[int]:
        """As `windows` has them: every hop, and at the end one more over a rest of half a hop."""
        starts = list(range(self._next, total - self._length + 1, self._hop))
        if not final:
            return starts
        last = starts[-1] if starts else self._last
        if last < 0:
            return [0]
        rest = total - (last + self._length)
        return [*starts, total - self._length] if rest >= min(self._hop, self._length) / 2 else starts

    def _windows(self, starts: list[int]) -> WindowBatch:
        ratio = self._cut.rate_hz / self._rate
        opening = self._opening(starts[0])
        whole = self._at_new_rate(self._signal[opening - self._begin :])
        at = torch.tensor(starts)[:, None] - round(opening * ratio) + torch.arange(self._length)
        valid = whole.sample_valid[0][:, at].transpose(0, 1)
        num = len(starts)
        return WindowBatch(
            signal=whole.signal[0][:, at].transpose(0, 1),
            sample_valid=valid,
            has_gyro=whole.has_gyro.expand(num, -1),
            worn=valid.any(dim=-1),
            segment=whole.segment.expand(num, -1),
            has_gravity=whole.has_gravity.expand(num, -1),
            rate_hz=whole.rate_hz,
        )

    def _opening(self, start: int) -> int:
        """The kept sample 3 s or more before a window that lies nearest to the new grid."""
        ratio = self._cut.rate_hz / self._rate
        latest = int(start / ratio - _MARGIN_S * self._rate)
        if latest <= 0:
            return 0
        places = np.arange(max(latest, self._begin), self._begin - 1, -1)
        off = np.abs(places * ratio - np.round(places * ratio))
        return int(places[np.argmin(np.round(off, 9))])

    def _at_new_rate(self, signal: Array) -> WindowBatch:
        """All of it as one window, as `anymo.data.window.windows` prepares it, and a window's room behind."""
        valid = np.asarray(np.isfinite(signal).all(axis=1))
        sensor = SensorStream(
            acc=signal[:, :3],
            gyro=signal[:, 3:] if signal.shape[1] == 6 else None,
            valid=valid,
            rate_hz=self._rate,
            placement=self._sensor.placement,
            gravity=self._sensor.gravity,
        )
        span_s = len(signal) / self._rate + self._cut.window_s + 1.0
        recording = Recording(sensors=(sensor,), name=self._where)
        return windows(recording, rate_hz=self._cut.rate_hz, window_s=span_s, hop_s=span_s)[0]

    def _forget(self) -> None:
        """Drop what no window to come needs."""
        earliest = max(self._next - self._hop, 0) * self._rate / self._cut.rate_hz
        keep = int(earliest - (_MARGIN_S + _SLACK_S) * self._rate)
        if keep > self._begin:
            self._signal, self._begin = self._signal[keep - self._begin :], keep
