"""What codes are turned back into: poses whose rotations are rotations, signals of sensors anywhere."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from anymo.data.clip import pose_features
from anymo.records import Motion
from anymo.skeleton import DEFAULT_JOINT_OFFSETS, forward_kinematics
from anymo.tokenizer import MotionTokenizer, MotionTokenizerConfig, PoseOutput
from anymo.tokenizer.pose import PoseHead

SHAPE = {"hidden_size": 12, "codebook_size": 16, "code_size": 4}


@pytest.fixture
def tokenizer() -> MotionTokenizer:
    torch.manual_seed(0)
    tokenizer = MotionTokenizer(MotionTokenizerConfig(**SHAPE)).eval()
    torch.nn.init.normal_(tokenizer.imu_head.head.weight, std=0.1)  # starts at zero
    return tokenizer


def test_features_of_a_motion_give_its_pose_back(hand_motion: Callable[..., Motion]) -> None:
    motion = hand_motion(2, duration_s=2.0)
    features = torch.from_numpy(pose_features(motion))[None]
    pose = PoseOutput.of(features)
    frames = np.arange(0, 5 * pose.features.shape[1], 5)
    torch.testing.assert_close(pose.rotations[0, :, 1:], torch.from_numpy(motion.rotations[frames, 1:]))
    joints, turns = pose.positions()
    _, world = forward_kinematics(
        motion.root_position[frames], motion.rotations[frames], DEFAULT_JOINT_OFFSETS
    )
    to_heading = turns[0, :, 0] @ world[:, 0].transpose(0, 2, 1)  # the same turn about z for every segment
    np.testing.assert_allclose(to_heading[:, 2], np.tile([0.0, 0.0, 1.0], (len(frames), 1)), atol=1e-6)
    np.testing.assert_allclose(to_heading[:, None] @ world, turns[0], atol=1e-6)
    bones = np.linalg.norm(joints[0, :, 3] - joints[0, :, 2], axis=-1)
    np.testing.assert_allclose(bones, np.linalg.norm(DEFAULT_JOINT_OFFSETS[3]))


@torch.no_grad()
@pytest.mark.parametrize(("latent_s", "frames"), [(0.5, 60), (0.25, 30), (4 / 60, 8), (1.0, 120)])
def test_poses_last_as_long_as_the_latents(latent_s: float, frames: int) -> None:
    head = PoseHead(12, latent_s)
    assert head(torch.randn(2, 10, 12)).shape == (2, frames, 141)
    valid = torch.ones(2, 10, dtype=torch.bool)
    valid[1, 4:] = False
    seen = head.valid(valid, frames)
    assert seen[0].all()
    assert int(seen[1].sum()) == -(-frames * 4 // 10)
    assert not head.valid(valid, 2 * frames)[:, frames:].any()
    start = torch.randn(141)
    head.start_at(start)
    torch.testing.assert_close(head(torch.randn(1, 10, 12)), start.expand(1, frames, 141))


@torch.no_grad()
def test_poses_of_codes(tokenizer: MotionTokenizer) -> None:
    codes = tokenizer.encode(torch.randn(2, 10, 12))
    pose = tokenizer.pose(codes)
    assert pose.velocity.shape == (2, 60, 3)
    eye = torch.eye(3).expand(2, 60, 23, 3, 3)
    torch.testing.assert_close(pose.rotations @ pose.rotations.mT, eye, atol=1e-5, rtol=0)
    torch.testing.assert_close(torch.linalg.det(pose.rotations), torch.ones(2, 60, 23))


@torch.no_grad()
def test_signals_of_codes_turn_with_the_sensor(tokenizer: MotionTokenizer, tmp_path: Path) -> None:
    codes = tokenizer.encode(torch.randn(1, 10, 12))
    turn = torch.from_numpy(Rotation.random(random_state=0).as_matrix()).float()
    where = {"segment": torch.tensor([[9, 9]]), "offset": torch.tensor([[[0.1, 0.0, 0.05]] * 2])}
    signal = tokenizer.imu(codes, **where, rotation=torch.stack([torch.eye(3), turn])[None], num_samples=95)
    assert signal.shape == (1, 2, 95, 6)
    assert signal.std() > 0.1
    own = signal[0].unflatten(-1, (2, 3))
    torch.testing.assert_close(own[1], own[0] @ turn, atol=1e-4, rtol=1e-4)
    tokenizer.save_pretrained(tmp_path)
    loaded = MotionTokenizer.from_pretrained(tmp_path)
    again = loaded.imu(codes, **where, rotation=torch.stack([torch.eye(3), turn])[None], num_samples=95)
    assert torch.equal(again, signal)


def test_what_cannot_be_decoded(tokenizer: MotionTokenizer) -> None:
    codes = torch.zeros(1, 10, 2, dtype=torch.int64)
    where = torch.zeros(1, 1).long(), torch.zeros(1, 1, 3), torch.eye(3)[None, None]
    with pytest.raises(ValueError, match="at most 100 samples"):
        tokenizer.imu(codes, *where, num_samples=101)
    bare = MotionTokenizer(MotionTokenizerConfig(**SHAPE, heads=("imu",)))
    with pytest.raises(ValueError, match=r"head for pose.*\['imu'\].*--heads.pose"):
        bare.pose(codes)
