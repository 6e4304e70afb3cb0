"""The encoder as ONNX against the encoder, on random windows and on real ones."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from anymo.assets.hub import SHIPPED
from anymo.data import load_set, windows
from anymo.data.window import collate
from anymo.encoders import AnymoEncoderConfig, ImuEncoder
from anymo.encoders.channels import NUM_CHANNELS
from anymo.records import WindowBatch
from anymo.release.onnx import INPUTS, OUTPUTS, PlainEncoder, export_onnx, principal_eigenvector
from anymo.skeleton import NUM_SEGMENTS

TOLERANCE = 1e-4  # of the embedding, which has unit length


def encoder_of(rotation: str) -> ImuEncoder:
    torch.manual_seed(0)
    config = AnymoEncoderConfig(hidden_size=16, num_heads=2, num_layers=1, rotation=rotation)
    encoder = ImuEncoder(config).eval()
    with torch.no_grad():  # else weights are near zero, and embeddings alike
        for parameter in encoder.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return encoder


def random_batch(size: int, slots: int, samples: int = 100) -> WindowBatch:
    g = torch.Generator().manual_seed(10 * size + slots)

    def some(share: float, *shape: int) -> torch.Tensor:
        return torch.rand(*shape, generator=g) < share

    return WindowBatch(
        signal=3 * torch.randn(size, slots, samples, 6, generator=g),
        sample_valid=some(0.8, size, slots, samples),
        has_gyro=some(0.6, size, slots),
        worn=torch.ones(size, slots, dtype=torch.bool),
        segment=torch.randint(NUM_SEGMENTS, (size, slots), generator=g),
        has_gravity=some(0.6, size, slots),
        rate_hz=20.0,
    )


@pytest.fixture(scope="module")
def real_batches(asset: Callable[[str], Path]) -> dict[int, WindowBatch]:
    """Real recordings of one watch, and what 2 and 3 of them at once would be, on other segments."""
    asset("basic-motions")
    recordings = load_set("basic_motions")[::16]
    batch = collate([windows(r, rate_hz=20.0, window_s=5.0, hop_s=5.0)[0] for r in recordings])
    return {slots: together(batch, slots) for slots in (1, 2, 3)}


def together(batch: WindowBatch, slots: int) -> WindowBatch:
    rows = torch.arange(len(batch))[:, None].add(torch.arange(slots)).remainder(len(batch))
    fields = ("signal", "sample_valid", "has_gyro", "worn", "segment", "has_gravity")
    several = {name: getattr(batch, name)[rows, 0] for name in fields}
    several["segment"] = (several["segment"] + 5 * torch.arange(slots)).remainder(NUM_SEGMENTS)
    return replace(batch, **several)


def inputs_of(batch: WindowBatch) -> dict[str, torch.Tensor]:
    filled = batch.signal.nan_to_num()
    parts = (
        filled,
        batch.sample_valid & batch.worn[..., None],
        batch.has_gyro,
        batch.has_gravity,
        batch.segment,
    )
    return dict(zip(INPUTS, parts, strict=True))


def check(found: Mapping[str, np.ndarray], encoder: ImuEncoder, batch: WindowBatch) -> None:
    with torch.no_grad():
        expected = encoder(batch)
    seen = expected.sequence_valid.numpy()
    np.testing.assert_array_equal(found["latents_valid"], seen)
    np.testing.assert_allclose(found["embeddings"], expected.embedding, atol=TOLERANCE, rtol=0)
    np.testing.assert_allclose(found["latents"][seen], expected.sequence.numpy()[seen], atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize("rotation", NUM_CHANNELS)
def test_plain_tensors_give_the_same(rotation: str, real_batches: dict[int, WindowBatch]) -> None:
    encoder = encoder_of(rotation)
    plain = PlainEncoder(encoder)
    for batch in (random_batch(1, 1), random_batch(4, 3, samples=37), *real_batches.values()):
        with torch.no_grad():
            found = plain(**inputs_of(batch))
        check({n: x.numpy() for n, x in zip(OUTPUTS, found, strict=True)}, encoder, batch)


def test_an_empty_slot_and_one_of_which_nothing_is_valid_change_nothing() -> None:
    encoder, batch = encoder_of("both"), random_batch(3, 3)
    batch.sample_valid[1, 2] = False
    batch.sample_valid[2, 1:] = False
    batch.worn[2, 1:] = False
    with torch.no_grad():
        found = PlainEncoder(encoder)(**inputs_of(batch))
    assert all(bool(x.isfinite().all()) for x in found)
    check({n: x.numpy() for n, x in zip(OUTPUTS, found, strict=True)}, encoder, batch)


def test_principal_eigenvector_is_that_of_linalg() -> None:
    x = torch.randn(500, 4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    across = torch.nn.functional.normalize(x[:, 0], dim=-1)
    spread = x.mT @ x
    flat = spread - 20 * across[:, :, None] * across[:, None]
    level = -across[:, :, None] * across[:, None]  # two equal eigenvalues
    for matrix in (spread, flat, level, torch.zeros_like(level)):
        values = torch.linalg.eigh(matrix).eigenvalues[:, -1:]
        axis = principal_eigenvector(matrix)
        torch.testing.assert_close(axis.norm(dim=-1), torch.ones(500).double())
        torch.testing.assert_close((matrix @ axis[..., None])[..., 0], values * axis, atol=1e-11, rtol=0)


def test_refuses_stgcn(tmp_path: Path) -> None:
    encoder = ImuEncoder(AnymoEncoderConfig(architecture="stgcn", base_channels=8, hidden_size=24))
    with pytest.raises(ValueError, match='expected architecture="worn"'):
        export_onnx(encoder, tmp_path / "encoder.onnx", window_s=5.0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "rotation", [None, *(pytest.param(rotation, marks=pytest.mark.slow) for rotation in NUM_CHANNELS)]
)
def test_onnxruntime_gives_the_same(
    rotation: str | None, real_batches: dict[int, WindowBatch], tmp_path: Path
) -> None:
    """Of the encoder that comes with the package; and of small ones that read signals in each way."""
    onnx, runtime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    released = ImuEncoder.from_pretrained(SHIPPED / "encoder").eval()
    encoder, file = released if rotation is None else encoder_of(rotation), tmp_path / "encoder.onnx"
    export_onnx(encoder, file, window_s=5.0)
    assert [p.name for p in tmp_path.iterdir()] == [file.name]
    onnx.checker.check_model(file)
    session = runtime.InferenceSession(file, providers=["CPUExecutionProvider"])
    assert [i.name for i in session.get_inputs()] == list(INPUTS)
    for batch in (random_batch(1, 1), random_batch(5, 3), *real_batches.values()):
        found = session.run(OUTPUTS, {name: x.numpy() for name, x in inputs_of(batch).items()})
        check(dict(zip(OUTPUTS, found, strict=True)), encoder, batch)
