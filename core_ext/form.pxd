# For the compiler; see dialog.pxd.

cimport cython

cdef class Form:
    cdef tuple wanted
    cdef Py_ssize_t longest_id
    cdef Py_ssize_t longest_code
    cdef Py_ssize_t longest_network
    cdef Py_ssize_t longest_text
    cdef str default_network
    cdef object is_plain
    cdef dict screens
    cdef int screen
    cdef set _seen

    cdef bint numbers(self, str digits)

@cython.final
@cython.freelist(64)
cdef class Halves:
    cdef bytes data
    cdef Py_ssize_t index
    cdef bytearray undone
    cdef Py_ssize_t at

    cpdef str half(self, bint name)
    cdef bytearray _buffer(self, Py_ssize_t start, Py_ssize_t index)

cpdef dict plain_form(bytes data, int most)
cpdef list plain_fields(bytes data, tuple names)
