# For the compiler; see dialog.pxd.

cimport cython

@cython.final
cdef class Ring:
    cdef readonly Py_ssize_t size
    cdef Py_ssize_t _first
    cdef Py_ssize_t _places
    cdef list _items

    cpdef object append(self, object item)
    cpdef object first(self)
    cpdef object popleft(self)
