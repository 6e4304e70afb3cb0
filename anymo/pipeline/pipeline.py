"""One object for everything a user does with a trained model.

Examples:
    >>> pipe = AnymoPipeline.from_pretrained()
    >>> watch = read_recording("watch.csv", rate_hz=50, acc_unit="g", gyro_unit="deg/s",
    ...                        gravity="included", placement="left wrist")
    >>> pipe.classify(watch, labels=["walking", "running", "cycling"])
"""

from collections.abc import Iterator, Sequence
from typing import Unpack, overload

import torch
from torch.nn import functional as F

from anymo.pipeline.batches import recording_means, spans_s
from anymo.pipeline.embedded import EmbeddingModel
from anymo.pipeline.index import MotionIndex, check_top
from anymo.pipeline.labels import SHARPNESS, Route, answered_scores, check_labels, sentences
from anymo.pipeline.pieces import OnGap, Source, Stated
from anymo.pipeline.results import Classification, Match, Moment, Segment, TimedCaption
from anymo.pipeline.segments import check_smoothing, stretches
from anymo.pipeline.windowed import Recordings, several
from anymo.records import Recording, WindowBatch


class AnymoPipeline(EmbeddingModel):
    """Encoder, text tower, tokenizer and language model behind a few verbs.

    Every verb takes a Recording or several (`anymo.data.read_recording` makes one from an array, a
    DataFrame, a CSV, npz or parquet file with its rate, units, gravity, sign and placement stated); `stream`
    takes such a source as it is. Encoder and text tower alone, as pre-training leaves them, can embed,
    retrieve and classify; what is said in words needs tokenizer and language model, which is loaded when
    first asked for.
    """

    def classify(
        self, recordings: Recordings, *, labels: Sequence[str], route: Route = "embedding"
    ) -> list[Classification]:
        """Zero-shot label of each recording.

        Args:
            recordings: one or more.
            labels: two or more phrases in plain words, "walking", "riding a bicycle". Those in a script that
                the text tower does not know are taken as they are, with a warning.
            route: "embedding" compares with the labels' text embeddings, averaged over TEMPLATES, any number
                of them; "likelihood" asks the language model how much more probable each label is as an
                answer after these motion tokens than after random ones, 200 at most; "generate" lets it
                choose in its own words, 100 at most, and takes the label it says, else the nearest by text
                embedding. The scores of "generate" are the shares of the windows that chose a label, where
                an answer in other words counts for the labels near it.

        Raises:
            ValueError: fewer than two labels, a label twice or empty, too many for the route, or an unknown
                route.
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

        Scaled cosines; or log-likelihoods per token less those after random motion; or logarithms of the
        shares of windows.

        Args:
            recordings: one or more.
            labels: as `classify`.
            route: as `classify`.
            max_windows: read at most this many windows of each recording, evenly spaced; None reads all.
        """
        check_labels(labels, route)
        owned = self.owned_windows(recordings, most=max_windows)
        if route == "embedding":
            means = F.normalize(recording_means(owned, self.embed_windows), dim=-1)
            return SHARPNESS * means @ self.embed_labels(labels).T

        def scored(batch: WindowBatch) -> torch.Tensor:
            rows = self.window_scores(batch, labels, route)
            return rows if route == "likelihood" else rows.softmax(dim=1)

        means = recording_means(owned, scored)
        return means if route == "likelihood" else means.log()

    def window_scores(self, batch: WindowBatch, labels: Sequence[str], route: Route) -> torch.Tensor:
        """Logits (B, num labels) of each window by a route of `classify`."""
        if route == "likelihood":
            return self.answers.log_likelihoods(batch, labels)
        known = self.embed_labels(labels)
        if route == "embedding":
            return SHARPNESS * self.embed_windows(batch) @ known.T
        said = [text or "nothing" for text in self.answers.choices(batch, labels)]
        return answered_scores(said, labels, known, self.embed_text(said))

    def stream(
        self,
        source: Source,
        *,
        labels: Sequence[str],
        route: Route = "embedding",
        hop_s: float | None = None,
        smooth: int = 1,
        on_gap: OnGap = "error",
        **stated: Unpack[Stated],
    ) -> Iterator[Segment]:
        """Labelled stretches of a recording of any length, in constant memory, as soon as they are known.

        Windows are labelled one by one as `classify` labels a recording; neighbours of one label are one
        segment. Where windows overlap, a label ends in the middle of the overlap.

        Args:
            source: a Recording; a path to a .csv, .npz or .parquet file, which is read in pieces; or an
                iterable of arrays (T, 3) or (T, 6) or DataFrames that follow one another.
            labels: as `classify`.
            route: as `classify`.
            hop_s: from one window's start to the next; the model's own where left out.
            smooth: each window takes the label of most of so many around it, an odd number; 1 leaves it.
            on_gap: "error" where no sample came for over a second, or "split": what follows is cut into
                windows anew, and no segment spans the gap. A Recording's gaps are as in `windows`.
            **stated: what `anymo.data.read_recording` asks of a source; nothing for a Recording, which knows.

        Returns:
            Segments in order of time, in seconds since the first sample.

        Raises:
            FileNotFoundError: at once, no such file, or no language model for a route that asks it.
            TypeError: at once, a fact that `read_recording` does not ask for.
            ValueError: at once for labels, route and options; on the way, with the row or time, for what
                `read_recording` refuses of samples, a gap, or a rate that changes.
        """
        check_labels(labels, route)
        check_smoothing(smooth)
        if route != "embedding":
            self.load_language_model()
        read = self.stream_windows(source, hop_s=hop_s, on_gap=on_gap, **stated)
        return stretches(read, lambda batch: self.window_scores(batch, labels, route), labels, smooth)

    def stream_matches(
        self,
        source: Source,
        texts: Sequence[str],
        *,
        hop_s: float | None = None,
        smooth: int = 1,
        on_gap: OnGap = "error",
        **stated: Unpack[Stated],
    ) -> Iterator[Segment]:
        """As `stream`, with sentences instead of labels: which of them fits best, and when.

        Args:
            source: as `stream`.
            texts: different sentences, taken as they are.
            hop_s: as `stream`.
            smooth: as `stream`.
            on_gap: as `stream`.
            **stated: as `stream`.

        Returns:
            Segments, whose label is the sentence; its score is a softmax of ten times the cosines.

        Raises:
            FileNotFoundError: as `stream`.
            TypeError: as `stream`.
            ValueError: as `stream`, or no sentence, or an empty one.
        """
        known = self.embed_text(sentences(texts))
        check_smoothing(smooth)
        read = self.stream_windows(source, hop_s=hop_s, on_gap=on_gap, **stated)
        return stretches(read, lambda batch: SHARPNESS * self.embed_windows(batch) @ known.T, texts, smooth)

    @overload
    def retrieve(self, searched: Recordings, query: Sequence[str], *, top: int = 5) -> list[list[Match]]: ...
    @overload
    def retrieve(self, searched: MotionIndex, query: str | Recording, *, top: int = 5) -> list[Moment]: ...

    def retrieve(
        self, searched: Recordings | MotionIndex, query: Sequence[str] | Recording, *, top: int = 5
    ) -> list[list[Match]] | list[Moment]:
        """What fits best, best first: sentences for each recording, or moments of an index.

        Args:
            searched: recordings, for which sentences are looked up; or an index, in which a sentence or a
                recording is.
            query: the sentences; or what to look for in the index.
            top: how many, 1 or more.

        Raises:
            ValueError: an empty sentence, none to show, or an index of another model.
        """
        if isinstance(searched, MotionIndex):
            searched.check_model(self)
            return searched.search(query, top=top)
        check_top(top)
        texts = sentences(query)
        similarity = self.embed(searched) @ self.embed_text(texts).T
        best = similarity.topk(min(top, len(texts)), dim=1)
        return [
            [Match(index=i, score=s) for i, s in zip(*pair, strict=True)]
            for pair in zip(best.indices.tolist(), best.values.tolist(), strict=True)
        ]

    def caption(self, recordings: Recordings, *, proposed: bool = True) -> list[list[TimedCaption]]:
        """A sentence for each window of each recording.

        Args:
            recordings: one or more.
            proposed: as `caption_windows`.
        """
        return [list(self.stream_captions(each, proposed=proposed)) for each in several(recordings)]

    def stream_captions(
        self,
        source: Source,
        *,
        proposed: bool = True,
        hop_s: float | None = None,
        on_gap: OnGap = "error",
        **stated: Unpack[Stated],
    ) -> Iterator[TimedCaption]:
        """A sentence for each window of a recording of any length, in constant memory, as soon as it is said.

        Args:
            source: as `stream`.
            proposed: as `caption_windows`.
            hop_s: as `stream`.
            on_gap: as `stream`.
            **stated: as `stream`.

        Raises:
            FileNotFoundError: as `stream`.
            TypeError: as `stream`.
            ValueError: as `stream`.
        """
        self.load_language_model()
        return (
            TimedCaption(start_s=start, end_s=end, text=text)
            for batch, starts in self.stream_windows(source, hop_s=hop_s, on_gap=on_gap, **stated)
            for (start, end), text in zip(
                spans_s(batch, starts).tolist(), self.caption_windows(batch, proposed=proposed), strict=True
            )
        )

    def caption_windows(self, batch: WindowBatch, *, proposed: bool = True) -> list[str]:
        """A sentence for each window.

        Args:
            batch: windows at the encoder's rate.
            proposed: begin with the most probable of the activities that the encoder proposes, out of those
                that the language model was taught (docs/captions.md); otherwise, and where it does not name
                them, the language model chooses alone, in any words.
        """
        return self.answers.captions(batch, self.activity_similarity(batch) if proposed else None)

    def ask(
        self, recordings: Recordings, question: str, *, max_windows: int = 8, untaught: bool = False
    ) -> list[str]:
        """The language model's answer to a question about each recording.

        It reads a window at a time; of its answers the most frequent is given. How often they are right is
        in docs/captions.md. What a sensor's place already says, it is told with the placement.

        Args:
            recordings: one or more.
            question: one of `anymo.align.questions.TAUGHT`, "Is the movement slow or fast?"
            max_windows: asked about in each recording, evenly spaced.
            untaught: take any question in plain words, for a model that was taught others.

        Raises:
            ValueError: an empty question, or one that was not taught.
        """
        from anymo.align.questions import check_taught

        if not question.strip():
            raise ValueError("ask: expected a question in words, got an empty one; say what to ask")
        if not untaught:
            check_taught(question)
        return [
            self.answers.reply(batch, question) for batch, _ in self.windows(recordings, most=max_windows)
        ]
