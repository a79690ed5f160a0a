# For the compiler; see dialog.pxd.

cdef class Keyed:
    cdef unsigned long long _k0
    cdef unsigned long long _k1

    cpdef bytes of(self, bytes data, Py_ssize_t length)
    cdef unsigned long long _number(self, bytes data, Py_ssize_t length) noexcept
