# For the compiler; see dialog.pxd.

cimport cython

from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_Resize
from cpython.bytes cimport PyBytes_AS_STRING
from libc.string cimport memcpy

cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size) except NULL
    str PyUnicode_DecodeUTF8(const char* chars, Py_ssize_t size, const char* errors)

@cython.final
cdef class Writer:
    cdef readonly Py_ssize_t size
    cdef Py_ssize_t _most
    cdef bytearray _made  # which owns the memory
    cdef char* _chars

    cpdef object clear(self)
    cpdef object put(self, bytes piece)
    cpdef object part(self, bytes data, Py_ssize_t start, Py_ssize_t end)
    cpdef object append(self, Writer other)
    cpdef object sized(self, Writer other)
    cpdef object argument(self, bytes data, Py_ssize_t size)
    cpdef object number(self, long long number)
    cpdef object utf8(self, str text)
    cpdef object text(self, str text)
    cpdef str decoded(self)
    cpdef bytes taken(self)
    cdef int _escaped(self, const char* chars, Py_ssize_t length) except -1
    cdef int _grow(self, Py_ssize_t more) except -1
