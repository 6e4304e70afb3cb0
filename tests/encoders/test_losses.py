"""Losses against values worked out by hand."""

import math

import pytest
import torch

from anymo.encoders.losses import multi_positive_contrastive, reconstruction, sequence_contrastive


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


def test_sequence_contrastive_by_hand() -> None:
    own, other = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    target = torch.stack([torch.stack([own, own]), torch.stack([other, other])])
    predicted = torch.stack([torch.stack([own, other]), torch.stack([other, other])])
    everywhere = torch.ones(2, 2, dtype=torch.bool)
    # Row 0 is half right (0.5 against 0.5), row 1 wholly (0 against 1).
    expected = (math.log(2) + softplus(-1 / 0.5)) / 2
    assert float(sequence_contrastive(predicted, target, everywhere, 0.5)) == pytest.approx(
        expected, rel=1e-5
    )
    first_only = torch.tensor([[True, False], [True, True]])  # row 0's wrong step does not count
    expected = softplus(-1 / 0.5)
    assert float(sequence_contrastive(predicted, target, first_only, 0.5)) == pytest.approx(
        expected, rel=1e-5
    )


def test_sequence_contrastive_gradients() -> None:
    torch.manual_seed(0)
    predicted, target = torch.randn(2, 3, 5, 4, requires_grad=True).unbind()
    predicted, target = predicted.detach().requires_grad_(), target.detach().requires_grad_()
    valid = torch.rand(3, 5) > 0.4
    sequence_contrastive(predicted, target, valid, 0.1).backward()
    assert target.grad is None
    assert not predicted.grad[~valid].any()
    assert predicted.grad[valid].any()


def test_reconstruction_by_hand() -> None:
    signal = torch.zeros(1, 3, 6)
    predicted = torch.zeros(1, 3, 6)
    predicted[0, 1, 0] = 0.5  # smooth L1: 0.125 once in 18 values, and in two of 12 differences
    everywhere = torch.ones(1, 3, 6, dtype=torch.bool)
    assert float(reconstruction(predicted, signal, everywhere)) == pytest.approx(0.125 / 18 + 0.25 / 12)


@pytest.mark.parametrize("value", [float("nan"), 1e30])
def test_reconstruction_does_not_read_missing_channels(value: float) -> None:
    torch.manual_seed(0)
    predicted, signal = torch.randn(2, 8, 6, requires_grad=True), torch.randn(2, 8, 6)
    valid = torch.rand(2, 8, 6) > 0.3
    expected = reconstruction(predicted, signal, valid)
    loss = reconstruction(predicted, signal.masked_fill(~valid, value), valid)
    loss.backward()
    assert loss.item() == expected.item()
    assert torch.isfinite(predicted.grad).all()
    assert not predicted.grad[~valid].any()
    assert reconstruction(predicted, signal, torch.zeros_like(valid)).item() == 0.0
