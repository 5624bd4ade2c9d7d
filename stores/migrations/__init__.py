"""How the tables came to be: a history for each context."""
