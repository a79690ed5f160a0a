# For the compiler; see dialog.pxd.

from .pipeline cimport Waiter
from .ring cimport Ring

cdef class Request(Waiter):
    cdef public Lane lane
    cdef object coroutine
    cdef public object answer
    cdef public bytes body

    cpdef object drive(self, object coroutine)
    cpdef object resume(self, object _done=*)

cdef class Starter:
    cpdef Request begin(self, Lane lane, bytes body)

cdef class Route:
    cdef readonly bytes request_line
    cdef readonly Py_ssize_t max_body
    cdef readonly bytes caller
    cdef public object respond
    cdef readonly object fallback
    cdef public Starter plain
    cdef readonly set lanes
    cdef readonly dict lengths  # heads read before, and their Content-Length

    cpdef Py_ssize_t body_length(self, bytes head)

cdef class Lane:
    cdef Route route
    cdef readonly object transport
    cdef readonly int quiet_ticks
    cdef bytes _rest  # what was read and is not yet a whole request
    cdef Ring _under_way
    cdef bint _leaving  # the next request is not plain: hand over when the replies left
    cdef bint _reading
    cdef bint _blocked  # the peer does not read its replies
    cdef bint _ended  # the peer has sent all it will
    cdef bint _parsing
    cdef bint _queued  # the next request waits for one before it
    cdef bytes _before  # how the last head read before its Content-Length
    cdef bytes _behind  # and behind it
    cdef Py_ssize_t _at
    cdef int _partial_ticks  # how long a request has been arriving
    cdef list _ready  # answers not sent yet; none when no request is under way
    cdef bint _due  # they are sent at the end of this tick

    cpdef object answered(self)
    cpdef object flush(self)
    cdef object _send(self)
    cdef object _read(self)
    cdef Py_ssize_t _like_the_last(self, bytes data, Py_ssize_t position)
    cdef object _remember(self, bytes head)
    cdef bint _begin(self, bytes body)
    cdef bint _waits(self, bytes body)
    cdef object _pace(self)
    cdef object _hand_over(self)
