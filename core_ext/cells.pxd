# For the compiler; see dialog.pxd.

cdef class Count:
    cdef public double value

    cpdef object inc(self, double by=*)

cdef class Spread:
    cdef tuple _bounds
    cdef public list counts
    cdef public double sum

    cpdef object observe(self, double seconds)
