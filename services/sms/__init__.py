"""Messages to people's phones: what is told, in which words, and what became of it."""
