"""Classifiers of windows: they learn what is there to learn, read no masked sample, and say what is wrong."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from labelled_toys import CLASSES, swing, swings
from scipy.spatial.transform import Rotation

from anymo.data import windows as cut_windows
from anymo.data.virtual import VIRTUAL_SUBJECT
from anymo.encoders import AnymoEncoderConfig, ImuEncoder
from anymo.records import Recording, WindowBatch
from anymo.training.classifiers import (
    METHODS,
    Descent,
    Examples,
    FineTuning,
    Forest,
    LinearProbe,
    Method,
    RawNetwork,
    TwoProbes,
    build_method,
    cut_examples,
    hand_made_features,
    joined,
    recording_scores,
    sensor_columns,
)
from anymo.training.classifiers.descent import window_inputs
from anymo.training.classifiers.hand_made import _PER_VECTOR
from anymo.training.classifiers.probe import chosen_penalty, latent_moments, regression
from anymo.training.classifiers.raw_networks import Kind
from anymo.training.optim import OptimConfig, adamw

BRISK = Descent(min_steps=40, max_steps=40, lr=3e-3)
FROM_ZERO = Descent(min_steps=120, max_steps=120, lr=3e-3)  # heads that start there take longer


@pytest.fixture(scope="module")
def encoder() -> ImuEncoder:
    torch.manual_seed(0)
    return ImuEncoder(AnymoEncoderConfig(hidden_size=16, num_layers=1, num_heads=2, rotation="both"))


def cut(recordings: Sequence[Recording]) -> Examples:
    return cut_examples(recordings, CLASSES, rate_hz=20.0, window_s=5.0, hop_s=5.0)


def windows(recordings: Sequence[Recording]) -> WindowBatch:
    batch = cut(recordings).inputs
    assert isinstance(batch, WindowBatch)
    return batch


def accuracy(method: Method, train: Sequence[Recording], test: Sequence[Recording]) -> float:
    fitted = method.fit(represented(method, cut(train)), seed=0)
    asked = represented(method, cut(test))
    owner, scores = recording_scores(fitted, asked)
    assert np.allclose(scores.sum(axis=1), 1.0)
    truth = np.array([CLASSES.index(r.label) for r in test])
    return float((scores.argmax(axis=1) == truth[owner]).mean())


def represented(method: Method, examples: Examples) -> Examples:
    batch = examples.inputs
    assert isinstance(batch, WindowBatch)
    return examples.with_inputs(method.represent(batch))


def test_probe_and_forest_tell_swings_apart(encoder: ImuEncoder) -> None:
    recordings = swings()
    train, test = [r for r in recordings if r.subject != "s3"], [r for r in recordings if r.subject == "s3"]
    assert accuracy(LinearProbe(encoder), train, test) == 1.0
    assert accuracy(TwoProbes(encoder), train, test) == 1.0
    assert accuracy(Forest(num_trees=30), train, test) == 1.0


def test_two_probes_are_the_mean_of_both_and_bear_what_is_missing(encoder: ImuEncoder) -> None:
    """A gyroscope that training never had says nothing; one that a window lacks stands at its mean."""
    examples, method = cut(swings(2, 1)), TwoProbes(encoder)
    own = represented(method, examples)
    rows = own.inputs
    assert isinstance(rows, np.ndarray)
    latents = represented(LinearProbe(encoder), examples).inputs
    assert isinstance(latents, np.ndarray)
    made = rows[:, latents.shape[1] :]
    assert np.array_equal(rows[:, : latents.shape[1]], latents)
    centre, scale = np.nanmean(made, axis=0), np.nanstd(made, axis=0)
    scaled = np.where(scale > 1e-9, (made - centre) / np.where(scale > 1e-9, scale, 1.0), 0.0).clip(-5, 5)
    probes = [LinearProbe(encoder).fit(own.with_inputs(x), 0)(x) for x in (latents, np.nan_to_num(scaled))]
    assert np.allclose(method.fit(own, 0)(rows), np.mean(probes, axis=0), atol=1e-6)

    lacking = rows.copy()
    lacking[:, latents.shape[1] + 59 : -1] = np.nan
    said = method.fit(own.with_inputs(lacking), 0)
    assert np.array_equal(said(rows), said(lacking))
    assert np.isfinite(method.fit(own, 0)(lacking)).all()


@pytest.mark.parametrize(
    ("name", "gyro"),
    [("lora", True), ("full", False), ("scratch", True), ("cnn", False), ("deepconvlstm", True)],
)
def test_networks_overfit_eight_windows(encoder: ImuEncoder, name: str, gyro: bool) -> None:
    method = build_method(name, encoder)
    assert isinstance(method, FineTuning | RawNetwork)
    few = [swing(CLASSES[k % 3], f"s{k}", k, gyro=gyro) for k in range(4)]  # two windows each
    descent = FROM_ZERO if isinstance(method, FineTuning) else BRISK
    assert accuracy(replace(method, descent=descent), few, few) == 1.0


def test_every_name_makes_a_method_and_others_are_refused(encoder: ImuEncoder) -> None:
    assert all(hasattr(build_method(name, encoder), "fit") for name in METHODS)
    with pytest.raises(ValueError, match=r"expected one of probe, probes, lora.*got 'svm'"):
        build_method("svm", encoder)


def test_fine_tuning_starts_undecided_and_leaves_the_encoder_alone(encoder: ImuEncoder) -> None:
    examples, before = cut(swings(2, 1)), {k: v.clone() for k, v in encoder.state_dict().items()}
    batch = examples.inputs
    assert isinstance(batch, WindowBatch)
    for trained in ("full", "lora"):
        network = FineTuning(encoder, trained).start(examples, seed=0).eval()
        with torch.no_grad():
            assert not network(batch).any()
            assert torch.equal(latent_moments(network.encoder, batch), latent_moments(encoder, batch))
    FineTuning(encoder, "full", BRISK).fit(examples, seed=0)
    assert all(torch.equal(before[k], v) for k, v in encoder.state_dict().items())


def test_the_encoder_learns_more_slowly_than_the_head(encoder: ImuEncoder) -> None:
    network = FineTuning(encoder, "full").start(cut(swings(2, 1)), seed=0)
    optimizer, _ = adamw(network, OptimConfig(steps=2, batch_size=1, warmup_steps=0), {"encoder.": 0.3})
    rate = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    assert {rate[id(p)] for p in network.encoder.parameters()} == {0.3 * 1e-3}
    assert {rate[id(p)] for p in network.head.parameters()} == {1e-3}
    assert len(rate) == len(list(network.parameters()))


def test_lora_trains_adapters_and_head_alone(encoder: ImuEncoder) -> None:
    network = FineTuning(encoder, "lora", rank=2).start(cut(swings(2, 1)), seed=0)
    trained = {name for name, p in network.named_parameters() if p.requires_grad}
    assert {"head.weight", "head.bias"} < trained
    assert all("lora_" in name or name.startswith("head.") for name in trained)


def test_from_scratch_knows_nothing_of_the_weights(encoder: ImuEncoder) -> None:
    examples = cut(swings(2, 1))
    torch.manual_seed(9)
    other = ImuEncoder(encoder.config)
    starts = [FineTuning(e, "scratch").start(examples, seed=3) for e in (encoder, other)]
    for one, two in zip(starts[0].parameters(), starts[1].parameters(), strict=True):
        assert torch.equal(one, two)


@pytest.mark.parametrize("name", ["probe", "probes", "scratch", "cnn", "deepconvlstm", "forest"])
def test_what_is_masked_is_not_read(encoder: ImuEncoder, name: str) -> None:
    """Other values under the masks change neither the fit nor the answer."""
    recordings = [swing(label, f"s{k}", k, gyro=k == 0) for k in range(2) for label in CLASSES]
    examples = cut(recordings)
    batch = examples.inputs
    assert isinstance(batch, WindowBatch)
    valid = batch.sample_valid.clone()
    valid[:, :, 20:35] = False
    batch = replace(batch, sample_valid=valid)
    wild = batch.signal.clone()
    wild[~valid] = 1e3
    wild[..., 3:][~batch.has_gyro] = -1e3
    said = []
    for inputs in (batch, replace(batch, signal=wild)):
        method = build_method(name, encoder)
        if isinstance(method, FineTuning | RawNetwork):
            method = replace(method, descent=Descent(min_steps=2, max_steps=2))
        own = represented(method, examples.with_inputs(inputs))
        said.append(method.fit(own, seed=0)(own.inputs))
    assert np.allclose(said[0], said[1], atol=1e-5)


def test_missing_gyroscope_is_nan_and_not_zero() -> None:
    features = hand_made_features(windows([swing("slow", "s", 0, gyro=False)]))
    assert np.isfinite(features[:, :_PER_VECTOR]).all()
    assert np.isnan(features[:, _PER_VECTOR : 2 * _PER_VECTOR]).all()
    assert features.shape[1] == 119


def test_features_have_their_invariances() -> None:
    batch = windows([swing(label, "s", k) for k, label in enumerate(CLASSES)])
    features = hand_made_features(batch)
    turn = torch.from_numpy(Rotation.random(rng=0).as_matrix()).float()
    turned = batch.signal.clone()
    turned[..., :3], turned[..., 3:] = turned[..., :3] @ turn.T, turned[..., 3:] @ turn.T
    magnitude = slice(3 * 14, 4 * 14)
    other = hand_made_features(replace(batch, signal=turned))
    assert np.allclose(features[:, magnitude], other[:, magnitude], atol=1e-2)
    assert not np.allclose(features[:, :14], other[:, :14], atol=1e-2)
    shifted = batch.signal.clone()
    shifted[..., 0] += 5.0
    other = hand_made_features(replace(batch, signal=shifted))
    assert np.allclose(features[:, 0] + 5.0, other[:, 0], atol=1e-4)  # mean of acc x
    assert np.allclose(features[:, [1, *range(7, 14)]], other[:, [1, *range(7, 14)]], atol=1e-3)


def test_features_know_a_sine() -> None:
    """Deviation, strongest frequency and the power of its band, in closed form."""
    t = torch.arange(100) / 20.0
    signal = torch.zeros(1, 1, 100, 6)
    signal[0, 0, :, 0] = 3.0 * torch.sin(2 * torch.pi * 1.4 * t)  # seven whole waves
    batch = replace(windows([swing("slow", "s", 0)]).select(slice(0, 1)), signal=signal)
    x = hand_made_features(batch)[0, :14]
    assert x[0] == pytest.approx(0.0, abs=1e-6)
    assert x[1] == pytest.approx(3.0 / 2**0.5, rel=1e-5)
    assert x[6] == pytest.approx(3.0, rel=0.02)
    assert x[8] == pytest.approx(np.log((3.0 / 2) ** 2), rel=1e-4)  # 1 to 2 Hz
    assert x[13] == pytest.approx(1.4)


def test_order_of_sensors_does_not_matter_to_columns() -> None:
    wrist, ankle = swing("slow", "s", 0).sensors[0], swing("quick", "s", 1, placement="left ankle").sensors[0]
    one, two = (
        replace(swing("slow", "s", 0), sensors=sensors) for sensors in ((wrist, ankle), (ankle, wrist))
    )
    assert np.array_equal(*(hand_made_features(windows([r])) for r in (one, two)), equal_nan=True)


def worn_on(recording: Recording, *placements: str) -> Recording:
    """The recording's sensor on some places, on each twice as loud as on the one before."""
    (sensor,) = recording.sensors
    sensors = (replace(sensor, acc=2.0**k * sensor.acc, placement=p) for k, p in enumerate(placements))
    return replace(recording, sensors=tuple(sensors))


