"""How the house is run: its menus, its messages to many, its settings."""

from services.admin import many, versions
from services.admin.site import Handler, Page
from services.admin.visit import Visit
from services.runtime_settings import SETTINGS


async def settings(visit: Visit) -> Page:
    """What may be changed while the server runs, each with its form."""
    visit.require("list_settings")
    held = await visit.ask("list_settings")
    optional = {name for name, known in SETTINGS.items() if known.optional}
    return Page("settings.html", {"settings": held.items, "optional": optional})


PAGES: tuple[tuple[str, Handler], ...] = (*versions.PAGES, *many.PAGES, ("/settings", settings))
# Pages that also take what their own form sends: it stays on them until it is done.
POSTED: tuple[tuple[str, Handler], ...] = (*versions.POSTED, *many.POSTED)
