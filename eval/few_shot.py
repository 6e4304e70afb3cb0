"""Few-shot and full recognition: pre-trained against from scratch, by the same people and draws.

python eval/few_shot.py --config_path configs/eval/few_shot.yaml
"""

import sys

from anymo.cli.session import run_stage
from anymo.evaluation.few_shot_run import FewShotConfig, few_shot_report, run_few_shot

if __name__ == "__main__":
    run_stage(FewShotConfig, lambda config: sys.stdout.write(few_shot_report(run_few_shot(config)) + "\n"))
