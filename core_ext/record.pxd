# For the compiler; see dialog.pxd.

cimport cython

from cpython.bytes cimport PyBytes_AS_STRING
from libc.string cimport memchr

from .cursor cimport Cursor
from .dialog cimport Dialog
from .kept cimport Kept
from .writer cimport Writer

@cython.final
cdef class Record(Cursor):
    cdef public bytes digest
    cdef public long long turn
    cdef public long long consumed
    cdef public long long seen
    cdef public bint more
    cdef Kept kept
    # Where fields of what is stored begin; a field that stays ends where the next one begins.
    cdef Py_ssize_t _expected
    cdef Py_ssize_t _identity
    cdef Py_ssize_t _bundle
    cdef Py_ssize_t _bundled
    cdef Py_ssize_t _turn
    cdef Py_ssize_t _digest
    cdef Py_ssize_t _started
    cdef Py_ssize_t _seen

    cpdef object fresh(self, bytes gateway, bytes session_id, bytes bundle, bytes now)
    cpdef bint read(self, bytes stored, bytes gateway, bytes session_id) except? -1
    cpdef object restore(self, Dialog dialog)
    cpdef bint is_of(self, bytes bundle) noexcept
    cpdef str bundle(self)
    cpdef bint was(self, bytes digest) noexcept
    cpdef object expected(self, Writer to)
    cpdef object whole(self, Writer to)
    cpdef object write(self, Writer to, Writer revision, bytes now, str reply, Dialog dialog)
    cdef Py_ssize_t _pass_text(self) noexcept
    cdef long long _number(self) noexcept

cpdef bint is_plain(bytes text) noexcept
