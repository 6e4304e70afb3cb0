# %% [markdown]
# # AnyMo in ten minutes
#
# A watch, a phone or an earbud holds an accelerometer and a gyroscope. This notebook goes from what they
# record to words: it reads real recordings, looks at them, names what the wearer does, follows a longer
# recording, simulates a watch that nobody wore, and ends with a CSV file such as yours. It needs no GPU and
# takes a minute on two cores.
#
# Install AnyMo from its folder first, with Python 3.11 or later, and open this notebook with what you like;
# the sample recordings and the sentence model are fetched when they are first used, once.
#
# ```
# pip install . jupyterlab
# jupyter lab examples/quickstart.ipynb
# ```
#
# *This notebook is made from `examples/quickstart.py` by `make notebook`; change that file, not this one.*

# %% [markdown]
# ## Read a real recording
#
# BasicMotions: students with a smartwatch stood, walked, ran and played badminton, ten seconds at a time, ten
# samples per second. `load_set` knows what its numbers mean, so they come in SI units: acceleration in m/s²,
# angular velocity in rad/s, in the watch's own axes. This watch removes gravity from what it reports, and the
# recording says so.

# %%
# %matplotlib inline
import numpy as np

from anymo import AnymoPipeline, read_recording
from anymo.data import load_set

recordings = load_set("basic_motions")
activities = sorted({recording.text for recording in recordings})
walk = next(recording for recording in recordings if recording.text == "walking")
watch = walk.sensors[0]
print(f"{len(recordings)} recordings of {', '.join(activities)}")
print(f"one of {walk.text}: {walk.duration_s:g} s at {watch.rate_hz:g} Hz on the {watch.placement}")
print(f"acc {watch.acc.shape} in m/s², gravity {watch.gravity}; gyro {watch.gyro.shape} in rad/s")

# %% [markdown]
# ## Look at it
#
# A second recording beside it, on the same scales: walking on the left, running on the right.

# %%
from anymo import plots

run = next(recording for recording in recordings if recording.text == "running")
plots.signal_pair(watch, run.sensors[0], title_real="Walking", title_synthetic="Running")

# %% [markdown]
# ## Name it in words of your own
#
# `from_pretrained()` loads the model that comes with the package. It has never seen a real recording: it was
# trained on simulated sensors and sentences. Any list of labels will do, and no training follows; the scores
# of a recording sum to one.

# %%
pipe = AnymoPipeline.from_pretrained()
labels = ["walking", "running", "playing badminton", "standing still"]
(answer,) = pipe.classify(walk, labels=labels)
for label, score in answer.scores.items():
    print(f"{label:18} {score:4.0%}")

# %% [markdown]
# All eighty of them: rows are what was done, columns what the model said.

# %%
answers = pipe.classify(recordings, labels=labels)
counts = np.zeros((len(labels), len(labels)), dtype=int)
for recording, answer in zip(recordings, answers, strict=True):
    counts[labels.index(recording.text), labels.index(answer.label)] += 1
print(f"{np.trace(counts)} of {counts.sum()} right; chance is {counts.sum() // len(labels)}")
plots.confusion(counts, labels, title="BasicMotions, no training on it")

# %% [markdown]
# ## In a sentence
#
# A small language model reads the same recordings as motion tokens and says what it takes them for, a
# sentence for every five seconds. Below, the first recording of each activity, not picked: read
# `anymo/weights/README.md` before trusting a sentence.

# %%
for activity in activities:
    first = next(recording for recording in recordings if recording.text == activity)
    print(f"{activity:18}", *(f"[{said.start_s:g} s] {said.text}" for said in pipe.caption(first)[0]))

# %% [markdown]
# ## What the model sees
#
# Recordings and sentences become vectors of unit length in one space, and what belongs together lies close: a
# label is found by cosine similarity, nothing else. So sentences that are nobody's label can be compared too.

# %%
import matplotlib.pyplot as plt

sentences = [*labels, "playing tennis", "climbing stairs", "jumping", "lying down"]
in_order = sorted(recordings, key=lambda recording: labels.index(recording.text))
similarity = (pipe.embed(in_order) @ pipe.embed_labels(sentences).T).numpy()

figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
image = axes.imshow(similarity, aspect="auto", cmap="viridis", interpolation="nearest")
axes.set_xticks(range(len(sentences)), sentences, rotation=30, ha="right")
axes.set_yticks(range(10, len(in_order), 20), labels)
axes.set(title="Similarity of each recording (row) and sentence", ylabel="what was done")
figure.colorbar(image, label="cosine")
plt.show()