def test_a_sensor_alone_stands_where_it_stands_beside_others() -> None:
    watch, phone = "left wrist watch", "front right trouser pocket phone"
    both = worn_on(swing("slow", "s", 0), watch, phone)
    recordings = [
        both,
        replace(both, sensors=both.sensors[1:]),
        replace(both, sensors=(replace(both.sensors[0], placement="right wrist watch"),)),
    ]
    assert sensor_columns(recordings) == ("wrist watch", "front trouser pocket phone")
    batch = windows(recordings)
    assert batch.worn[::2].tolist() == [[True, True], [False, True], [True, False]]
    x = hand_made_features(batch)[::2]
    assert np.array_equal(x[0, 119:], x[1, 119:])
    assert np.array_equal(x[0, :118], x[2, :118])  # but for the segment
    assert np.isnan(x[1, :119]).all()
    assert np.isnan(x[2, 119:]).all()
    for kind in ("cnn", "deepconvlstm"):
        assert torch.equal(RawNetwork(kind).represent(batch).signal[0, 1], batch.signal[2, 1])
    alone = cut_examples(
        recordings[1:2], CLASSES, rate_hz=20.0, window_s=5.0, hop_s=5.0, columns=sensor_columns(recordings)
    )
    assert np.array_equal(hand_made_features(window_inputs(alone.inputs))[0], x[1], equal_nan=True)
    with pytest.raises(ValueError, match=r"on wrist watch, front .*got one more on 'chest'; take the col"):
        cut_examples(
            [worn_on(swing("slow", "s", 0), "chest")], CLASSES,
            rate_hz=20.0, window_s=5.0, hop_s=5.0, columns=sensor_columns(recordings),
        )  # fmt: skip


