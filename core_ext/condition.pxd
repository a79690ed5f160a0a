# For the compiler; see dialog.pxd.

from .dialog cimport Dialog

cdef class Condition:
    cdef object expression
    cdef readonly tuple names
    cdef int order
    cdef object left
    cdef object right

    cpdef object of(self, Dialog dialog, object name=*, object value=*)
    cdef object _side(self, object side, Dialog dialog, object name, object value)
    cdef object _compared(self, object left, object right)
    cdef object _root(self, str root, Dialog dialog, object name, object value)
    cdef object _whole(self, Dialog dialog, object name, object value)
