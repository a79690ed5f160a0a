# For the compiler; see dialog.pxd.

cimport cython

from .menu cimport Menu
from .record cimport Record
from .writer cimport Writer

@cython.final
cdef class Commands:
    cdef public bint compares
    cdef bytes _script
    cdef Py_ssize_t _largest
    cdef Writer _command
    cdef Writer _value

    cpdef bytes load(self, Menu menu, bytes msisdn)
    cpdef Writer value(self)
    cpdef bytes save(self, Menu menu, bytes msisdn, Record record, bint first)
