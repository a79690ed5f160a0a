"""Values as bytes and back, the same: what the cache keeps.

A pydantic model goes by its own JSON. Anything else may hold None, bool, int, float, str, lists, dicts with
text keys, and date, datetime and Decimal, which JSON has no words for: each is an object of one key that no
text from PostgreSQL can be (it begins with NUL).
"""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import orjson
from pydantic import BaseModel

_MARK = "\0"
_READERS: dict[str, Callable[[str], Any]] = {
    "\0date": date.fromisoformat,
    "\0datetime": datetime.fromisoformat,
    "\0decimal": Decimal,
}
_OPTIONS = (
    orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_SUBCLASS
)


def pack(value: Any, model: type[BaseModel] | None = None) -> bytes:
    """The bytes of a value, or of a `model`. Raises TypeError for what cannot come back as it was."""
    if model is not None:
        if type(value) is not model:
            raise TypeError(f"{type(value).__name__} is not {model.__name__}")
        return value.model_dump_json(by_alias=True, round_trip=True).encode()
    _refuse_marks(value)
    return orjson.dumps(value, _written, _OPTIONS)


def unpack(packed: bytes, model: type[BaseModel] | None = None) -> Any:
    """The value again. Raises ValueError when the bytes are not of one."""
    if model is not None:
        return model.model_validate_json(packed)
    return _read(orjson.loads(packed))


@lru_cache(maxsize=256)
def shape(model: type[BaseModel] | None) -> str:
    """Changes when the model's fields do: an older program's value is then not this one's."""
    if model is None:
        return ""
    return blake2b(orjson.dumps(model.model_json_schema()), digest_size=6).hexdigest()


def _written(value: Any) -> dict[str, str]:
    kind = type(value)
    if kind is datetime or kind is date:
        return {f"\0{kind.__name__}": value.isoformat()}
    if kind is Decimal:
        return {"\0decimal": str(value)}
    raise TypeError(f"{kind.__name__} is not kept: give get_or_make its model")


def _refuse_marks(value: Any) -> None:
    kind = type(value)
    if kind is dict:
        for name, held in value.items():
            if type(name) is not str or name.startswith(_MARK):
                raise TypeError(f"{name!r} is no key of what is kept")
            _refuse_marks(held)
    elif kind is list:
        for held in value:
            _refuse_marks(held)
    elif kind is tuple:
        raise TypeError("a tuple would come back as a list")
    elif kind is float and value - value != 0:
        raise TypeError(f"{value} is no number of JSON")


def _read(held: Any) -> Any:
    kind = type(held)
    if kind is list:
        return [_read(one) for one in held]
    if kind is not dict:
        return held
    if len(held) == 1:
        ((name, written),) = held.items()
        if name in _READERS:
            return _READERS[name](written)
    return {name: _read(one) for name, one in held.items()}
