"""Train the motion tokenizer on a pre-trained encoder.

python train/tokenizer.py --config_path configs/tokenizer/demo.yaml --optim.lr 3e-4
accelerate launch --config_file configs/accelerate/multi_gpu.yaml train/tokenizer.py (and the same options)
"""

from anymo.cli.session import run_stage
from anymo.data.prepare import bodies_of
from anymo.training.tokenizer import TokenizerConfig, train_tokenizer

if __name__ == "__main__":
    run_stage(TokenizerConfig, lambda config: train_tokenizer(config, bodies_of(config.corpus)))
