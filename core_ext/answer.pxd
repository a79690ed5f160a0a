# For the compiler; see dialog.pxd.

cdef class Reader:
    cdef readonly str kind
    cdef object _pattern
    cdef object _min_length
    cdef object _max_length
    cdef object _min_value
    cdef object _max_value
    cdef object _parse_phone

    cpdef object read(self, str text)
    cdef object _read_text(self, str text)
    cdef object _in_bounds(self, object value)
