"""How the C library keeps memory between training steps."""

import ctypes
import gc
import sys

# Of glibc's malloc.h.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4


def keep_freed_memory() -> None:
    """Large blocks come from the heap and stay there when freed, for the next step to use.

    glibc maps every block of over 32 MiB anew and gives it back at once, so that each step pays for
    zeroed pages, half the time of an ST-GCN step of 64 windows. Nothing happens with other libraries.
    """
    if (libc := _glibc()) is not None:
        for option, value in ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, -1), (_TOP_PAD, 64 << 20)):
            libc.mallopt(option, value)


def give_freed_memory_back() -> None:
    """Between trainings in one process: what one kept and the next has no use for goes to the system."""
    gc.collect()
    if (libc := _glibc()) is not None:
        libc.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    if sys.platform != "linux" or not hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        return None
    return libc
