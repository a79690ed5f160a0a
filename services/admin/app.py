"""The admin page put together: its routes."""

from collections.abc import Callable

from aiohttp import web

from services.admin import changing, entering, files, listing, views
from services.admin.site import ROOT, Site
from services.api.desk import Desk


def routes(desk: Callable[[], Desk]) -> list[web.RouteDef]:
    """The routes under /admin. desk is asked at each request."""
    site = Site(desk)
    lists = [web.get(ROOT + each.path, site.page(listing.page_of(each))) for each in listing.LISTS]
    pages = [web.get(ROOT + path, site.page(handler)) for path, handler in views.PAGES]
    posted = [web.post(ROOT + path, site.page(handler)) for path, handler in views.POSTED]
    return [
        web.get(f"{ROOT}/login", site.page(entering.login_page, known=False)),
        web.post(f"{ROOT}/login", site.page(entering.login, known=False)),
        web.get(f"{ROOT}/password", site.page(entering.password_page)),
        web.post(f"{ROOT}/password", site.page(entering.password)),
        web.post(f"{ROOT}/logout", site.page(entering.logout)),
        web.post(f"{ROOT}/do/{{name}}", site.page(changing.do)),
        web.get(f"{ROOT}/static/{{name}}", files.serve),
        *lists,
        *pages,
        *posted,
    ]
