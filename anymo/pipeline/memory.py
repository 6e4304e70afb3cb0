"""A bounded memory of what was computed."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from threading import RLock
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Memory(Generic[K, V]):
    """Values of the keys asked for last, `size` of them at most; the least recently used goes first.

    Threads wait for each other, so that nothing is computed twice.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[K, V] = OrderedDict()
        self._lock = RLock()

    def __len__(self) -> int:
        return len(self._values)

    def __call__(self, keys: Sequence[K], compute: Callable[[list[K]], Iterable[V]]) -> list[V]:
        """Values of the keys; `compute` is called once, for those that are not remembered."""
        with self._lock:
            new = [key for key in dict.fromkeys(keys) if key not in self._values]
            found = dict(zip(new, compute(new), strict=True)) if new else {}
            values = [found[key] if key in found else self._values[key] for key in keys]
            for key, value in zip(keys, values, strict=True):
                self._values[key] = value
                self._values.move_to_end(key)
            while len(self._values) > self._size:
                self._values.popitem(last=False)
        return values
