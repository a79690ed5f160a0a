"""A lender, and people who may be forgotten."""

from tests.services.conftest import borrower, phone, pool, terms

__all__ = ["borrower", "phone", "pool", "terms"]
