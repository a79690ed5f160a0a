# How the classes of dialog.py lie in memory, so that the files beside it reach their fields without a
# look-up by name. Only the compiler reads this.

cimport cython

@cython.final
@cython.freelist(64)
cdef class Result:
    cdef public int kind
    cdef public str text
    cdef public int place
    cdef public bint refused
    cdef public str action
    cdef public dict arguments
    cdef public bint effect

@cython.final
@cython.freelist(64)
cdef class Dialog:
    cdef public str state
    cdef public int page
    cdef public str language
    cdef public dict vars
    cdef public list history
    cdef public str note
    cdef public object parked
    cdef public dict subscriber
    cdef public int screen
    cdef public dict secrets
    cdef public str doing
    cdef public object trace  # a list collects (state, option row or None)

    cpdef object anew(self, dict subscriber, int screen)
    cpdef object forget(self)
    cpdef object restore(self, dict kept)
    cpdef dict dump(self)

cpdef Result result_of(int kind, str text, int place)
