"""Pre-train the graph encoder on a corpus.

python train/pretrain.py --config_path configs/pretrain/demo.yaml --optim.lr 3e-4
accelerate launch --config_file configs/accelerate/multi_gpu.yaml train/pretrain.py (and the same options)
"""

from anymo.cli.session import run_stage
from anymo.data.prepare import bodies_of
from anymo.training.pretrain import PretrainConfig, pretrain

if __name__ == "__main__":
    run_stage(PretrainConfig, lambda config: pretrain(config, bodies_of(config.corpus)))
