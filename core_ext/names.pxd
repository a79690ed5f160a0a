# For the compiler; see dialog.pxd.

cimport cython

from cpython.bytearray cimport PyByteArray_AS_STRING

from .states cimport PyUnicode_AsUTF8AndSize, State

@cython.final
cdef class Names:
    cdef dict _states
    cdef bytearray _slots  # of pointers to states, which the dict keeps alive
    cdef Py_ssize_t _mask

    cdef State find(self, str name)

cdef unsigned int _mixed(str name) except? 0
