"""Work over processes."""

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any


@contextmanager
def mapping(num_proc: int) -> Iterator[Callable[..., Iterator[Any]]]:
    """`map`, over processes if there are several; spawned, as a fork would copy threads' locks."""
    if num_proc == 1:
        yield map
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(num_proc, mp_context=context, initializer=_end_with_parent) as pool:
        yield pool.map


def _end_with_parent() -> None:
    """A worker of a killed run must not wait for work for ever."""
    parent = multiprocessing.parent_process()

    def wait() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
