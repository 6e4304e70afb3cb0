"""Losses against values worked out by hand."""

import math

import pytest
import torch

from anymo.encoders.losses import (
    distinct_captions,
    multi_positive_contrastive,
    sequence_contrastive,
    signal_errors,
    signal_loss,
)


def softplus(x: float) -> float:
    return math.log1p(math.exp(x))


def test_two_by_two_by_hand() -> None:
    similarity = torch.tensor([[0.9, 0.1], [0.3, 0.7]])
    loss = multi_positive_contrastive(similarity, torch.eye(2, dtype=torch.bool), 10.0)
    # −log softmax of the diagonal is softplus(other − own): rows −8, −4; columns −6, −6.
    rows = (softplus(-8.0) + softplus(-4.0)) / 2
    columns = (softplus(-6.0) + softplus(-6.0)) / 2
    assert float(loss) == pytest.approx((rows + columns) / 2, rel=1e-5)


def test_it_is_symmetric() -> None:
    torch.manual_seed(0)
    similarity, positive = torch.randn(5, 7), torch.rand(5, 7) > 0.5
    positive[:, 0] = positive[0] = True
    forth = multi_positive_contrastive(similarity, positive, 3.0)
    back = multi_positive_contrastive(similarity.T, positive.T, 3.0)
    torch.testing.assert_close(forth, back)


def test_all_positives_are_a_plain_average() -> None:
    alike = multi_positive_contrastive(torch.full((4, 4), 0.5), torch.ones(4, 4, dtype=torch.bool), 20.0)
    assert float(alike) == pytest.approx(math.log(4), rel=1e-5)
    similarity = torch.tensor([[1.0, 0.0]])  # row: mean of −log softmax; columns have one row each: 0
    loss = multi_positive_contrastive(similarity, torch.ones(1, 2, dtype=torch.bool), 1.0)
    assert float(loss) == pytest.approx((softplus(-1.0) + softplus(1.0)) / 2 / 2, rel=1e-5)


def test_windows_with_the_same_caption_are_no_negatives() -> None:
    windows = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    words = torch.eye(2)
    same = torch.tensor([[True, False], [True, False], [False, True]])
    windows.requires_grad_(True)
    loss = multi_positive_contrastive(windows @ words.T, same, 50.0)
    # Rows are certain; the shared caption's column splits its mass evenly: log 2 for one of two columns.
    assert loss.item() == pytest.approx(math.log(2) / 2 / 2, abs=1e-4)
    loss.backward()
    torch.testing.assert_close(windows.grad[0], windows.grad[1])
    assert float(windows.grad[:2, 0].abs().max()) < 1e-4  # neither pushes the other away


def test_several_captions_each_against_a_slow_loop() -> None:
    torch.manual_seed(0)
    ids = torch.tensor([[7, 3], [3, 9], [9, 9], [1, 7]])  # window 2 has one sentence twice
    embedding = {k: torch.randn(5) for k in (1, 3, 7, 9)}
    text = torch.stack([torch.stack([embedding[k] for k in row]) for row in ids.tolist()])
    windows, scale = torch.randn(4, 5), 2.0
    words, mine = distinct_captions(text, ids)
    rows, columns = [], []
    for window, row in zip(windows, ids.tolist(), strict=True):
        total = sum(math.exp(scale * float(window @ e)) for e in embedding.values())
        own = [scale * float(window @ embedding[k]) - math.log(total) for k in set(row)]
        rows.append(-sum(own) / len(own))
    for k, e in embedding.items():
        total = sum(math.exp(scale * float(w @ e)) for w in windows)
        own = [
            scale * float(w @ e) - math.log(total)
            for w, row in zip(windows, ids.tolist(), strict=True)
            if k in row
        ]
        columns.append(-sum(own) / len(own))
    one = multi_positive_contrastive(windows @ words.T, mine, scale, symmetric=False)
    both = multi_positive_contrastive(windows @ words.T, mine, scale)
    assert float(one) == pytest.approx(sum(rows) / 4, rel=1e-5)
    assert float(both) == pytest.approx((sum(rows) / 4 + sum(columns) / 4) / 2, rel=1e-5)


def test_sequence_contrastive_by_hand() -> None:
    own, other = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    target = torch.stack([torch.stack([own, own]), torch.stack([other, other])])
    predicted = torch.stack([torch.stack([own, other]), torch.stack([other, other])])
    all_seen = torch.ones(2, 2, dtype=torch.bool)
    # Row 0 is half right (0.5 against 0.5), row 1 wholly (0 against 1).
    expected = (math.log(2) + softplus(-1 / 0.5)) / 2
    loss = sequence_contrastive(predicted, all_seen, target, all_seen, 0.5)
    assert float(loss) == pytest.approx(expected, rel=1e-5)
    first_only = torch.tensor([[True, False], [True, True]])  # row 0's wrong step does not count
    loss = sequence_contrastive(predicted, first_only, target, first_only, 0.5)
    assert float(loss) == pytest.approx(softplus(-1 / 0.5), rel=1e-5)


def test_sequence_contrastive_against_a_slow_loop() -> None:
    torch.manual_seed(0)
    predicted, target = torch.randn(3, 5, 4), torch.randn(3, 5, 4)
    p_seen, y_seen = torch.rand(3, 5) > 0.3, torch.rand(3, 5) > 0.3
    p_seen[:, 0] = y_seen[:, 0] = True
    total = 0.0
    for b in range(3):
        scores = []
        for c in range(3):
            both = (p_seen[b] & y_seen[c]).nonzero().flatten().tolist()
            cosines = [float(torch.cosine_similarity(predicted[b, t], target[c, t], dim=0)) for t in both]
            scores.append(sum(cosines) / len(cosines) / 0.2)
        total += math.log(sum(math.exp(s) for s in scores)) - scores[b]
    loss = sequence_contrastive(predicted, p_seen, target, y_seen, 0.2)
    assert float(loss) == pytest.approx(total / 3, rel=1e-5)


