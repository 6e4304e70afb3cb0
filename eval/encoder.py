"""Measure a pre-trained encoder: retrieval, zero-shot by embedding, robustness.

python eval/encoder.py --config_path configs/eval/encoder.yaml --model runs/x/pretrain --json out.json
"""

import sys

from anymo.cli.session import run_stage
from anymo.data.prepare import bodies_of
from anymo.evaluation.comparison import encoder_table
from anymo.evaluation.encoder import EncoderEvalConfig, run_encoder_evaluation

if __name__ == "__main__":
    run_stage(
        EncoderEvalConfig,
        lambda config: sys.stdout.write(
            encoder_table(run_encoder_evaluation(config, bodies_of(config.corpus))) + "\n"
        ),
    )
