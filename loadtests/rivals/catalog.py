"""Every rival there is, in the order of the table: constant screens first, then menus."""

import sys

from loadtests.rivals import airflow, express, fastapi, golang
from loadtests.rivals.rival import Place, Rival


def _in_python(name: str, key: str, label: str) -> Rival:
    """One of the least servers, which serve.py starts."""

    def command(place: Place) -> list[str]:
        serve = [sys.executable, "-m", "loadtests.rivals.serve", name, str(place.port)]
        return [*serve, "--redis-url", place.redis_url]

    return Rival(name, key, label, command)


_ALL = (
    _in_python("hello", "aiohttp_hello_per_s", "aiohttp: constant, form not read"),
    _in_python("form", "aiohttp_form_per_s", "aiohttp: constant, form read"),
    _in_python("naive", "naive_per_s", "aiohttp + redis-py: GET, SET"),
    _in_python("limit", "limit_per_s", "uvloop + httptools: constant"),
    golang.RIVAL,
    express.RIVAL,
    fastapi.RIVAL,
    airflow.RIVAL,
)
RIVALS: dict[str, Rival] = {rival.name: rival for rival in _ALL}
