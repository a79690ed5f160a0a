"""The process's memory in pages of 2 MB, where Linux gives them.

A turn reads a few dozen places that lie far apart when a service has thousands of states. With pages of
4 KB the processor's table of addresses does not hold them all, and in a virtual machine each miss walks two
tables. Python maps its memory in pieces that Linux may join; it does so for whoever asks.
"""

import ctypes
import re
from pathlib import Path

# <sys/mman.h> of Linux: please; and (6.1 or later) now, not some time.
_HUGEPAGE, _COLLAPSE = 14, 25
_SIZE = 2 * 1024 * 1024
_OWN = re.compile(r"([0-9a-f]+)-([0-9a-f]+) rw-p \S+ 00:00 0\s*(?:\[heap\])?")  # anonymous, not a stack
_MAPS = Path("/proc/self/maps")


def ask() -> int:
    """Have what is mapped now in large pages; the bytes that were asked for. 0 where there are none.

    It takes some milliseconds for each 10 MB, in which other threads run.
    """
    try:
        lines = _MAPS.read_text(encoding="ascii").splitlines()
        libc = ctypes.CDLL(None)
    except OSError:
        return 0
    return sum(
        _asked(libc, int(found[1], 16), int(found[2], 16)) for found in map(_OWN.fullmatch, lines) if found
    )


def _asked(libc: ctypes.CDLL, start: int, end: int) -> int:
    start = -(-start // _SIZE) * _SIZE
    size = end // _SIZE * _SIZE - start
    if size <= 0 or libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(size), _HUGEPAGE):
        return 0
    libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(size), _COLLAPSE)
    return size
