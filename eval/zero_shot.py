"""Zero-shot recognition of real recordings over several seeds, each a whole demo run.

python eval/zero_shot.py --config_path configs/eval/zero_shot.yaml --seeds "[0, 1, 2]"
"""

import sys

from anymo.cli.session import run_stage
from anymo.demo.seeds import SeedsConfig, run_seeds, seeds_table

if __name__ == "__main__":
    run_stage(SeedsConfig, lambda config: sys.stdout.write(seeds_table(run_seeds(config)) + "\n"))
