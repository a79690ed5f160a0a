# For the compiler; see dialog.pxd.

cdef class Visits:
    # First what nearly every press counts: with thousands of states none is in the cache.
    cdef public long long shown
    cdef public long long left
    cdef public long long dwell_ms
    cdef public long long within_2s
    cdef public long long within_5s
    cdef public long long within_10s
    cdef public long long within_20s
    cdef public long long within_60s
    cdef public long long longer
    cdef public long long refused
    cdef public long long begun
    cdef public long long ended

    cpdef object open(self, bint more)
    cpdef object follow(self, Visits before, long long dwell_ms, bint refused, bint more)
    cdef long long _dwell(self, long long milliseconds) noexcept

cdef class Audience:
    cdef readonly dict languages
    cdef str _language
    cdef dict _states

    cpdef Visits at(self, str language, str state)
    cdef Visits _new(self, str state)

cdef class Seats:
    cdef Audience _audience
    cdef str _language
    cdef dict _languages
    cdef list _places

    cpdef Visits at(self, str language, str state, Py_ssize_t place)
    cdef Visits _first(self, str language, str state, Py_ssize_t place)
