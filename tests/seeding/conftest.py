"""The made-up lender."""

from tests.seeding.worlds import seeded_template, seeded_url

__all__ = ["seeded_template", "seeded_url"]
