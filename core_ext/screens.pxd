# For the compiler; see dialog.pxd.

from .dialog cimport Dialog
from .states cimport Option, State
from .template cimport Template, lookup
from .text cimport fits, paginate
from .writer cimport Writer

cdef class Screens:
    cdef dict _messages
    cdef dict _footers  # by language; made once for each set of keys
    cdef Writer _writer
    cdef str _language
    cdef int _screen
    cdef str _back_key
    cdef str _home_key
    cdef str _more_key

    cpdef list offer_pages(self, Dialog dialog)
    cpdef list pages(self, Dialog dialog, State state)
    cpdef str whole(self, Dialog dialog, State state)
    cpdef list rows(self, Dialog dialog, State state)
    cpdef str render(self, dict texts, Dialog dialog, object item)
    cpdef str message(self, str name, Dialog dialog, object limit)
    cpdef str sentence(self, str message, str language)
    cdef object _put(self, Writer to, dict texts, Dialog dialog, object item)
    cdef list _compose(self, Dialog dialog, State state, bint back, bint home, int septets)
    cdef list _paged(self, Dialog dialog, bint navigable, str text, bint back, bint home, int septets)
    cdef tuple _footers_of(self, str language, bint navigable, bint back, bint home, bint labels)
    cdef str _footer(self, str key, str message, str language, bint labels)
