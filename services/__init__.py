"""Umoja Loans, the first service built on the engine."""
