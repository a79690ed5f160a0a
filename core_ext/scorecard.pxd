# Values straight out of a dict, as long as they are what they mostly are: floats, texts, None. The first that is
# something else is asked for as Python does it (`Scorecard._asked`), which also says what is wrong with it.
#
# Dicts that are made alike have a name's entry at the same place, so the place is remembered and looked at first:
# no hash table is searched. PyDict_Next takes any place, and what it finds there counts only when its key is this
# very object. Whose names are other objects is not searched for them each time.

cdef extern from *:
    """
    static PyObject *scorecard_sought(PyObject *values, PyObject *name, PY_LONG_LONG *place)
    {
        PyObject *key, *value;
        Py_ssize_t at = 0, next = 0;
        if (*place < 0) {
            *place += 1;
            return PyDict_GetItem(values, name);
        }
        *place = -64;
        for (; PyDict_Next(values, &next, &key, &value); at = next) {
            if (key != name) continue;
            *place = at;
            return value;
        }
        return PyDict_GetItem(values, name);
    }

    static Py_ssize_t scorecard_near(PyObject *values, PyObject *names, PyObject *codes, PY_LONG_LONG *places,
                                     double *row, Py_ssize_t f)
    {
        for (; f < PyTuple_GET_SIZE(names); f++) {
            PyObject *name = PyTuple_GET_ITEM(names, f), *own = PyList_GET_ITEM(codes, f), *key, *value;
            Py_ssize_t next = (Py_ssize_t)places[f];
            if (next < 0 || !PyDict_Next(values, &next, &key, &value) || key != name)
                value = scorecard_sought(values, name, places + f);
            if (value == Py_None) {
                row[f] = Py_NAN;
                continue;
            }
            if (own != Py_None && value != NULL) {
                if (!PyUnicode_CheckExact(value)) break;
                value = PyDict_GetItemWithError(own, value);  /* texts are compared without a fault */
                if (value == NULL) value = PyDict_GetItemWithError(own, Py_None);
            }
            if (value == NULL || !PyFloat_CheckExact(value)) break;
            row[f] = PyFloat_AS_DOUBLE(value);
        }
        return f;
    }
    """
    Py_ssize_t near "scorecard_near" (
        dict values, tuple names, list codes, long long* places, double* row, Py_ssize_t f
    ) noexcept
