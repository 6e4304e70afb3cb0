"""Measure aligned models: captions beside baselines, retrieval both ways, zero-shot by every route.

python eval/alignment.py --config_path configs/eval/alignment.yaml --models "[runs/a/model, runs/b/model]"
"""

import sys

from anymo.cli.session import run_stage
from anymo.data.prepare import bodies_of
from anymo.evaluation.alignment import AlignmentEvalConfig, run_alignment_evaluation
from anymo.evaluation.alignment_report import alignment_report

if __name__ == "__main__":
    run_stage(
        AlignmentEvalConfig,
        lambda config: sys.stdout.write(
            alignment_report(run_alignment_evaluation(config, bodies_of(config.corpus))) + "\n"
        ),
    )
