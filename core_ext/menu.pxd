# For the compiler; see dialog.pxd.

cimport cython

from .cells cimport Count
from .program cimport Program
from .visits cimport Seats
from .writer cimport Writer

@cython.final
cdef class Menu:
    cdef readonly object bundle
    cdef readonly bytes name
    cdef readonly Program program
    cdef dict declared
    cdef Count starts
    cdef Count ends
    cdef bytes _code
    cdef bytes _service
    cdef bytes ttl
    cdef Py_ssize_t _length
    cdef bytes _before
    cdef bytes _before_profile
    cdef bytes _behind
    cdef bytes _behind_profile
    cdef dict networks
    cdef Seats seats
    cdef str network

    cdef object key(self, Writer to, bytes msisdn)
    cdef object profile_key(self, Writer to, bytes msisdn)
    cdef object _measure(self, Py_ssize_t length)
