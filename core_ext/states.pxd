# For the compiler; see dialog.pxd.

from libc.string cimport memcmp, memcpy

from .answer cimport Reader
from .condition cimport Condition
from .template cimport Template

cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size) except NULL

cdef extern from *:
    """
    #if defined(__GNUC__)
    #define state_hint(address) __builtin_prefetch(address)
    #else
    #define state_hint(address) (void)(address)
    #endif
    static inline void state_fetch(PyObject *name, PyObject *screen) {
        state_hint(name);
        for (int line = 0; line < 4; line++) state_hint((const char *)screen + 64 * line);
    }
    """
    void state_fetch(str name, str screen) noexcept

cdef class Option:
    cdef readonly dict label
    cdef readonly object value
    cdef readonly str to
    cdef readonly str key
    cdef readonly Condition when
    cdef readonly str language
    cdef int target  # the place of the state that `to` names; -1: there is none

cdef class State:
    # First what a press reads, so that it lies together: with thousands of states none is in the cache.
    cdef readonly int kind
    cdef readonly int place  # among the states of its program
    cdef readonly bint back
    cdef readonly bint home
    cdef readonly bint constant  # its screen depends on language, history and size only
    # The page that was shown last, of a screen that has one only, and how: most phones want that.
    cdef bint whole_keys
    cdef int whole_septets
    # Of a menu: where the options lead whose keys are one digit and that do nothing else; -1: look at `keys`.
    cdef int digits[10]
    # The name again, so that it is compared where the rest is; length 0: it is longer than fits.
    cdef int length
    cdef char letters[32]
    cdef str whole_language
    cdef str whole
    cdef readonly str name
    cdef readonly object keeps  # variables that may still be read from here on
    cdef readonly dict text  # language -> Template
    cdef readonly list options
    cdef readonly object fixed_keys
    cdef readonly str save
    cdef readonly str to
    cdef readonly bint guarded
    cdef readonly bint resume  # whether a dialog that stopped here is worth going on with
    cdef readonly Reader reader
    cdef readonly list checks  # Conditions under which an answer is refused
    cdef readonly list says  # and what is said then
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
    cdef readonly dict cache  # its screens by language, navigation and size
    # Of a menu whose options do not depend on conditions: key -> option, and its rows as text by language.
    cdef readonly dict keys
    cdef readonly dict lines

    cpdef list numbered(self, list rows)
    cdef object link(self, dict places)
    cdef object _link_digits(self)
    cdef bint is_called(self, str name) except? -1
    cdef object _keep_letters(self)
    cdef object fetch(self)
    cdef Py_ssize_t place_in(self, list names) except? -2