# %% [markdown]
# ## Follow a longer recording
#
# Here eight of the recordings are joined into one file of 80 seconds. `stream` reads such a file in pieces,
# in memory that does not grow, and gives each stretch as soon as it is known: a label every 2.5 seconds,
# settled by the majority of five. A file cannot say what its numbers mean; you do: rate, units, gravity, and
# where the device was worn.

# %%
import pandas as pd

columns = ["acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z"]
done = ["standing still", "walking", "running", "playing badminton"]
parts = [[r.sensors[0] for r in recordings if r.text == activity][:2] for activity in done]
rows = np.concatenate([np.hstack([sensor.acc, sensor.gyro]) for pair in parts for sensor in pair])
pd.DataFrame(rows, columns=columns).to_csv("afternoon.csv", index=False)

stated = {
    "rate_hz": 10,
    "acc_unit": "m/s^2",
    "gyro_unit": "rad/s",
    "gravity": "removed",
    "placement": "right wrist",
}
stretches = list(pipe.stream("afternoon.csv", labels=labels, hop_s=2.5, smooth=5, **stated))
for stretch in stretches:
    print(f"{stretch.start_s:5.1f} to {stretch.end_s:5.1f} s  {stretch.label}")

# %%
afternoon = read_recording("afternoon.csv", **stated)
plots.label_timeline(afternoon.sensors[0], [(s.start_s, s.end_s, s.label) for s in stretches])

# %% [markdown]
# ## Simulate a watch
#
# The model learnt from sensors that nobody wore. You can make them as well: draw a motion, choose a body and
# a place on it, and `simulate` gives what a device there would read, here with the errors of a real device.
# Below, the recorded walk is on the left and a simulated one on the right, at the same rate and without
# gravity, as the students' watch. They are two different walks of two people, and the watch is turned
# differently on the wrist: look at the rhythm and at the sizes.

# %%
from anymo import body, simulation
from anymo.motion import generate

wearer = body.load()
rng = np.random.default_rng(0)
motion = generate("walking", rng, duration_s=10.0, joint_offsets=wearer.joint_offsets)
simulated = simulation.simulate(
    motion,
    [wearer.placement("right wrist")],
    rate_hz=10,
    gravity="removed",
    device=simulation.DeviceModel(),
    rng=rng,
)
plots.signal_pair(watch, simulated.sensors[0])

# %% [markdown]
# Other activities on other places, classified by the same model. Simulation is what it was trained on, so it
# does better here than on recordings.

# %%
questions = ["walking", "jumping jacks", "sitting", "cycling", "climbing stairs", "boxing"]
for activity in questions:
    motion = generate(activity, np.random.default_rng(1), duration_s=10.0, joint_offsets=wearer.joint_offsets)
    said = []
    for place in ("left wrist", "front right trouser pocket", "head"):
        worn = simulation.simulate(motion, [wearer.placement(place)], rate_hz=50)
        said.append(f"{place}: {pipe.classify(worn, labels=questions)[0].label}")
    print(f"{activity:16} {'; '.join(said)}")

# %% [markdown]
# ## Your own CSV
#
# An app that logs a phone or a watch often writes g and degrees per second. Lacking yours, this cell writes
# such a file from a simulated watch at 50 Hz. Reading it needs the same statement as above, with its own
# units.

# %%
motion = generate("running", np.random.default_rng(2), duration_s=20.0, joint_offsets=wearer.joint_offsets)
worn = simulation.simulate(motion, [wearer.placement("left wrist")], rate_hz=50).sensors[0]
log = np.hstack([worn.acc / 9.80665, np.degrees(worn.gyro)])
pd.DataFrame(log, columns=columns).round(4).to_csv("watch.csv", index=False)

mine = read_recording(
    "watch.csv", rate_hz=50, acc_unit="g", gyro_unit="deg/s", gravity="included", placement="left wrist"
)
vector = pipe.embed(mine)
nearest = (vector @ pipe.embed(recordings).T)[0].argsort(descending=True)[:5]
print(f"embedding {tuple(vector.shape)}")
print("the five real recordings nearest to it:", ", ".join(recordings[i].text for i in nearest))
print("of the labels:", pipe.classify(mine, labels=labels)[0].label)

# %% [markdown]
# A statement that the signal contradicts is an error which says what to change:

# %%
try:
    read_recording(
        "watch.csv",
        rate_hz=50,
        acc_unit="m/s^2",
        gyro_unit="deg/s",
        gravity="included",
        placement="left wrist",
    )
except ValueError as error:
    print(error)

# %% [markdown]
# ## And now
#
# - `docs/using.md`: every verb of the pipeline, recordings of hours, search, sentences.
# - `docs/conventions.md`: frames, units and signs, and how to check yours.
# - `docs/evaluation.md`: what was measured on real recordings, and how.
# - `anymo/weights/README.md`: what the model was trained on, and what it is not for.
