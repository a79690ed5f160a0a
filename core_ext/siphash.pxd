# For the compiler; see dialog.pxd.

cdef class Keyed:
    cdef unsigned long long _k0
    cdef unsigned long long _k1

    cpdef str digest(self, str text)
    cdef unsigned long long _number(self, bytes data) noexcept
