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
    cdef readonly Reader reader
    cdef readonly list checks
    cdef readonly dict invalid
    cdef readonly str action
    cdef readonly list arguments
    cdef readonly dict outcomes
    cdef readonly bint effect
    cdef readonly list cases
    cdef readonly str of
    cdef readonly dict item
    cdef readonly str empty
    cdef readonly bint constant  # its screen depends on language, history and size only
    cdef readonly object keeps  # variables that may still be read from here on
    cdef readonly dict cache
    # Of a menu whose options do not depend on conditions: key -> option, and its rows as text by language.
    cdef readonly dict keys
    cdef readonly dict lines

    cpdef list numbered(self, list rows)
