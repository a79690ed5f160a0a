"""Ours against theirs: what M-Pesa says of our money, beside what our books say. See docs/mpesa.md."""
