"""What a credit reference bureau is told: after a notice, of real debts only, and corrected when paid."""
