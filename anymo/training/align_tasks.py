"""What the language model is taught: tasks drawn by weight, an exercise for each window.

Shapes: B windows, E width of the contrastive embeddings.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np
import torch

from anymo.align.model import MotionLanguageModel, MotionPrompt
from anymo.align.prompts import activity, answer, choice, question
from anymo.align.questions import questions
from anymo.data.corpus import MotionCorpus
from anymo.data.sampler import SimulatedBatch, WindowSampler

_CAPTIONS = 4  # of a window, where a question needs to know what they agree on
_CHOICES = (2, 12)  # labels of a multiple choice, from and to
_UNTOLD = (
    0.5  # share of questions whose prompt does not name the sensors' places, where it would tell the answer
)


@dataclass(frozen=True, kw_only=True)
class TaskMix:
    """Weight of each task: its share of the windows, against the others; 0 leaves it out.

    Attributes:
        caption: the activity and then a sentence, in one answer.
        activity: the activity alone, by any of its names: the beginning of that answer.
        choice: the activity, out of some that the instruction lists.
        question: placement, side, number of sensors, speed, which hand or leg; only what is known.
        motion: the next motion token.
        text_to_motion: motion tokens from a caption.
    """

    caption: float = 1.0
    activity: float = 0.0
    choice: float = 0.0
    question: float = 0.0
    motion: float = 0.0
    text_to_motion: float = 0.0

    def __post_init__(self) -> None:
        if min(asdict(self).values()) < 0:
            raise ValueError(f"mix: expected weights of 0 or more, got {asdict(self)}; set those below to 0")

    @property
    def shares(self) -> dict[str, float]:
        """Of the tasks that are drawn; they sum to 1 unless there is none."""
        total = sum(asdict(self).values()) or 1.0
        return {name: weight / total for name, weight in asdict(self).items() if weight > 0}


TASKS = tuple(field.name for field in fields(TaskMix))


@dataclass(frozen=True, slots=True)
class Exercise:
    """One window's task, in words.

    task         one of TASKS
    answer       what is to be said; of `text_to_motion` the caption it is made from, of `motion` nothing
    instruction  of the prompt; None asks for activity and description
    is_placed    the prompt names where the sensors are
    is_whole     the answer ends there; else it is how one begins
    """

    task: str
    answer: str = ""
    instruction: str | None = None
    is_placed: bool = True
    is_whole: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class AlignBatch:
    """Windows and the exercise of each; none where the language model only compares."""

    windows: SimulatedBatch
    exercises: tuple[Exercise, ...]

    def __len__(self) -> int:
        return len(self.windows)

    def to(self, device: torch.device | str) -> "AlignBatch":
        """Copy on a device."""
        return AlignBatch(self.windows.to(device), self.exercises)

    @classmethod
    def joined(cls, batches: Sequence["AlignBatch"]) -> "AlignBatch":
        """One batch of the windows of several."""
        exercises = tuple(e for batch in batches for e in batch.exercises)
        return cls(SimulatedBatch.joined([batch.windows for batch in batches]), exercises)


class Exercises:
    """Draws windows, and then a task for each by weight.

    Tasks are dealt out by systematic sampling: each window's task has the chance of its weight, and a task
    whose share of the batch is a window or more is in every batch.

    Args:
        sampler: of windows.
        corpus: what it draws from; its phrases and their synonyms are what activities are called.
        mix: weights.
    """

    def __init__(self, sampler: WindowSampler, corpus: MotionCorpus, mix: TaskMix) -> None:
        self.sampler, self.shares = sampler, mix.shares
        self.names: dict[str, tuple[str, ...]] = {}
        for clip in sampler.clips.tolist():
            names = (corpus.captions[clip][0], *corpus.synonyms[clip])
            self.names[names[0]] = max(self.names.get(names[0], ()), names, key=len)
        if "choice" in self.shares and len(self.names) < _CHOICES[0]:
            raise ValueError(
                f"mix.choice: expected a corpus of two activities or more, got {[*self.names]}; set it to 0"
            )

    def __call__(self, size: int, rng: np.random.Generator) -> AlignBatch:
        """So many windows with their exercises."""
        num_captions = _CAPTIONS if "question" in self.shares else 1
        windows = self.sampler.batch(size, rng, num_views=1, num_captions=num_captions)
        made: dict[str, Callable[[SimulatedBatch, int, np.random.Generator], Exercise]] = {
            "caption": self._caption, "activity": self._activity, "choice": self._choice,
            "question": _question, "motion": lambda *_: Exercise("motion"), "text_to_motion": _text_to_motion,
        }  # fmt: skip
        tasks = self._tasks(size, rng)
        return AlignBatch(windows, tuple(made[task](windows, i, rng) for i, task in enumerate(tasks)))

    def _tasks(self, size: int, rng: np.random.Generator) -> list[str]:
        if not self.shares:
            return []
        places = (rng.random() + rng.permutation(size)) / size
        ends = np.cumsum(list(self.shares.values()))
        names = list(self.shares)
        return [names[min(k, len(names) - 1)] for k in np.searchsorted(ends, places, side="right")]

    def _called(self, windows: SimulatedBatch, row: int) -> tuple[str, ...]:
        """The window's phrase, and its synonyms where clips have any."""
        return self.names.get(windows.phrase[row], (windows.phrase[row],))

    def _caption(self, windows: SimulatedBatch, row: int, _rng: np.random.Generator) -> Exercise:
        phrase, sentence = windows.phrase[row], windows.texts[row][0]
        if sentence in self._called(windows, row):  # of most captured motion no sentence is known
            return Exercise("caption", activity(phrase), is_whole=False)
        return Exercise("caption", answer(phrase, sentence))

    def _activity(self, windows: SimulatedBatch, row: int, rng: np.random.Generator) -> Exercise:
        name = str(rng.choice(self._called(windows, row)))
        return Exercise("activity", activity(name), is_whole=False)

    def _choice(self, windows: SimulatedBatch, row: int, rng: np.random.Generator) -> Exercise:
        own = self._called(windows, row)
        others = [names for names in self.names.values() if not {*names} & {*own}]
        num = min(int(rng.integers(_CHOICES[0], _CHOICES[1], endpoint=True)) - 1, len(others))
        listed = [own, *(others[k] for k in rng.choice(len(others), size=num, replace=False))]
        labels = list(dict.fromkeys(str(rng.choice(names)) for names in listed))
        order = rng.permutation(len(labels))
        return Exercise("choice", activity(labels[0]), choice([labels[k] for k in order]))


