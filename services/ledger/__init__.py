"""Double entry in cents: accounts, journals, holds, invariants. What money did, and never unsaid."""
