"""The lender's fixtures: a pool on the test's own database, what is sold, people with phones."""

from tests.services.conftest import borrower, phone, pool, terms

__all__ = ["borrower", "phone", "pool", "terms"]
