# For the compiler; see dialog.pxd.

from cpython.bytes cimport PyBytes_AS_STRING
from libc.string cimport memcmp

cdef class Cursor:
    cdef bytes _data
    cdef Py_ssize_t _at
    cdef Py_ssize_t _end

    cdef bint _passed(self, bytes expected) noexcept
