"""`ussd sandbox`: read the settings, refuse production, serve until a signal."""

import asyncio
from pathlib import Path

from pydantic import ValidationError

from services.sandbox import server
from services.sandbox.settings import HOST, Place, SandboxSettings
from ussd_engine.errors import SettingsError, UssdError
from ussd_engine.observe.logs import setup_logging
from ussd_engine.processes import require_free_port
from ussd_engine.settings import settings


def run(port: int | None, data: Path | None) -> None:
    """Serve on loopback. Raises UssdError when something is in the way."""
    if settings().env == "production":
        raise UssdError("The sandbox does not run with ENV=production: it pays with made-up money.")
    try:
        place, chosen = Place(), SandboxSettings()
    except ValidationError as error:
        raise SettingsError("\n".join(_wrong(fault) for fault in error.errors(include_url=False))) from None
    listen = port or place.port()
    require_free_port(HOST, listen, "--port {0}, or SANDBOX_PORT")
    setup_logging(settings())
    asyncio.run(server.serve(server.make(chosen, data / "sandbox" if data else place.folder), listen))


def _wrong(fault: object) -> str:
    assert isinstance(fault, dict)
    name = "__".join(map(str, fault["loc"])).upper()
    prefix = "" if name.startswith(("SANDBOX_", "USSD_")) else "SANDBOX_"
    return f"{prefix}{name}: {fault['msg']}."
