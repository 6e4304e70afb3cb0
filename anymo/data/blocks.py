"""Columns of memory-mapped record batches as tensors, without copying them."""

import warnings
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    import pyarrow as pa


def frames_of(
    batches: Iterable["pa.RecordBatch"], name: str, shape: Sequence[int]
) -> tuple["Blocks", torch.Tensor]:
    """A column of arrays of frames, mapped and not copied.

    Args:
        batches: record batches of an Arrow file, a row per clip.
        name: of the column.
        shape: of one frame.

    Returns:
        The frames of all clips end to end (T, *shape), and the number of each clip's (C,) int64.
    """
    import pyarrow as pa

    blocks, lengths = [], []
    for batch in batches:
        array = batch.column(name)
        lists = array.storage if isinstance(array, pa.ExtensionArray) else array
        lengths.append(torch.from_numpy(np.diff(lists.offsets.to_numpy())).long())
        values = lists
        while pa.types.is_list(values.type):
            values = values.flatten()
        flat = values.to_numpy(zero_copy_only=True).reshape(-1, *shape)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)
            blocks.append(torch.from_numpy(flat))
    return Blocks(blocks), torch.cat(lengths)


class Blocks:
    """Frames of memory-mapped blocks, addressed as if they were laid end to end in one tensor."""

    def __init__(self, blocks: Sequence[torch.Tensor]) -> None:
        self.blocks = tuple(blocks)
        self.starts = torch.tensor(np.cumsum([0, *map(len, blocks)]))

    def __len__(self) -> int:
        return int(self.starts[-1])

    def __getitem__(self, key: torch.Tensor | tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        """Frames by index (N, M), and column (N, 1) if given; each row of the index lies in one block."""
        frames, *columns = key if isinstance(key, tuple) else (key,)
        block = torch.bucketize(frames[:, 0].contiguous(), self.starts, right=True) - 1
        used = block.unique().tolist()
        if len(used) == 1:
            return _taken(self.blocks[used[0]], frames - self.starts[used[0]], *columns)
        tail = self.blocks[0].shape[1 + len(columns) :]
        taken = self.blocks[0].new_empty(*frames.shape, *tail)
        for b in used:
            rows = (block == b).nonzero()[:, 0]
            taken[rows] = _taken(self.blocks[b], frames[rows] - self.starts[b], *(c[rows] for c in columns))
        return taken

    def to(self, device: torch.device) -> "Blocks":
        """All frames in one block on a device."""
        return Blocks([torch.cat(self.blocks).to(device)])


def _taken(block: torch.Tensor, frames: torch.Tensor, *columns: torch.Tensor) -> torch.Tensor:
    """block[frames, *columns], several times as fast: whole rows are copied, not their numbers one by one."""
    index, rows = frames, block
    for column in columns:
        index, rows = index * rows.shape[1] + column, rows.flatten(0, 1)
    return rows.index_select(0, index.flatten().to(rows.device)).view(*index.shape, *rows.shape[1:])
