# For the compiler; see dialog.pxd.

from .cells cimport Count, Spread
from .dialog cimport Dialog, Result, blank
from .form cimport Form, plain_fields
from .joined cimport joined
from .lane cimport Lane, Request
from .pipeline cimport Pipeline
from .program cimport Program
from .record cimport Record, identity_of, owner_of, written
from .siphash cimport Keyed
from .visits cimport Audience, Visits

cdef class Menu:
    cdef readonly object bundle
    cdef readonly str name
    cdef readonly Program program
    cdef dict declared
    cdef Count starts
    cdef Count ends
    cdef bytes _code
    cdef bytes _service
    cdef bytes _ttl
    cdef dict _keys
    cdef dict audiences

    cdef tuple keys(self, Py_ssize_t length)

cdef class Plain:
    cdef bytes gateway
    cdef Form form
    cdef Keyed keyed
    cdef bytes save
    cdef bytes before_more
    cdef bytes after_more
    cdef bytes before_end
    cdef bytes after_end
    cdef readonly object hooks
    cdef Count under_way
    cdef double most
    cdef Count more
    cdef Count ended
    cdef Spread seconds
    cdef object now
    cdef object clock
    cdef Py_ssize_t largest
    cdef dict _live
    cdef object _line
    cdef Pipeline _single
    cdef bytes _process
    cdef long long _revision
    cdef long long _second
    cdef long long _millisecond
    cdef bytes _now
    cdef bytes _head_more
    cdef bytes _head_end
    cdef dict _menus
    cdef dict _pinned

    cpdef Request begin(self, Lane lane, bytes body)
    cdef Menu _menu(self, object bundle, str code)
    cdef Menu pinned(self, str name, str code)
    cdef Audience audience(self, Menu menu, str network)
    cdef bytes revision(self)
    cdef bytes milliseconds(self, long long now)
    cdef bytes written(self, str text, bint more, double now)

cdef class PlainTurn(Request):
    cdef Plain plain
    cdef Menu menu
    cdef Pipeline line
    cdef bytes body
    cdef str session_id
    cdef str msisdn
    cdef str code
    cdef str network
    cdef str text
    cdef bytes typed
    cdef int screen
    cdef double started
    cdef int stage
    cdef bint more
    cdef bint first
    cdef bint refused
    cdef long long dwell_ms
    cdef Visits before
    cdef Visits after
    cdef bytes written

    cdef bint _load(self, bytes session, bytes profile)
    cdef bint _step(self, Menu menu, Record record, str typed, bytes profile)
    cdef bint _save(self, Menu menu, bytes expected, bytes value)
    cdef object _saved(self)
    cdef object _leave(self)
