# For the compiler; see dialog.pxd.

cpdef bint fits(str text, int septets) except? -1
cpdef list paginate(str text, int septets, str alone=*, str first=*, str middle=*, str last=*)
