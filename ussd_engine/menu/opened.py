"""A menu folder that has been checked and compiled, for tools that run or draw it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ussd_engine.errors import MenuError
from ussd_engine.menu.check import check_folder
from ussd_engine.menu.compile import compile_model
from ussd_engine.menu.findings import render
from ussd_engine.menu.model import Model
from ussd_engine.plugin import Service, service_named


@dataclass(slots=True, frozen=True)
class Opened:
    """The menus of a folder, as a model and as tables, and the service whose actions they do."""

    folder: Path
    model: Model
    tables: dict[str, Any]
    service: Service


def open_folder(folder: Path, service: Service | None = None) -> Opened:
    """Check and compile a folder. service: None means the installed one. Raises MenuError with the errors."""
    checked = check_folder(folder, service)
    if checked.model is None or not checked.ok:
        errors = [finding for finding in checked.findings if finding.severity == "error"]
        raise MenuError("\n\n".join(render(finding, checked.sources) for finding in errors))
    service = service or service_named(checked.model.service)
    return Opened(folder, checked.model, compile_model(checked.model, service), service)
