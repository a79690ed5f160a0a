# For the compiler; see dialog.pxd.

from .answer cimport Reader
from .condition cimport Condition
from .template cimport Template

cdef class Option:
    cdef readonly dict label
    cdef readonly object value
    cdef readonly str to
    cdef readonly str key
    cdef readonly Condition when
    cdef readonly str language
    cdef int target  # the place of the state that `to` names; -1: there is none

cdef class State:
    cdef readonly int kind
    cdef readonly str name
    cdef readonly dict text  # language -> Template
    cdef readonly list options
    cdef readonly object fixed_keys
    cdef readonly str save
    cdef readonly str to
    cdef readonly bint back
    cdef readonly bint home
    cdef readonly bint guarded
    cdef readonly bint resume  # whether a dialog that stopped here is worth going on with
    cdef readonly Reader reader
    cdef readonly list checks
    cdef readonly dict invalid
    cdef readonly str action
    cdef readonly list arguments
    cdef readonly dict outcomes
    cdef readonly bint effect
    cdef readonly list cases
    cdef int target  # as an option's
    cdef readonly str of
    cdef readonly dict item
    cdef readonly str empty
    cdef readonly bint constant  # its screen depends on language, history and size only
    cdef readonly object keeps  # variables that may still be read from here on
    # Its screens by language, navigation and size, and apart the one that was shown last: most phones want that.
    cdef readonly dict cache
    cdef str shown_language
    cdef bint shown_keys
    cdef int shown_septets
    cdef list shown
    # Of a menu whose options do not depend on conditions: key -> option, and its rows as text by language.
    cdef readonly dict keys
    cdef readonly dict lines

    cpdef list numbered(self, list rows)
    cdef object link(self, dict places)
