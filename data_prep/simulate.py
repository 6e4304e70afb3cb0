"""Write a corpus of motion, ready for simulation on the fly.

python data_prep/simulate.py --config_path configs/prepare/demo.yaml --num_clips 200
"""

from anymo.cli.session import run_stage
from anymo.data.prepare import PrepareConfig, prepare

if __name__ == "__main__":
    run_stage(PrepareConfig, prepare)
