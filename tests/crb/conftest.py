"""A lender, and somebody who does not pay."""

from tests.services.conftest import borrower, phone, pool, terms

__all__ = ["borrower", "phone", "pool", "terms"]
