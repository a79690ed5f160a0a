# For the compiler; see dialog.pxd.

cimport cython

from cpython.bytes cimport PyBytes_AS_STRING
from libc.string cimport memcmp

from .cursor cimport Cursor
from .dialog cimport Dialog
from .writer cimport PyUnicode_AsUTF8AndSize, Writer

@cython.final
cdef class Kept(Cursor):
    cdef list _names

    cpdef bint read(self, Dialog dialog, bytes data, Py_ssize_t start, Py_ssize_t end) except? -1
    cpdef object write(self, Dialog dialog, Writer to)
    cdef int _next(self) noexcept
    cdef Py_ssize_t _text_end(self) noexcept
    cdef str _name(self)
    cdef object _value(self, int depth)
    cdef object _number(self, int code)
    cdef object _object(self, int depth)
    cdef object _array(self, int depth)
    cdef object _put(self, object value, Writer to, int depth)
    cdef object _put_object(self, dict items, Writer to, int depth)
    cdef object _put_array(self, list items, Writer to, int depth)
