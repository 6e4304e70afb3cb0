"""Write a corpus of segment kinematics from motion files, generated motion or both; a stopped run goes on.

python data_prep/kinematics.py --config_path configs/prepare/pretrain.yaml
python data_prep/kinematics.py --config_path configs/prepare/folder.yaml --source my_motion --licence "CC0"
python data_prep/kinematics.py --config_path configs/prepare/shared.yaml --shard 0/4
"""

from anymo.cli.session import run_stage
from anymo.data.conversion import KinematicsConfig, write_kinematics

if __name__ == "__main__":
    run_stage(KinematicsConfig, write_kinematics)
