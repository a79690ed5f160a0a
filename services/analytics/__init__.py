"""What lending, dialogs and the server are like, in figures: docs/analytics.md."""
