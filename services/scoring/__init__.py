"""Scoring: what is known of a borrower, as features; the scorecard, as points, reasons and a limit."""
