"""Teach the language model to read motion tokens.

python train/align.py --config_path configs/align/demo.yaml --optim.lr 3e-4
accelerate launch --config_file configs/accelerate/multi_gpu.yaml train/align.py (and the same options)
"""

from anymo.cli.session import run_stage
from anymo.data.prepare import bodies_of
from anymo.training.align import train_language_model
from anymo.training.align_config import AlignConfig

if __name__ == "__main__":
    run_stage(AlignConfig, lambda config: train_language_model(config, bodies_of(config.corpus)))