def _question(windows: SimulatedBatch, row: int, rng: np.random.Generator) -> Exercise:
    texts = (windows.phrase[row], *windows.texts[row])
    view = windows.views[0]
    asked = questions(view.segment[row, view.worn[row]].tolist(), texts)
    one = asked[int(rng.integers(len(asked)))]
    is_placed = not (one.is_told and rng.random() < _UNTOLD)
    return Exercise("question", activity(one.answer), question(one.text), is_placed)


def _text_to_motion(windows: SimulatedBatch, row: int, _rng: np.random.Generator) -> Exercise:
    return Exercise("text_to_motion", windows.texts[row][0])


def worn_segments(windows: SimulatedBatch) -> list[list[int]]:
    """Segments that carry the sensors of each window."""
    view = windows.views[0]
    return [s[w].tolist() for s, w in zip(view.segment, view.worn, strict=True)]


def posed(
    model: MotionLanguageModel, exercise: Exercise, codes_LG: torch.Tensor, worn: Sequence[int]
) -> tuple[MotionPrompt, tuple[int, ...]]:
    """Prompt of an exercise and the ids of its answer.

    Args:
        model: whose words and ids are used.
        exercise: what is asked, and its answer.
        codes_LG: (L, G) int64 codes of the motion.
        worn: segments that wear the sensors.
    """
    if exercise.task in ("motion", "text_to_motion"):
        return model.motion_prompt(worn, exercise.answer), model.motion_ids(codes_LG)
    placed = worn if exercise.is_placed else ()
    prompt = model.prompt(codes_LG, placed, exercise.instruction)
    if exercise.is_whole:
        return prompt, model.answer_ids(exercise.answer)
    return prompt, tuple(model.text_ids(exercise.answer))
