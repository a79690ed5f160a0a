# For the compiler; see dialog.pxd.

cdef class Template:
    cdef readonly object static
    cdef list _parts

    cpdef str render(self, dict variables, dict subscriber, object item)

cpdef object lookup(tuple path, dict variables, dict subscriber, object item)
cpdef str clean(str text)
