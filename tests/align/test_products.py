"""Linear maps that lie by columns: the same numbers, and back again."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread

import pytest
import torch
from threadpoolctl import threadpool_info
from torch import nn

from anymo.align.products import AnsweringLinear, answering, lay_by_columns, lay_by_rows


class Tied(nn.Module):
    """A vocabulary whose table is also the head, and a map with a bias between."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.inner = nn.Embedding(50, 24), nn.Linear(24, 24)
        self.head = nn.Linear(24, 50, bias=False)
        self.head.weight = self.table.weight

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        states: torch.Tensor = self.head(self.inner(self.table(ids)))
        return states


@pytest.fixture
def tied() -> Tied:
    torch.manual_seed(0)
    return Tied().eval()


@pytest.mark.parametrize("shape", [(1,), (1, 1), (3, 7)])
def test_products_are_the_same(tied: Tied, shape: tuple[int, ...]) -> None:
    ids = torch.arange(torch.Size(shape).numel()).view(shape)
    with torch.no_grad():
        expected = tied(ids)
        lay_by_columns(tied)
        with answering():
            got = tied(ids)
        torch.testing.assert_close(tied(ids), expected)
    assert isinstance(tied.head, AnsweringLinear)
    assert tied.head.weight.T.is_contiguous()
    torch.testing.assert_close(got, expected)


def test_gradients_and_other_types_go_through_torch(tied: Tied) -> None:
    ids = torch.arange(5)
    expected = torch.autograd.grad(tied(ids).square().sum(), tied.inner.weight)[0]
    lay_by_columns(tied)
    got = torch.autograd.grad(tied(ids).square().sum(), tied.inner.weight)[0]
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4)
    one = ids[:1]
    with answering(), torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert tied(one).dtype == torch.bfloat16
    with answering(), torch.no_grad():
        assert tied.bfloat16()(one).dtype == torch.bfloat16


def test_numpy_has_one_thread_while_tokens_are_made() -> None:
    def threads() -> set[int]:
        own = (p for p in threadpool_info() if p["user_api"] == "blas" and "numpy" in p["filepath"])
        return {pool["num_threads"] for pool in own}

    def threads_while_answering() -> set[int]:
        with answering():
            return threads()

    def answer_longer() -> None:
        with answering():
            is_inside.set()
            may_end.wait()

    before, is_inside, may_end = threads(), Event(), Event()
    another = Thread(target=answer_longer)
    with answering():
        assert threads() <= {1}  # none is known where numpy uses another library
        another.start()
        is_inside.wait()
    assert threads() <= {1}
    may_end.set()
    another.join()
    assert threads() == before
    for _ in range(2):  # whoever answers next, in this thread or in another while this one lives
        with ThreadPoolExecutor() as pool, answering():
            assert threads() <= {1}
            pool.submit(answer_longer).result()
        assert threads() == before
        assert ThreadPoolExecutor().submit(threads_while_answering).result() <= {1}
        assert threads() == before


def test_other_libraries_keep_their_threads() -> None:
    before = torch.get_num_threads()
    try:
        with answering():
            torch.set_num_threads(before + 1)
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)


def test_back_by_rows_it_is_as_it_was(tied: Tied) -> None:
    before = {name: tensor.clone() for name, tensor in tied.state_dict().items()}
    lay_by_columns(tied)
    assert tied.head.weight is tied.table.weight
    lay_by_rows(tied)
    assert type(tied.inner) is type(tied.head) is nn.Linear
    for name, tensor in tied.state_dict().items():
        assert tensor.is_contiguous()
        assert torch.equal(tensor, before[name])
