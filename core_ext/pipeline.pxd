# For the compiler; see dialog.pxd.

cimport cython

from .ring cimport Ring

cdef class Waiter:
    cpdef object got(self, object reply)
    cpdef object lost(self, object error)

@cython.final
@cython.freelist(64)
cdef class Replies:
    cdef bytes data
    cdef Py_ssize_t at
    cdef Py_ssize_t place
    cdef readonly object reply

    cpdef bint next(self)
    cpdef Py_ssize_t end(self)
    cdef int _kind(self)
    cdef bint _item(self, list items)
    cdef long long _number(self)

cdef class Pipeline:
    cdef public int most
    cdef readonly Ring pending
    cdef readonly list unsent
    cdef readonly long long submitted
    cdef readonly long long answered
    cdef object _wake
    cdef object _flush
    cdef object _failure
    cdef object _judge
    cdef bytes _left

    cpdef bint submit(self, bytes packed, object waiter) except? -1
    cdef object _give(self, object reply)
