import logging
from dataclasses import replace

import numpy as np
import pytest
import torch

from anymo.data import collate, resample, resample_valid, windows
from anymo.data.window import window_pieces
from anymo.records import Recording, SensorStream
from anymo.skeleton import INDEX


def wave(freq_hz: float, rate_hz: float, seconds: float = 10.0) -> np.ndarray:
    return np.sin(2 * np.pi * freq_hz * np.arange(round(seconds * rate_hz)) / rate_hz)[:, None]


def stream(num: int, rate_hz: float = 20.0, placement: str = "left wrist", gyro: bool = True, invalid=()):
    rng = np.random.default_rng(num)
    valid = np.ones(num, dtype=bool)
    valid[list(invalid)] = False
    values = rng.normal(0, 1, (num, 6)) + np.eye(6)[0] * 9.8
    values[~valid] = np.nan
    return SensorStream(
        acc=values[:, :3], gyro=values[:, 3:] if gyro else None, valid=valid, rate_hz=rate_hz,
        placement=placement, gravity="included",
    )  # fmt: skip


def worn(*streams: SensorStream) -> Recording:
    return Recording(sensors=streams, name="try")


@pytest.mark.parametrize("rate_in", [10.0, 12.5, 20.5, 25.0, 50.0, 64.0, 100.0, 1000.0])
def test_two_hertz_wave_survives(rate_in):
    out = resample(wave(2.0, rate_in), rate_in, 20.0)
    truth = wave(2.0, 20.0, 11.0)[: len(out)]
    assert np.abs(out - truth)[20:-20].max() < 0.01


@pytest.mark.parametrize("rate_in", [50.0, 100.0, 104.3])
def test_eleven_hertz_wave_is_attenuated_not_aliased(rate_in):
    out = resample(wave(11.0, rate_in), rate_in, 20.0)
    assert 20 * np.log10(np.abs(out[20:-20]).max()) < -20


@pytest.mark.parametrize("rate_in", [7.3, 10.0, 20.0, 52.0, 333.0])
@pytest.mark.parametrize("num", [1, 2, 4, 11, 200])
def test_constants_are_kept_exactly_and_nothing_is_extrapolated(rate_in, num):
    out = resample(np.full((num, 2), 9.80665), rate_in, 20.0)
    np.testing.assert_array_equal(out, np.full_like(out, 9.80665))
    assert len(out) == int(np.floor((num - 1) * 20.0 / rate_in + 1e-6)) + 1
    assert len(resample_valid(np.ones(num, dtype=bool), rate_in, 20.0)) == len(out)


