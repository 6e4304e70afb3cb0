"""Devices of training windows: what they leave of the signal, what they lose, and how often each is drawn."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from anymo import body
from anymo.body import Body
from anymo.data import device_draws
from anymo.data.blocks import Blocks
from anymo.data.corpus import ClipSource, MotionCorpus, build_corpus
from anymo.data.device_draws import Devices, at_model_rate, draw_devices
from anymo.data.draws import DrawConfig
from anymo.data.sampler import WindowSampler
from anymo.data.window import windows
from anymo.records import GRAVITY_MPS2, Motion, Recording, SensorStream, WindowBatch
from anymo.simulation import DeviceModel
from anymo.simulation.presets import PRESETS, TAG


@pytest.fixture(scope="module")
def adult() -> Body:
    return body.load()


def still_corpus(hand_motion: Callable[..., Motion]) -> MotionCorpus:
    motion = hand_motion(0)
    still = replace(
        motion,
        root_position=np.zeros_like(motion.root_position),
        rotations=np.repeat(motion.rotations[:1], len(motion.rotations), axis=0),
    )
    return build_corpus([ClipSource(motion=still, body=0)], held_out_fraction=0.0, seed=0)


def drawn(corpus: MotionCorpus, adult: Body, size: int = 200, **draw: object) -> WindowBatch:
    config = DrawConfig(**({"short_share": 0.0} | draw))
    sampler = WindowSampler(corpus, [adult], config, held_out=False)
    parts = [sampler.batch(25, np.random.default_rng(k), num_views=1) for k in range(size // 25)]
    return type(parts[0]).joined(parts).views[0]


def test_a_still_ideal_device_reads_gravity_or_nothing(
    hand_motion: Callable[..., Motion], adult: Body
) -> None:
    view = drawn(still_corpus(hand_motion), adult, ideal_share=1.0, removed_share=0.5)
    size = view.signal[..., :3].norm(dim=-1)
    included, removed = view.worn & view.has_gravity, view.worn & ~view.has_gravity
    assert 0.3 < removed.sum() / view.worn.sum() < 0.7
    torch.testing.assert_close(
        size[included], torch.full_like(size[included], GRAVITY_MPS2), atol=0.01, rtol=0
    )
    assert size[removed].max() < 0.01
    assert view.signal[..., 3:][view.worn].abs().max() < 1e-3


@pytest.mark.parametrize("gyro_share", [0.0, 1.0])
def test_gravity_is_what_the_fusion_takes_it_for(
    tiny_corpus: MotionCorpus, adult: Body, gyro_share: float
) -> None:
    draw = {"ideal_share": 1.0, "device_rates_hz": (20.0,), "gyro_share": gyro_share}
    kept = drawn(tiny_corpus, adult, removed_share=0.0, **draw)
    removed = drawn(tiny_corpus, adult, removed_share=1.0, **draw)
    assert kept.has_gravity[kept.worn].all()
    assert not removed.has_gravity.any()
    force, gyro = kept.signal[kept.worn].permute(2, 0, 1).split(3)
    believed = DeviceModel().fusion.gravity(force, gyro if gyro_share else None, 20.0)
    expected = (force - believed).permute(1, 2, 0)
    torch.testing.assert_close(removed.signal[..., :3][removed.worn], expected, atol=1e-3, rtol=0)
    torch.testing.assert_close(removed.signal[..., 3:], kept.signal[..., 3:])


def test_every_device_has_its_own_errors(hand_motion: Callable[..., Motion], adult: Body) -> None:
    view = drawn(
        still_corpus(hand_motion), adult, size=400, preset_share=0.0, removed_share=1.0, gyro_share=1.0,
        max_sensors=1,
    )  # fmt: skip
    device = DeviceModel()
    assert device.gyro is not None
    turning = view.signal[:, 0, :, 3:].mean(dim=1)
    np.testing.assert_allclose(turning.std(dim=0), device.gyro.turn_on_bias, rtol=0.15)
    kept = drawn(
        still_corpus(hand_motion), adult, size=400, preset_share=0.0, removed_share=0.0, max_sensors=1
    )
    error = kept.signal[:, 0, :, :3].mean(dim=1).norm(dim=-1) - GRAVITY_MPS2
    bias, scale = device.acc.turn_on_bias, GRAVITY_MPS2 * device.acc.scale_error
    assert float(error.std()) == pytest.approx(np.hypot(bias, 0.75 * scale), rel=0.2)


def test_readings_stay_within_the_range(adult: Body, hand_motion: Callable[..., Motion]) -> None:
    """A clip hundreds of times too fast drives every device into its stops."""
    corpus = build_corpus([ClipSource(motion=hand_motion(0), body=0)], held_out_fraction=0.0, seed=0)
    wild = replace(corpus, features=Blocks([300 * block for block in corpus.features.blocks]))
    view = drawn(wild, adult, preset_share=1.0, removed_share=0.0, wobble_share=0.0, rate_hz=10.0,
                 device_rates_hz=(10.0,))  # fmt: skip
    largest = view.signal[view.sample_valid].abs().amax(dim=0)
    acc = max(d.acc.full_scale for d in PRESETS.values())
    gyro = max(d.gyro.full_scale for d in PRESETS.values() if d.gyro)
    assert largest[:3].max() <= acc + 1e-3
    assert largest[:3].max() > 0.9 * acc
    assert largest[3:].max() <= gyro + 1e-3


def test_lost_samples_are_bridged_as_in_recordings(hand_motion: Callable[..., Motion]) -> None:
    rng = np.random.default_rng(0)
    signal, valid = rng.normal(size=(6, 4, 251)), rng.random((4, 251)) > 0.3
    valid[0], valid[1, :9], valid[2, 200:] = True, False, False
    for rate_hz, model_hz in ((50.0, 20.0), (50.0, 50.0)):
        config = DrawConfig(rate_hz=model_hz)
        bridged = device_draws._bridged(torch.from_numpy(signal).float(), torch.from_numpy(valid))
        values, received = at_model_rate(bridged, torch.from_numpy(valid), rate_hz, config)
        streams = tuple(
            SensorStream(acc=signal[:3, k].T, gyro=signal[3:, k].T, valid=valid[k], rate_hz=rate_hz,
                         placement="left wrist", gravity="included")
            for k in range(4)
        )  # fmt: skip
        truth, _ = windows(Recording(sensors=streams), rate_hz=model_hz, window_s=5.0)
        torch.testing.assert_close(values, truth.signal[0], atol=1e-4, rtol=0)
        assert torch.equal(received, truth.sample_valid[0])


def test_losses_are_as_frequent_as_the_part_says(
    hand_motion: Callable[..., Motion], adult: Body, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_draws, "_PARTS", (TAG,))
    device_draws._for_windows.cache_clear()
    view = drawn(still_corpus(hand_motion), adult, size=800, preset_share=1.0, device_rates_hz=(20.0,))
    device_draws._for_windows.cache_clear()
    assert TAG.dropout is not None
    assert not view.has_gyro.any()  # it has none
    lost = 1 - float(view.sample_valid[view.worn].float().mean())
    assert lost == pytest.approx(TAG.dropout.share, rel=0.35)
    assert torch.isfinite(view.signal).all()


def test_a_sensor_that_is_silent_for_the_shortest_window_is_replaced() -> None:
    config = DrawConfig()
    valid = torch.ones(3, 251, dtype=torch.bool)
    valid[0, :25], valid[1, :20] = False, False
    assert device_draws._silent(valid, 50.0, config).tolist() == [True, False, False]


def test_kinds_and_rates_are_drawn_as_often_as_asked() -> None:
    config = DrawConfig(ideal_share=0.2, preset_share=0.5, wobble_share=0.4, gyro_share=0.9)
    devices = [draw_devices(20, config, np.random.default_rng(k)) for k in range(800)]
    kinds = [kind for d in devices for kind in d.kinds]
    ideal = sum(kind is device_draws._IDEAL for kind in kinds) / len(kinds)
    cheap = sum(kind is device_draws._CHEAP for kind in kinds) / len(kinds)
    presets = [k for k in kinds if k.oversampling > 1]
    assert ideal == pytest.approx(0.2, abs=0.04)
    assert cheap == pytest.approx(0.4, abs=0.05)
    assert sum(k.wobble is not None for k in presets) / len(presets) == pytest.approx(0.4, abs=0.07)
    assert {d.rate_hz for d in devices} == set(config.device_rates_hz)
    assert all(not d.has_gyro[d.kind == k].any() for d in devices for k in (0, 1) if d.kinds[k].gyro is None)
    removed = torch.cat([d.removed for d in devices]).float().mean()
    assert removed == pytest.approx(config.removed_share, abs=0.02)


def test_presets_filter_before_they_sample_at_any_rate() -> None:
    """The ideal signal is dense enough for the grid's own band, and for the mount where there is one."""
    config = DrawConfig(preset_share=1.0)
    seen: list[Devices] = [draw_devices(1, config, np.random.default_rng(k)) for k in range(200)]
    for devices in seen:
        for kind in devices.kinds:
            dense_hz = kind.oversampling * devices.rate_hz
            assert 60 <= dense_hz <= 400
            assert kind.acc.bandwidth is not None
            assert kind.wobble is None or dense_hz >= 1.5 * kind.wobble.frequency_hz


def test_an_acceleration_only_recipe(tiny_corpus: MotionCorpus, adult: Body) -> None:
    view = drawn(tiny_corpus, adult, gyro_share=0.0, ideal_share=1.0, usual_share=0.0, upright_share=0.0)
    assert not view.has_gyro.any()
