# For the compiler; see dialog.pxd.

from .dialog cimport Dialog

cdef class Shortcut:
    cdef object literal
    cdef tuple path
    cdef int sign
    cdef Shortcut left
    cdef Shortcut right

    cdef object value(self, Dialog dialog, object name, object value)
    cdef object _compared(self, object left, object right)

cdef class Condition:
    cdef object expression
    cdef readonly tuple names
    cdef Shortcut shortcut

    cpdef object of(self, Dialog dialog, object name=*, object value=*)

cdef object root_value(str root, Dialog dialog, object name, object value)
