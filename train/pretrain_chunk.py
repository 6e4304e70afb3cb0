"""Pre-train on a machine that is lent for minutes, from one file: no hub, no network, no body model.

python train/pretrain_chunk.py --corpus corpus.safetensors --output runs/gpu --minutes 9 [--optim.steps 10000]

`data_prep/compact.py` writes the file. A run ends with exit status 0 before its minutes are over; the same
command goes on from its checkpoint, until `encoder/` and `text/` are in the output folder. Other options are
those of train/pretrain.py; the configuration is configs/pretrain/release.yaml unless --config_path names
another. It needs torch, transformers, numpy and scipy, and the wheels in WHEELS, under 3 MB together.
"""

import argparse
import importlib.util
import logging
import sys
import time
from pathlib import Path

WHEELS = {
    "accelerate": "accelerate>=1.15,<1.16",
    "psutil": "psutil",
    "draccus": "draccus>=0.11.6,<0.12",
    "mergedeep": "mergedeep",
    "typing_inspect": "typing-inspect",
    "mypy_extensions": "mypy-extensions",
    "torch_geometric": "torch-geometric>=2.8,<2.9",
    "xxhash": "xxhash",
}  # by the name that is imported
STARTED_S = time.monotonic()
_LAST_S = 25.0  # kept for the last checkpoint, validation and the end of the process


def missing_wheels() -> list[str]:
    """What has to be installed first, as pip names it."""
    return [wheel for module, wheel in WHEELS.items() if importlib.util.find_spec(module) is None]


def main() -> None:
    """Train until it is done, or the time is up."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--config_path", type=Path)
    stated, options = parser.parse_known_args()
    if missing := missing_wheels():
        sys.exit("missing here: run `pip install --no-deps " + " ".join(f"'{w}'" for w in missing) + "`")
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the library needs no installation

    import torch

    from anymo import config
    from anymo.data.compact import read_compact
    from anymo.training.engine import Paused
    from anymo.training.pretrain import PretrainConfig, pretrain

    logging.basicConfig(format="%(message)s", level=logging.INFO)
    file = stated.config_path or config.REPOSITORY / "configs" / "pretrain" / "release.yaml"
    precision = ["--optim.mixed_precision", "bf16"] if torch.cuda.is_available() else []
    arguments = ["--config_path", str(file), "--corpus", str(stated.corpus), "--output", str(stated.output)]
    deadline_s = STARTED_S + max(60 * stated.minutes - _LAST_S, 1.0)
    try:
        run = config.load(PretrainConfig, [*arguments, *precision, *options])
        if not (run.output / "config.yaml").is_file():  # else a refused run would change another one's record
            config.save(run, run.output)
        compact = read_compact(run.corpus)
        pretrain(run, compact.bodies, compact=compact, deadline_s=deadline_s)
    except Paused as paused:
        sys.stdout.write(f"{paused}\n")
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
