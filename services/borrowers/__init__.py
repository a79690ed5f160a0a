"""The people: who they are, what they agreed to, and their PIN."""
