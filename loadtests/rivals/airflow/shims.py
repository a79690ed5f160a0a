"""What ussd_airflow_engine and its dependencies of 2020 miss on Python 3.11. Call install() before they come.

PyConfigure imports names that Python has moved or dropped; yaml.load without a loader was allowed then. No
behaviour is changed that a dialog meets.
"""

import collections
import collections.abc
import inspect
from typing import Any

import yaml

_load = yaml.load


def _load_as_then(stream: Any, Loader: Any = yaml.CSafeLoader) -> Any:
    return _load(stream, Loader)


def install() -> None:
    """Put the old names back."""
    for name in ("Mapping", "MutableMapping", "Sequence"):
        setattr(collections, name, getattr(collections.abc, name))
    inspect.getargspec = inspect.getfullargspec  # type: ignore[attr-defined]
    yaml.load = _load_as_then