@pytest.mark.parametrize(("rate_in", "rate_out"), [(10.0, 20.0), (50.0, 20.0), (104.3, 20.0), (20.0, 50.0)])
def test_resample_is_linear_and_does_not_wrap(rate_in, rate_out):
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, (2, 401, 3))
    both = resample(2.0 * a - 3.0 * b, rate_in, rate_out)
    parts = 2.0 * resample(a, rate_in, rate_out) - 3.0 * resample(b, rate_in, rate_out)
    np.testing.assert_allclose(both, parts, atol=1e-9)
    last = np.zeros((401, 1))
    last[-1] = 1.0
    out = resample(last, rate_in, rate_out)
    assert np.abs(out[: len(out) // 2]).max() < 1e-6
    assert np.abs(out[-5:]).max() > 0.01


@pytest.mark.parametrize("rate_in", [10.0, 50.0, 100.0])
def test_resample_has_no_delay(rate_in):
    """A signal played backwards comes out backwards, away from the ends."""
    a = np.random.default_rng(0).normal(0, 1, (401, 3))
    there, back = resample(a, rate_in, 20.0), resample(a[::-1], rate_in, 20.0)[::-1]
    np.testing.assert_allclose(there[20:-20], back[20:-20], atol=1e-4)


def test_going_up_passes_through_the_old_samples():
    rng = np.random.default_rng(0)
    a = rng.normal(0, 1, (50, 3))
    np.testing.assert_allclose(resample(a, 10.0, 20.0)[::2], a, atol=1e-9)


def test_mask_needs_both_neighbours():
    valid = np.array([True, True, False, True, True])
    np.testing.assert_array_equal(
        resample_valid(valid, 10.0, 20.0), [True, True, True, False, False, False, True, True, True]
    )
    np.testing.assert_array_equal(resample_valid(valid, 20.0, 10.0), [True, False, True])


def test_gaps_neither_spread_nor_leak_nan():
    gap = range(230, 260)
    batch, _ = windows(worn(stream(500, rate_hz=50.0, invalid=gap)))
    assert torch.isfinite(batch.signal).all()
    mask = torch.cat([batch.sample_valid[0, 0], batch.sample_valid[1, 0]])[:200]
    lost_s = (~mask).sum().item() / 20
    assert lost_s == pytest.approx(30 / 50, abs=0.1)


@pytest.mark.parametrize(
    ("num", "starts"),
    [
        (100, [0]), (149, [0]), (150, [0, 50]), (199, [0, 99]), (200, [0, 100]), (249, [0, 100]),
        (250, [0, 100, 150]), (30, [0]),
    ],
)  # fmt: skip
def test_starts_cover_the_recording(num, starts):
    recording = worn(stream(num))
    batch, starts_s = windows(recording)
    np.testing.assert_allclose(starts_s * 20, starts)
    signal = np.concatenate([recording.sensors[0].acc, recording.sensors[0].gyro], axis=1)
    for row, start in enumerate(starts):
        piece = signal[start : start + 100]
        np.testing.assert_allclose(batch.signal[row, 0, : len(piece)], piece, rtol=1e-6)
        assert batch.sample_valid[row, 0].sum() == len(piece)
        assert batch.sample_valid[row, 0, : len(piece)].all()


def test_hop_overlaps():
    assert list(windows(worn(stream(200)), hop_s=2.5)[1]) == [0.0, 2.5, 5.0]
    assert list(windows(worn(stream(230)), hop_s=2.5)[1]) == [0.0, 2.5, 5.0, 6.5]


@pytest.mark.parametrize(("most", "kept"), [(None, range(26)), (99, range(26)), (3, [4, 13, 21])])
def test_a_few_windows_at_a_time_are_the_windows(most, kept):
    recording = worn(stream(351), stream(80, placement="Pelvis"))
    whole, starts = windows(recording, hop_s=0.5)
    pieces = list(window_pieces(recording, hop_s=0.5, most=most, at_once=4))
    assert [len(batch) for batch, _ in pieces[:-1]] == [4] * (len(pieces) - 1)
    np.testing.assert_array_equal(np.concatenate([s for _, s in pieces]), starts[list(kept)])
    for name in ("signal", "sample_valid", "worn", "segment", "has_gyro", "has_gravity"):
        found = torch.cat([getattr(batch, name) for batch, _ in pieces])
        assert torch.equal(found, getattr(whole, name)[list(kept)])


def test_sensors_of_different_rate_length_and_kind():
    recording = worn(
        stream(501, rate_hz=50.0),
        stream(60, rate_hz=10.0, placement="Pelvis", gyro=False),
        stream(201, rate_hz=20.0, placement="left wrist"),
    )
    batch, _ = windows(recording)
    assert batch.signal.shape == (2, 3, 100, 6)
    assert batch.has_gyro.tolist() == [[True, False, True]] * 2
    assert batch.segment.tolist() == [[INDEX["LeftForeArm"], INDEX["Pelvis"], INDEX["LeftForeArm"]]] * 2
    assert batch.sample_valid.sum(-1).tolist() == [[100, 100, 100], [100, 19, 100]]
    assert batch.has_gravity.all()
    assert batch.worn.all()


def test_sensor_that_ended_is_not_worn():
    batch, _ = windows(worn(stream(200), stream(80, placement="Pelvis")))
    assert batch.worn.tolist() == [[True, True], [True, False]]


def test_window_without_a_valid_sample_is_left_out_aloud(caplog):
    with caplog.at_level(logging.WARNING):
        batch, starts = windows(worn(stream(300, invalid=range(95, 205))))
    assert list(starts) == [0.0, 10.0]
    assert len(batch) == 2
    assert "left out 1 of 3 windows" in caplog.text


@pytest.mark.parametrize(
    ("recording", "cut", "message"),
    [
        (worn(stream(9)), {}, r"'try': lasts 0.45 s; give 0.5 s or more"),
        (worn(stream(40, rate_hz=4.0)), {}, r"'try': rate_hz must lie between 5"),
        (worn(stream(40, invalid=range(40))), {}, r"'try': no sensor has a valid sample"),
        (worn(stream(40)), {"rate_hz": 2.0}, r"windows: rate_hz must lie between 5"),
        (worn(stream(40)), {"window_s": 0.2}, r"window_s must be 0.5 s or more"),
        (worn(stream(40)), {"hop_s": 0.0}, r"hop_s one sample or more"),
    ],
)
def test_recordings_that_cannot_be_cut(recording, cut, message):
    with pytest.raises(ValueError, match=message):
        windows(recording, **cut)


def test_collate_masks_what_is_missing():
    short, _ = windows(worn(stream(100), stream(100, placement="chest", gyro=False)), window_s=2.0, hop_s=2.0)
    long, _ = windows(worn(stream(100, placement="head")), window_s=4.0)
    both = collate([short, long])
    assert both.signal.shape == (4, 2, 80, 6)
    assert both.worn.tolist() == [[True, True]] * 3 + [[True, False]]
    assert both.sample_valid.sum(-1).tolist() == [[40, 40]] * 3 + [[80, 0]]
    torch.testing.assert_close(both.signal[:3, :, :40], short.signal)
    torch.testing.assert_close(both.signal[3:, :1], long.signal)
    assert both.segment[3, 0] == INDEX["Head"]
    with pytest.raises(ValueError, match=r"got \[20.0, 25.0\] Hz"):
        collate([short, windows(worn(stream(100)), rate_hz=25.0)[0]])
    with pytest.raises(ValueError, match="collate: expected batches"):
        collate([])


def test_feature_extractor_round_trip(tmp_path):
    from anymo.data.feature_extraction import AnymoFeatureExtractor

    AnymoFeatureExtractor(rate_hz=25.0, window_s=2.0, hop_s=1.0).save_pretrained(tmp_path)
    assert (tmp_path / "preprocessor_config.json").is_file()
    extractor = AnymoFeatureExtractor.from_pretrained(tmp_path)
    assert (extractor.rate_hz, extractor.window_s, extractor.hop_s) == (25.0, 2.0, 1.0)
    recordings = [worn(stream(100)), worn(stream(30), stream(60, placement="head"))]
    batch, owner = extractor(recordings)
    assert owner.tolist() == [0] * 4 + [1] * 2
    own, _ = windows(recordings[0], rate_hz=25.0, window_s=2.0, hop_s=1.0)
    torch.testing.assert_close(batch.signal[owner == 0][:, :1], own.signal)
    assert len(extractor(recordings[0])[0]) == 4
    with pytest.raises(ValueError, match="one recording or more"):
        extractor([])
    in_g = worn(replace(stream(100), acc=stream(100).acc / 9.8))
    with pytest.raises(ValueError, match=r"recording 'try': sensor 'left wrist'.*it looks like g with"):
        extractor([recordings[0], in_g])


def test_a_rate_that_halves_is_named_wherever_windows_are_cut():
    from anymo.data.feature_extraction import AnymoFeatureExtractor

    valid = np.ones(3000, dtype=bool)
    valid[1501::2] = False
    recording = worn(replace(stream(3000), valid=valid, rate_hz=50.0))
    for cut in (windows, AnymoFeatureExtractor(rate_hz=20.0)):
        with pytest.raises(ValueError, match=r"left wrist: the rate changes: from 30\.0 s .* at 25 Hz"):
            cut(recording)


def test_import_is_light():
    import subprocess
    import sys

    heavy = ("transformers", "pandas", "datasets")
    code = f"import sys, anymo.data; print([m for m in {heavy} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
