# For the compiler; see dialog.pxd.

cpdef dict plain_form(bytes data, int most)
