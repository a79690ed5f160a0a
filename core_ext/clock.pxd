# For the compiler; see dialog.pxd.

from posix.time cimport CLOCK_MONOTONIC, CLOCK_REALTIME, clock_gettime, timespec

cpdef double monotonic() noexcept
cpdef double epoch() noexcept
cdef double _read(int clock) noexcept
