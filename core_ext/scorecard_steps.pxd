# The loop under every batch is compiled thrice, for AVX-512, for AVX2 and for any x86-64, and the loader takes
# the one the machine has: so an image built here runs there. The attribute is on a declaration that comes before
# Cython's own. It needs glibc (musl's loader cannot choose); elsewhere the loop is compiled once.

cdef extern from *:
    """
    #if defined(__x86_64__) && defined(__GLIBC__) && defined(__has_attribute)
    #if __has_attribute(target_clones)
    __attribute__((target_clones("avx512f", "avx2", "default")))
    static void scorecard_climb(const double *, PY_LONG_LONG *, Py_ssize_t, const double *, PY_LONG_LONG *,
                                Py_ssize_t);
    #endif
    #endif
    """

cdef void climb "scorecard_climb" (
    const double* values, long long* totals, Py_ssize_t n, const double* edges, long long* rises,
    Py_ssize_t steps
) noexcept nogil

# A column's values are far from those of the next, so the processor does not see by itself what comes. To ask
# for what lies behind the end of a matrix is allowed: it is a hint.
cdef extern from *:
    """
    #if defined(__GNUC__)
    #define scorecard_hint(address) __builtin_prefetch(address)
    #else
    #define scorecard_hint(address) (void)(address)
    #endif
    static inline void scorecard_fetch(const double *values, Py_ssize_t n) {
        for (Py_ssize_t i = 0; i < n; i += 8) scorecard_hint(values + i);
    }
    """
    void fetch "scorecard_fetch" (const double* values, Py_ssize_t n) noexcept nogil