def test_both_sides_at_once_have_columns_of_their_own() -> None:
    pair = worn_on(swing("slow", "s", 0), "left wrist", "chest", "right wrist", "LeftFoot")
    other = worn_on(swing("slow", "s", 1), "RightFoot", "right wrist")
    assert sensor_columns([pair, other]) == ("chest", "right wrist", "left wrist", "Foot")
    assert windows([pair, other]).worn[2].tolist() == [False, True, False, True]
    twice = worn_on(swing("slow", "s", 0), "chest", "chest")
    assert sensor_columns([twice, pair])[:2] == ("chest", "chest")


def test_columns_are_nothing_to_the_encoder(encoder: ImuEncoder) -> None:
    one = worn_on(swing("slow", "s", 0), "left ankle", "right wrist")
    read = {"rate_hz": 20.0, "window_s": 5.0, "hop_s": 5.0}
    plain, _ = cut_windows(one, **read)
    wide = cut_examples([one], CLASSES, columns=("chest", "wrist", "ankle"), **read)
    probe = LinearProbe(encoder)
    assert np.allclose(probe.represent(plain), probe.represent(window_inputs(wide.inputs)), atol=1e-5)


def test_penalty_is_chosen_on_other_people(encoder: ImuEncoder) -> None:
    """Features that tell people, not classes, apart want the strongest penalty."""
    rng = np.random.default_rng(0)
    num = 60
    label, person = rng.integers(0, 2, num), np.arange(num) % 6
    label[person == 0], label[person == 1] = np.arange(10) % 2, np.arange(10) % 2
    x = rng.normal(size=(num, 30))
    examples = Examples(
        inputs=x, label=label, recording=np.arange(num), subject=person.astype(str), num_classes=2
    )
    assert chosen_penalty(examples, (1e-4, 1e2), seed=0) == 1e-4
    telling = replace(examples, inputs=np.column_stack([x[:, 0], 8.0 * label + 0.1 * x[:, 1]]))
    assert chosen_penalty(telling, (1e-4, 1e2), seed=0) == 1e2
    assert chosen_penalty(telling.of([0, int(np.argmax(label == 1))]), (1.0, 2.0, 3.0), seed=0) == 2.0


