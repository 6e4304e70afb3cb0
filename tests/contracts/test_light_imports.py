"""What an import and an inference load, in a fresh process, and what an `anymo` command then says."""

import json
import subprocess
import sys
from pathlib import Path

HEAVY = {"anny", "datasets", "deepspeed", "matplotlib"}
WATCHED = HEAVY | {"peft", "sentence_transformers", "transformers"}
DOORS = ("pipeline", "data", "simulation", "motion", "body", "metrics", "plots", "assets", "cli")

INFERENCE = """
import numpy as np
from anymo.cli.session import start_logging

start_logging()
from anymo.pipeline import AnymoPipeline
from anymo.records import Recording, SensorStream

acc = np.random.default_rng(0).normal(size=(100, 3)) + [0.0, 0.0, 9.8]
watch = SensorStream(acc=acc, gyro=None, valid=np.ones(100, dtype=bool), rate_hz=50.0,
                     placement="left wrist", gravity="included")
watch = Recording(sensors=(watch,), name="watch")
pipe = AnymoPipeline.from_pretrained(FOLDER)
pipe.embed(watch)
report("embed")
pipe.classify(watch, labels=["walking", "running"], route="likelihood")
pipe.caption(watch)
report("likelihood")
pipe.classify(watch, labels=["walking", "running"])
pipe.retrieve(watch, ["a person walks"])
report("embedding")

from pathlib import Path
from tqdm import tqdm

pipe.language_model.save_pretrained(Path(COPY))
pipe.text.save_pretrained(Path(COPY))
list(tqdm([1], desc="ours"))
report("saved")
"""


def run(program: str, **names: str) -> tuple[dict[str, set[str]], str]:
    """Watched modules that are loaded at each `report(stage)` of a program, and its stderr."""
    head = ["import json, sys", *(f"{name} = {value!r}" for name, value in names.items())]
    head.append(
        f"def report(stage):\n    print(json.dumps([stage, sorted({WATCHED!r} & sys.modules.keys())]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", "\n".join([*head, program])], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return {stage: set(found) for stage, found in map(json.loads, done.stdout.splitlines())}, done.stderr


def test_importing_a_door_is_light() -> None:
    imports = "\n".join(f"import anymo.{door}\nreport({door!r})" for door in DOORS)
    loaded, said = run(imports + "\nimport matplotlib\nreport('seen')")
    assert loaded == {**{door: set() for door in DOORS}, "seen": {"matplotlib"}}
    assert said == ""


def test_inference_is_light_and_quiet(small_model_folder: Path, tmp_path: Path) -> None:
    loaded, said = run(INFERENCE, FOLDER=str(small_model_folder), COPY=str(tmp_path / "copy"))
    assert loaded["embed"] == {"transformers"}
    assert loaded["likelihood"] == {"transformers", "peft"}
    assert loaded["embedding"] == {"transformers", "peft"}
    # Third parties' bars, their notices and the warnings of what they import stay out; our bars do not.
    assert [line.split(":")[0] for line in said.replace("\r", "\n").splitlines() if line] == ["ours"] * 2
