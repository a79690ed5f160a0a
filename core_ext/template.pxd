# For the compiler; see dialog.pxd.

from .writer cimport Writer

cdef class Template:
    cdef readonly object static
    cdef list _parts

    cpdef str render(self, dict variables, dict subscriber, object item)
    cpdef object put(self, Writer to, dict variables, dict subscriber, object item)

cpdef object lookup(tuple path, dict variables, dict subscriber, object item)
cpdef str clean(str text)
