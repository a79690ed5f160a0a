# For the compiler; see dialog.pxd.

cimport cython

from libc.string cimport memcmp

from .joined cimport joined

@cython.final
@cython.freelist(64)
cdef class Record:
    cdef public bytes expected
    cdef public str bundle
    cdef public bytes identity
    cdef public long long turn
    cdef public long long consumed
    cdef public bytes digest
    cdef public bytes started
    cdef public long long seen
    cdef public bint more
    cdef public dict dialog
    cdef Py_ssize_t at

    cpdef bint read(self, bytes stored, bytes owner)
    cdef bint _passed(self, bytes stored, bytes expected)
    cdef Py_ssize_t _pass_text(self, bytes stored) noexcept
    cdef long long _number(self, bytes stored) noexcept

cpdef bytes owner_of(bytes gateway, str session_id)
cpdef bytes identity_of(bytes owner, str bundle)
cpdef bytes written(Record record, bytes rev, bytes seen, str reply, dict dialog)
