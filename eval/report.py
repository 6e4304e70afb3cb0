"""Measure a model folder on real recordings and held-out motion, and write its report.

python eval/report.py --config_path configs/eval/report.yaml --model runs/demo/model
"""

import sys

from anymo.cli.session import run_stage
from anymo.data.prepare import bodies_of
from anymo.evaluation.run import ReportConfig, report
from anymo.evaluation.showcase import headline

if __name__ == "__main__":
    run_stage(
        ReportConfig,
        lambda config: sys.stdout.write(headline(report(config, bodies_of(config.corpus))) + "\n"),
    )