def test_how_long_a_window_is_does_not_tell_it_from_others() -> None:
    same = torch.ones(4, 6, 8)
    seen = torch.arange(6) < torch.tensor([[1], [6], [3], [6]])
    loss = sequence_contrastive(same, seen, same, seen.flip(0), 0.1)
    assert float(loss) == pytest.approx(math.log(4), rel=1e-5)


def test_sequence_contrastive_gradients() -> None:
    torch.manual_seed(0)
    predicted, target = (torch.randn(3, 5, 4, requires_grad=True) for _ in range(2))
    seen = torch.rand(3, 5) > 0.4
    sequence_contrastive(predicted, seen, target, torch.ones_like(seen), 0.1).backward()
    assert target.grad is None
    assert not predicted.grad[~seen].any()
    assert predicted.grad[seen].any()


def test_signal_loss_by_hand() -> None:
    signal, predicted = torch.zeros(2, 3, 6), torch.zeros(2, 3, 6)
    predicted[0, 1, 0] = 0.5  # smooth L1: 0.125 once in 36 values, and in two of 24 differences
    all_seen = torch.ones(2, 3, 6, dtype=torch.bool)
    errors = signal_errors(predicted, signal, all_seen, 1)
    torch.testing.assert_close(errors[0], torch.tensor([[0.125, 18.0], [0.25, 12.0]]))
    assert float(signal_loss(errors)) == pytest.approx(0.125 / 36 + 0.25 / 24)
    assert float(signal_loss(signal_errors(signal, signal, all_seen, 1))) == 0.0


def test_signal_errors_against_a_slow_loop() -> None:
    torch.manual_seed(0)
    predicted, signal = 2 * torch.randn(2, 7, 3), torch.randn(2, 7, 3)
    valid, lag = torch.rand(2, 7, 3) > 0.3, 2

    def huber(x: float) -> float:
        return 0.5 * x * x if abs(x) < 1 else abs(x) - 0.5

    for n in range(2):
        value, step = [], []
        error = (predicted - signal)[n]
        for t in range(7):
            for c in range(3):
                if valid[n, t, c]:
                    value.append(huber(float(error[t, c])))
                    if t >= lag and valid[n, t - lag, c]:
                        step.append(huber(float(error[t, c] - error[t - lag, c])))
        expected = torch.tensor([[sum(value), len(value)], [sum(step), len(step)]])
        torch.testing.assert_close(signal_errors(predicted, signal, valid, lag)[n], expected)


def test_fast_motion_weighs_more_in_differences_and_gravity_nothing() -> None:
    t = torch.arange(200) / 20.0
    valid = torch.ones(1, 200, 1, dtype=torch.bool)
    wave = [0.1 * torch.sin(2 * math.pi * hz * t)[None, :, None] for hz in (0.5, 4.0)]
    slow, fast = (float(signal_errors(w, 0 * w, valid, 1)[0, 1, 0]) for w in wave)
    gain = (math.sin(math.pi * 4 / 20) / math.sin(math.pi * 0.5 / 20)) ** 2
    assert fast / slow == pytest.approx(gain, rel=0.02)
    assert float(signal_errors(wave[0] + 1, wave[0], valid, 1)[0, 1, 0]) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("value", [float("nan"), 1e30])
def test_missing_channels_are_not_read(value: float) -> None:
    torch.manual_seed(0)
    predicted, signal = torch.randn(2, 8, 6, requires_grad=True), torch.randn(2, 8, 6)
    valid = torch.rand(2, 8, 6) > 0.3
    expected = signal_loss(signal_errors(predicted, signal, valid, 1))
    loss = signal_loss(signal_errors(predicted, signal.masked_fill(~valid, value), valid, 1))
    loss.backward()
    assert loss.item() == expected.item()
    assert torch.isfinite(predicted.grad).all()
    assert not predicted.grad[~valid].any()
    assert signal_loss(signal_errors(predicted, signal, torch.zeros_like(valid), 1)).item() == 0.0


def test_pairs_that_are_not_compared_add_nothing() -> None:
    """Two blocks that never meet: the loss is the mean of theirs, by rows and by columns."""
    torch.manual_seed(0)
    similarity = torch.randn(4, 4)
    block = torch.block_diag(torch.ones(2, 2), torch.ones(2, 2)) > 0
    eye = torch.eye(4, dtype=torch.bool)
    loss = multi_positive_contrastive(similarity, eye, 3.0, compared=block)
    parts = [multi_positive_contrastive(similarity[s, s], eye[s, s], 3.0) for s in (slice(2), slice(2, 4))]
    assert float(loss) == pytest.approx(float(sum(parts)) / 2, rel=1e-6)
    predicted, target, seen = torch.randn(4, 3, 5), torch.randn(4, 3, 5), torch.ones(4, 3, dtype=torch.bool)
    loss = sequence_contrastive(predicted, seen, target, seen, 0.1, block)
    parts = [
        sequence_contrastive(predicted[s], seen[s], target[s], seen[s], 0.1) for s in (slice(2), slice(2, 4))
    ]
    assert float(loss) == pytest.approx(float(sum(parts)) / 2, rel=1e-6)
