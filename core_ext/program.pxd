# For the compiler; see dialog.pxd.

from .condition cimport Condition
from .dialog cimport Dialog, Result, result_of
from .names cimport Names
from .screens cimport Screens
from .states cimport Option, State
from .template cimport lookup

cdef class Program:
    cdef readonly str service
    cdef readonly list languages
    cdef readonly dict subscriber
    cdef Names _names
    cdef list _rows
    cdef Screens _screens
    cdef str _start
    cdef str _home
    cdef int _home_place
    cdef str _back_key
    cdef str _home_key
    cdef str _more_key
    cdef dict _lists

    cpdef Result begin(self, Dialog dialog)
    cpdef Result step(self, Dialog dialog, str text)
    cpdef State waiting(self, Dialog dialog)
    cpdef Result answer(self, Dialog dialog, State state, str text)
    cpdef Result resume(self, Dialog dialog, str outcome, object value, object subscriber)
    cpdef Result show(self, Dialog dialog)
    cpdef Result offer(self, Dialog dialog)
    cpdef Result go_on(self, Dialog dialog)
    cpdef Result close(self, Dialog dialog, str message)
    cpdef str sentence(self, str message, str language)
    cdef State _state(self, str name)
    cdef State _at(self, int place, str name)
    cdef object _leave(self, Dialog dialog)
    cdef Result _walk(self, Dialog dialog, State state)
    cdef Result _arrive(self, Dialog dialog, State state)
    cdef State _choose(self, Dialog dialog, State state)
    cdef object _settle(self, Dialog dialog)
    cdef object _bounded(self, str name, object value)
    cdef Result _navigate(self, Dialog dialog, State state, str key)
    cdef Result _answer_menu(self, Dialog dialog, State state, str key)
    cdef Result _answer_ask(self, Dialog dialog, State state, str text)
    cdef Result _refuse(self, Dialog dialog, State state, str note)
    cdef Result _answer_offer(self, Dialog dialog, str key)
    cdef Result _show(self, Dialog dialog, State state)
    cdef Result _show_offer(self, Dialog dialog)
