"""Memory that a training step has freed is kept for the next one, which asks for just the same again.

glibc gives every large block back to the system as soon as it is freed, and the system hands it out anew as pages of
zeros, one page fault each: half a million of them in a step of the whole network, and a third of its time.
"""

import ctypes
import sys

# malloc.h: below the threshold blocks come from the heap, and the heap's end is given back only beyond the other one.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
GREATEST = 2**31 - 1


def keep_freed_memory() -> bool:
    """Have this process keep what it frees until it ends; only glibc can be told, elsewhere nothing changes.

    The process then holds as much as its largest step needed, and somewhat more for gaps in between.

    Returns
    -------
    bool
        Whether the allocator was told.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, GREATEST) and mallopt(M_TRIM_THRESHOLD, GREATEST))
