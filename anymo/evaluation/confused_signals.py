"""What the two classes of a set that are confused most look like, recorded and simulated."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from textwrap import fill

import numpy as np

from anymo import body
from anymo.metrics import ClassificationResult
from anymo.motion import procedural
from anymo.pipeline import AnymoPipeline
from anymo.plots import SignalPair
from anymo.records import Recording, SensorStream
from anymo.simulation import DeviceModel, simulate

_SHOWN_S = 10.0  # of the middle of a recording
_TITLE_WIDTH = 44  # characters of a line of a title over half a figure


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ConfusedClass:
    """A class, and what it looks like.

    label    in plain words
    phrase   of the activity whose text embedding is nearest to the label's
    signals  the first recording of the class, not picked, and a simulation of that activity
    """

    label: str
    phrase: str
    signals: SignalPair


def most_confused(result: ClassificationResult) -> tuple[int, int] | None:
    """Index of the class that is most often taken for one other, and of that other; None where none is."""
    num = len(result.classes)
    wrong = result.confusion * (1 - np.eye(num, dtype=np.int64))
    true, said = divmod(int(wrong.argmax()), num)
    return (true, said) if wrong[true, said] else None


def confused_classes(
    pipe: AnymoPipeline, result: ClassificationResult, recordings: Sequence[Recording]
) -> list[ConfusedClass]:
    """The two classes that are confused most, as far as they were recorded; none where nothing is confused.

    The simulated person moves as the activity's generator has it, on the side of the sensor, and wears it at
    the same place in its usual mounting, which the recorded device's need not be.

    Args:
        pipe: whose text tower says which activity is nearest in words.
        result: of the model on the set; classes are the labels in plain words.
        recordings: of the set, with `text`; their first sensor is shown.
    """
    labels = [result.classes[k] for k in most_confused(result) or ()]
    first = {r.text: r.sensors[0] for r in reversed(recordings) if r.text in labels}
    shown = []
    for label in (label for label in labels if label in first):
        activity = _nearest_activity(pipe, label)
        phrase = procedural.ACTIVITIES[activity].phrase
        real = _middle(first[label])
        titles = [f"{fill(words, _TITLE_WIDTH)}\n" for words in (label, phrase)]
        pair = SignalPair(real, _simulated(activity, real), f"{titles[0]}recorded", f"{titles[1]}simulated")
        shown.append(ConfusedClass(label=label, phrase=phrase, signals=pair))
    return shown


def _nearest_activity(pipe: AnymoPipeline, label: str) -> str:
    names = list(procedural.ACTIVITIES)
    phrases = pipe.embed_text([procedural.ACTIVITIES[name].phrase for name in names])
    return names[int((phrases @ pipe.embed_labels([label])[0]).argmax())]


def _simulated(activity: str, real: SensorStream) -> SensorStream:
    """What a watch or phone reads where the real one is worn."""
    rng = np.random.default_rng(0)
    surface = body.load()
    motion = procedural.generate(
        activity,
        rng,
        duration_s=real.duration_s,
        joint_offsets=surface.joint_offsets,
        side=next((side for side in ("left", "right") if side in real.placement.lower()), None),
    )
    worn = [surface.placement(real.placement)]
    made = simulate(motion, worn, rate_hz=real.rate_hz, gravity=real.gravity, device=DeviceModel(), rng=rng)
    return made.sensors[0]


def _middle(stream: SensorStream) -> SensorStream:
    """The middle of a stream, `_SHOWN_S` at most."""
    num = min(len(stream.acc), round(_SHOWN_S * stream.rate_hz))
    start = (len(stream.acc) - num) // 2
    part = slice(start, start + num)
    gyro = None if stream.gyro is None else stream.gyro[part]
    return replace(stream, acc=stream.acc[part], gyro=gyro, valid=stream.valid[part])
