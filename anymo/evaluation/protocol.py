"""What every protocol of a trained model says: development sets, held-out pools, windows, seed."""

from dataclasses import dataclass

from anymo.data import SETS


@dataclass(frozen=True, kw_only=True)
class HeldOutProtocol:
    """How a model is measured on held-out motion and on the development sets; the same for all compared.

    Attributes:
        sets: development sets.
        num_windows: held-out procedural windows for retrieval: the full pool.
        pool_size: windows of a small pool.
        num_pools: small pools drawn, and draws of the real clips.
        max_windows: windows the encoder reads of each real recording, evenly spaced; null for all.
        seed: of every draw and of the bootstrap.
    """

    sets: tuple[str, ...] = ("basic_motions", "spar")
    num_windows: int = 1000
    pool_size: int = 100
    num_pools: int = 20
    max_windows: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        unknown = [name for name in self.sets if name not in SETS]
        if unknown or not self.sets:
            raise ValueError(
                f"protocol.sets: expected some of {', '.join(SETS)}, got {list(self.sets)}; test sets are "
                "run by test_sets alone"
            )
        least = min(self.num_pools, 1 if self.max_windows is None else self.max_windows)
        if not 1 < self.pool_size <= self.num_windows or least < 1:
            raise ValueError(
                "protocol: expected 1 < pool_size <= num_windows and num_pools and max_windows of 1 or more, "
                f"got {self.pool_size}, {self.num_windows}, {self.num_pools} and {self.max_windows}"
            )
