# For the compiler; see dialog.pxd.

from .http_answers cimport Answers
from .cells cimport Count, Spread
from .commands cimport Commands
from .dialog cimport Dialog, Result
from .form cimport Form
from .lane cimport Lane, Request, Starter
from .menu cimport Menu
from .pipeline cimport Pipeline
from .program cimport Program
from .record cimport Record, is_plain
from .siphash cimport Keyed
from .states cimport State
from .visits cimport Seats, Visits
from .writer cimport Writer

cdef class Plain(Starter):
    cdef bytes gateway
    cdef Form form
    cdef Keyed keyed
    cdef readonly Commands commands
    cdef Answers answers
    cdef readonly object hooks
    cdef Count under_way
    cdef double most
    cdef Count more
    cdef Count ended
    cdef Spread seconds
    cdef object now
    cdef object clock
    cdef dict _live
    cdef object _line
    cdef Pipeline _single
    cdef Record record
    cdef Dialog dialog
    cdef Writer _revised
    cdef bytes _raw_code
    cdef bytes _raw_network
    cdef str _code
    cdef str _network
    cdef int _screen
    cdef bytes _process
    cdef long long _revision
    cdef long long _millisecond
    cdef bytes _now
    cdef Menu _last
    cdef str _last_code
    cdef dict _menus
    cdef dict _pinned

    cdef Menu _menu(self, object bundle, str code)
    cdef Menu pinned(self, str name, str code)
    cdef Seats seats(self, Menu menu, str network)
    cdef bint _addressed(self) except? -1
    cdef Writer revision(self)
    cdef bytes milliseconds(self, long long now)

cdef class PlainTurn(Request):
    cdef Plain plain
    cdef Menu menu
    cdef Pipeline line
    cdef bytes session_id
    cdef bytes msisdn
    cdef str code
    cdef str network
    cdef bytes text
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

    cdef bint _load(self, bytes session, bytes profile) except? -1
    cdef bint _step(self, Menu menu, str typed, bytes profile) except? -1
    cdef object _began(self)
    cdef object _saved(self)
    cdef object _leave(self)