def test_penalty_is_chosen_on_real_people_where_there_are_any() -> None:
    """A feature tells real classes apart and virtual ones not, which are more: the weak penalty is right."""
    rng = np.random.default_rng(0)
    label = np.concatenate([np.arange(60) % 2, rng.integers(0, 2, 200)])
    x = rng.normal(size=(260, 3))
    x[:60, 0] += 8.0 * label[:60]
    examples = Examples(
        inputs=x,
        label=label,
        recording=np.arange(260),
        subject=np.array([f"s{k // 10}" for k in range(60)] + [VIRTUAL_SUBJECT] * 200),
        num_classes=2,
    )
    assert chosen_penalty(examples, (1e-4, 1e2), seed=0) == 1e2
    assert chosen_penalty(examples.of(np.arange(60, 260)), (1e-4, 1e2), seed=0) == 1e-4


def test_regression_is_scikit_learns() -> None:
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(1)
    x, label = rng.normal(size=(80, 4)) * [1, 10, 0.1, 1] + 3, rng.integers(0, 3, 80)
    examples = Examples(
        inputs=x, label=label, recording=np.arange(80), subject=np.full(80, "s"), num_classes=3
    )
    scaled = (x - x.mean(0)) / x.std(0)
    expected = LogisticRegression(C=0.5, max_iter=1000).fit(scaled, label).predict_proba(scaled)
    assert np.allclose(regression(examples, 0.5)(x), expected, atol=1e-6)
    two = replace(examples, label=label % 2, num_classes=2)
    expected = LogisticRegression(C=0.5, max_iter=1000).fit(scaled, label % 2).predict_proba(scaled)
    assert np.allclose(regression(two, 0.5)(x), expected, atol=1e-6)


