"""Loans: products, quotes, eligibility, the lifecycle, applying, paying back."""
