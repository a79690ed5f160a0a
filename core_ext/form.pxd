# For the compiler; see dialog.pxd.

cimport cython

from cpython.bytearray cimport PyByteArray_AS_STRING

from .cursor cimport Cursor

@cython.final
cdef class Form(Cursor):
    cdef tuple wanted
    cdef Py_ssize_t longest_id
    cdef Py_ssize_t longest_code
    cdef Py_ssize_t longest_network
    cdef Py_ssize_t longest_text
    cdef str default_network
    cdef object is_plain
    cdef dict screens
    cdef int screen
    cdef bytes _places
    cdef set _seen
    cdef readonly list values
    cdef list _known
    cdef list _before
    cdef bytearray _scratch

    cpdef bint read(self, bytes data) except? -1
    cdef bint _again(self, Py_ssize_t slot) except? -1
    cdef bint _value(self, Py_ssize_t slot) except? -1
    cdef bytes _undone(self, Py_ssize_t start, Py_ssize_t end)
    cpdef bint numbers(self, bytes digits) except? -1
    cdef bint _placed(self, bytes allowed, bytes digits) noexcept

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
