"""The pages that are no lists, by their path below /admin."""

from services.admin import figures, house, people, today
from services.admin.site import Handler

PAGES: tuple[tuple[str, Handler], ...] = (*today.PAGES, *people.PAGES, *figures.PAGES, *house.PAGES)
# Those that take what a form of their own sends.
POSTED: tuple[tuple[str, Handler], ...] = house.POSTED
