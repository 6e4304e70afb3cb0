"""The compact corpus: what comes back, at which error, and what is refused."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from scipy.spatial.transform import Rotation

from anymo import body
from anymo.body import Body
from anymo.data.clip import ClipSource, store_clip
from anymo.data.coding import decode, encode, pack, unpack
from anymo.data.compact import _VERSIONS, CompactReport, read_compact, write_compact
from anymo.data.corpus import MotionCorpus, write_corpus
from anymo.data.draws import DrawConfig
from anymo.data.sampler import WindowSampler
from anymo.data.sealed import save_sealed
from anymo.records import Caption, Motion
from anymo.skeleton import mirror_words

Swing = Callable[..., Motion]


def embed(texts: list[str]) -> torch.Tensor:
    """A unit vector per sentence that depends on its letters."""
    letters = torch.tensor([[t.count(c) + 0.1 for c in "aeflmnorst "] for t in texts])
    return torch.nn.functional.normalize(letters, dim=-1)


@pytest.fixture(scope="module")
def bodies() -> tuple[Body, ...]:
    return body.load(), body.sample(np.random.default_rng(0))


@pytest.fixture(scope="module")
def folder(hand_motion: Swing, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("corpus")
    said = Caption(text="move"), Caption(text="a person moves", start_s=1.0, end_s=4.5)
    clips = [
        store_clip(
            ClipSource(motion=replace(hand_motion(k), captions=said), body=k % 2, synonyms=("stir", "shift"))
        )
        for k in range(12)
    ]
    write_corpus(clips, made, held_out_fraction=0.4, seed=1)
    return made


@pytest.fixture(scope="module")
def written(folder: Path, bodies: tuple[Body, ...]) -> tuple[Path, CompactReport]:
    file = folder / "compact" / "corpus.safetensors"
    return file, write_compact(folder, file, bodies=bodies, embed=embed, text_base="letters")


def test_a_share_has_the_clips_of_smaller_shares(
    folder: Path, bodies: tuple[Body, ...], tmp_path: Path
) -> None:
    names = []
    for share in (0.65, 0.85):
        file = tmp_path / f"{share}.safetensors"
        write_compact(folder, file, bodies=bodies, embed=embed, text_base="letters", share=share)
        names.append(set(read_compact(file).corpus.names))
    assert names[0] < names[1] < set(MotionCorpus.load(folder).names)
    with pytest.raises(ValueError, match=r"share: 1e-06 leaves no clip for .*; take a larger one"):
        write_compact(folder, file, bodies=bodies, embed=embed, text_base="letters", share=1e-6)
    with pytest.raises(ValueError, match="share: expected above 0 to 1, got 20"):
        write_compact(folder, file, bodies=bodies, embed=embed, text_base="letters", share=20)


def test_the_corpus_comes_back(folder: Path, written: tuple[Path, CompactReport]) -> None:
    corpus, loaded = MotionCorpus.load(folder), read_compact(written[0]).corpus
    assert loaded.names == corpus.names
    assert loaded.captions == corpus.captions
    assert loaded.synonyms == corpus.synonyms
    assert np.isfinite(corpus.spans[0]).all(axis=1).tolist() == [False, True]
    for ours, theirs in zip(loaded.spans, corpus.spans, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert loaded.sources == corpus.sources
    for name in ("first", "first_pose", "body", "held_out", "weight"):
        torch.testing.assert_close(getattr(loaded, name), getattr(corpus, name))
    for clip in range(len(corpus)):
        frames = torch.arange(*corpus.first[clip : clip + 2].tolist())[None, 3:-3]
        there, here = (c.features[frames][..., :3] for c in (corpus, loaded))
        bound = 0.06 * float(there.square().sum(-1).mean().sqrt())  # 0.05 of what is 5 cm from the joints
        torch.testing.assert_close(here, there, atol=bound, rtol=0)
        frames = torch.arange(*corpus.first_pose[clip : clip + 2].tolist())[None]
        there, here = (c.pose[frames][..., :-3] for c in (corpus, loaded))
        torch.testing.assert_close(here, there, atol=2e-3, rtol=0)
    assert len(list(written[0].parent.iterdir())) == 1  # no draft is left


def test_the_report_states_the_error(folder: Path, written: tuple[Path, CompactReport]) -> None:
    """Two implementations: the report's sums, and sensors on six sides 5 cm off every joint."""
    file, report = written
    corpus, loaded = MotionCorpus.load(folder), read_compact(file).corpus
    sides = 0.05 * torch.cat([torch.eye(3), -torch.eye(3)]).double()
    error, signal = torch.zeros(2), torch.zeros(2)
    for first, last in zip(corpus.first[:-1] + 3, corpus.first[1:] - 3, strict=True):
        frames = torch.arange(int(first), int(last))[None]
        there, here = (c.features[frames][0].double() for c in (corpus, loaded))
        for total, features in ((error, here - there), (signal, there)):
            turned = torch.einsum("tsij,kj->tski", features[..., 6:15].unflatten(-1, (3, 3)), sides)
            total[0] += (features[..., None, :3] + turned).square().sum() / len(sides)
            total[1] += features[..., 15:].square().sum()
    acceleration_pct, gyro_pct = (100 * (error / signal).sqrt()).tolist()
    assert report.acceleration_pct == pytest.approx(acceleration_pct, rel=0.02)
    assert report.gyro_pct == pytest.approx(gyro_pct, rel=0.02)
    assert report.acceleration_pct < 0.5
    assert report.gyro_pct < 0.1
    assert report.worst_acceleration_pct >= report.acceleration_pct
    assert report.clips == 12
    assert report.hours == pytest.approx(corpus.hours)
    assert report.megabytes == pytest.approx(file.stat().st_size / 1e6)