def test_same_seed_same_answer(encoder: ImuEncoder) -> None:
    examples = cut(swings(2, 1))
    for method in (Forest(num_trees=5), RawNetwork("deepconvlstm", Descent(min_steps=2, max_steps=2))):
        own = represented(method, examples)
        said = [method.fit(own, seed)(own.inputs) for seed in (0, 0, 1)]
        assert np.array_equal(said[0], said[1])
        assert not np.array_equal(said[0], said[2])


def test_errors_say_what_to_do(encoder: ImuEncoder) -> None:
    examples = cut(swings(2, 1))
    with pytest.raises(ValueError, match=r"example of each.*\[0, .*add recordings"):
        Forest().fit(
            represented(Forest(), examples.of(np.flatnonzero([r.label != "slow" for r in swings(2, 1)]))), 0
        )
    with pytest.raises(ValueError, match=r"expected features .* call the method's represent first"):
        LinearProbe(encoder).fit(examples, seed=0)
    with pytest.raises(ValueError, match="expected windows, got features"):
        RawNetwork("cnn").fit(represented(Forest(), examples), seed=0)
    with pytest.raises(ValueError, match="expected a label of slow, quick, still, got ''"):
        cut([replace(swing("slow", "s", 0), label="")])
    with pytest.raises(ValueError, match="windows on both sides"):
        joined(examples, represented(Forest(), examples))
    with pytest.raises(ValueError, match="0 < min_steps <= max_steps"):
        Descent(min_steps=10, max_steps=5)
    stgcn = ImuEncoder(AnymoEncoderConfig(architecture="stgcn", hidden_size=16, num_heads=2, base_channels=4))
    with pytest.raises(ValueError, match=r"an encoder with linear maps, got architecture 'stgcn'.*in full"):
        build_method("lora", stgcn)


@pytest.mark.parametrize("kind", ["cnn", "deepconvlstm"])
def test_what_training_never_had_is_not_read_later(kind: Kind) -> None:
    """Trained without gyroscopes, a network answers alike with one and without."""
    method = RawNetwork(kind, Descent(min_steps=2, max_steps=2))
    fitted = method.fit(represented(method, cut([swing(c, "s", 0, gyro=False) for c in CLASSES])), seed=0)
    said = [fitted(method.represent(windows([swing("slow", "t", 0, gyro=g)]))) for g in (True, False)]
    assert np.array_equal(*said)


def test_networks_refuse_another_number_of_slots() -> None:
    one, two = swing("slow", "s", 0), swing("quick", "s", 1, placement="left ankle")
    method = RawNetwork("cnn", Descent(min_steps=1, max_steps=1))
    fitted = method.fit(represented(method, cut(swings(2, 1))), seed=0)
    both = replace(one, sensors=(*one.sensors, *two.sensors))
    with pytest.raises(ValueError, match="windows of 1 sensor slots, as in training, got 2"):
        fitted(windows([both]))
