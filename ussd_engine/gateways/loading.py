"""Load gateway maps from folders of YAML files, or say exactly what is wrong with them."""

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from ussd_engine.errors import SettingsError
from ussd_engine.gateways.map import GatewayMap
from ussd_engine.gateways.source import Source

OWN_MAPS = Path(__file__).parent


def load_map(file: Path) -> GatewayMap:
    """The map in `file`. Raises SettingsError with a line for each fault."""
    source = Source(file)
    try:
        found = GatewayMap.model_validate(source.tree)
    except ValidationError as error:
        faults: dict[str, str] = {}
        for fault in error.errors():  # of faults at one place the first is the cause
            faults.setdefault(source.where(fault["loc"]), _sentence(fault))
        raise SettingsError("\n".join(f"{where}: {said}" for where, said in faults.items())) from None
    if found.gateway != file.stem:
        where = source.where(("gateway",))
        raise SettingsError(f"{where}: gateway {found.gateway} must be in a file {found.gateway}.yaml")
    return found


def load_maps(*folders: Path | None) -> dict[str, GatewayMap]:
    """The engine's own maps and those of `folders`, by name; a later one replaces an earlier one.

    Raises SettingsError for a faulty map, or when two maps want the same path.
    """
    maps: dict[str, GatewayMap] = {}
    for folder in (OWN_MAPS, *folders):
        if folder is not None:
            maps.update({found.gateway: found for found in map(load_map, sorted(folder.glob("*.yaml")))})
    _refuse_shared_paths(maps.values())
    return maps


def _refuse_shared_paths(maps: Iterable[GatewayMap]) -> None:
    owners: dict[str, str] = {}
    for found in maps:
        for route in (found.turn, found.event):
            if route is None:
                continue
            other = owners.setdefault(route.path, found.gateway)
            if other != found.gateway or route.path == getattr(found.event, "path", None) == found.turn.path:
                raise SettingsError(
                    f"gateways {other} and {found.gateway} both want {route.path}: change one"
                )


def _sentence(fault: Any) -> str:
    *around, name = [step for step in fault["loc"] if isinstance(step, str)] or ["the map"]
    if fault["type"] == "missing":
        return f"{name} is missing" + (f" in {around[-1]}" if around else "")
    if fault["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name, _known_names(GatewayMap), 1)
        return f"{name} is not a key of a map" + (f": did you mean {near[0]}?" if near else "")
    message: str = fault["msg"]
    if fault["type"] == "value_error":
        return f"{name}: {message.removeprefix('Value error, ')}"
    return f"{name}: {message[:1].lower()}{message[1:]}"


def _known_names(model: type[BaseModel]) -> set[str]:
    """Every key that a map file may have, at any depth."""
    names: set[str] = set()
    schema = model.model_json_schema(by_alias=True)
    for part in (schema, *schema.get("$defs", {}).values()):
        names.update(part.get("properties", {}))
    return names
