"""FastAPI with SQLAlchemy on PostgreSQL, see app.py: the menus of the bench, in the tutorials' way."""

import sys
from importlib.util import find_spec

from loadtests.rivals.rival import Place, Rival


def _tools() -> str | None:
    lacking = [name for name in ("fastapi", "uvicorn", "sqlalchemy", "asyncpg") if find_spec(name) is None]
    return f"{', '.join(lacking)} cannot be imported. Run: make install" if lacking else None


def _command(place: Place) -> list[str]:
    database = place.database_url.replace("postgresql://", "postgresql+asyncpg://")
    uvicorn = [sys.executable, "-m", "uvicorn", "loadtests.rivals.fastapi.app:app", "--workers", "1"]
    options = ["--port", str(place.port), "--no-access-log", "--log-level", "warning"]
    return ["env", f"RIVAL_DATABASE_URL={database}", *uvicorn, *options]


RIVAL = Rival(
    name="fastapi",
    key="fastapi_per_s",
    label="FastAPI + SQLAlchemy + PostgreSQL: the menus",
    command=_command,
    menus=True,
    database=True,
    tools=_tools,
)