def test_motion_takes_a_thirtieth_of_its_kinematics(
    folder: Path, written: tuple[Path, CompactReport]
) -> None:
    coded = load_file(written[0])["coefficients"].nbytes
    assert coded * 30 < len(MotionCorpus.load(folder).features) * 23 * 18 * 4


def test_windows_are_drawn_on_the_bodies_of_the_file(
    written: tuple[Path, CompactReport], bodies: tuple[Body, ...]
) -> None:
    compact = read_compact(written[0])
    for ours, theirs in zip(compact.bodies, bodies, strict=True):
        assert (ours.vertex_segment == theirs.vertex_segment).mean() > 0.999
        np.testing.assert_allclose(ours.vertices, theirs.vertices, atol=1e-6)
        np.testing.assert_allclose(ours.skin_weights, theirs.skin_weights, atol=1e-3)
    sampler = WindowSampler(compact.corpus, compact.bodies, DrawConfig(), held_out=False)
    batch = sampler.batch(8, np.random.default_rng(0))
    assert torch.isfinite(batch.views[0].signal).all()
    said = {t for texts in batch.texts for t in texts}
    assert said <= compact.embeddings.keys()


def test_every_caption_and_its_mirror_image_are_embedded(written: tuple[Path, CompactReport]) -> None:
    compact = read_compact(written[0])
    corpus = compact.corpus
    texts = {t for said in (*corpus.captions, *corpus.synonyms) for t in said}
    assert set(compact.embeddings) == texts | {mirror_words(t) for t in texts}
    for text, vector in compact.embeddings.items():
        torch.testing.assert_close(vector, embed([text])[0], atol=1e-3, rtol=0)
    assert compact.text_base == "letters"


def test_the_content_is_that_of_the_file(written: tuple[Path, CompactReport], tmp_path: Path) -> None:
    content, other = read_compact(written[0]).corpus.content, tmp_path / "other.safetensors"
    assert content
    arrays = load_file(written[0])
    save_sealed(arrays, other, _VERSIONS)
    assert read_compact(other).corpus.content == content
    save_sealed(arrays | {"mended": arrays["mended"] * 2, "ends": arrays["ends"] + 0.01}, other, _VERSIONS)
    assert read_compact(other).corpus.content != content


def test_turns_of_several_circles_and_far_walks(hand_motion: Swing) -> None:
    motion = hand_motion(3, duration_s=20.0)
    turns = Rotation.from_rotvec(np.arange(len(motion.rotations))[:, None] * [0.0, 0.0, 0.05]).as_matrix()
    rotations = motion.rotations.copy()
    rotations[:, 0] = turns @ rotations[:, 0]
    far = motion.root_position + np.array([2000.0, -500.0, 0.0])
    path, turned = decode(encode(far, rotations, rate_hz=60.0, rms_mps2=3.0), rate_hz=60.0)
    assert np.abs(path - far).max() < 1e-3
    assert np.abs(turned - rotations).max() < 1e-3


def test_a_still_body_and_the_smallest_clip() -> None:
    still = np.tile(np.eye(3), (6, 23, 1, 1))
    coded = encode(np.zeros((6, 3)), still, rate_hz=60.0, rms_mps2=0.0)
    np.testing.assert_allclose(decode(coded, rate_hz=60.0)[1], still, atol=1e-6)
    with pytest.raises(ValueError, match="expected 5 frames or more, got 4"):
        encode(np.zeros((4, 3)), still[:4], rate_hz=60.0, rms_mps2=0.0)


def test_numbers_of_any_size_are_packed(hand_motion: Swing) -> None:
    rng = np.random.default_rng(0)
    coded = encode(hand_motion(1).root_position, hand_motion(1).rotations, rate_hz=60.0, rms_mps2=3.0)
    wide = rng.integers(-(2**31), 2**31, coded.coefficients.shape, dtype=np.int64).astype(np.int32)
    clips = [coded, type(coded)(coefficients=wide, ends=coded.ends, step=coded.step)]
    for back, clip in zip(unpack(pack(clips), [len(wide), len(wide)]), clips, strict=True):
        np.testing.assert_array_equal(back, clip.coefficients)
    with pytest.raises(ValueError, match="bytes of 5 frames"):
        unpack(pack(clips), [5])


def test_damaged_files_are_refused(written: tuple[Path, CompactReport], tmp_path: Path) -> None:
    content = bytearray(written[0].read_bytes())
    file = tmp_path / "corpus.safetensors"
    file.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"copy it again, or write"):
        read_compact(file)
    content[-1000] ^= 1
    file.write_bytes(content)
    with pytest.raises(ValueError, match="SHA-256"):
        read_compact(file)
    save_file({"a": np.zeros(3)}, file)
    with pytest.raises(ValueError, match="expected format 1, got None"):
        read_compact(file)
    file.write_bytes(b"")
    with pytest.raises(ValueError, match="cannot be read"):
        read_compact(file)
    with pytest.raises(FileNotFoundError):
        read_compact(tmp_path / "none.safetensors")


def test_bodies_of_several_meshes_are_refused(folder: Path, bodies: tuple[Body, ...], tmp_path: Path) -> None:
    other = Body(
        vertices=bodies[0].vertices,
        faces=bodies[0].faces[:-1],
        joint_position=bodies[0].joint_position,
        skin_weights=bodies[0].skin_weights,
    )
    with pytest.raises(ValueError, match="body 1 has another than body 0"):
        write_compact(
            folder, tmp_path / "c.safetensors", bodies=[bodies[0], other], embed=embed, text_base=""
        )
    assert list(tmp_path.iterdir()) == []
