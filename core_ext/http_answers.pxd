# For the compiler; see dialog.pxd.

cimport cython

from .writer cimport Writer

@cython.final
cdef class Answers:
    cdef bytes _before_more
    cdef bytes _after_more
    cdef bytes _before_end
    cdef bytes _after_end
    cdef object _heads
    cdef long long _second
    cdef bytes _head_more
    cdef bytes _head_end
    cdef Writer _body
    cdef Writer _whole

    cpdef bytes of(self, str text, bint more, long long second)
