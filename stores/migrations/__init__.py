"""The revisions of the tables: a history for each context."""
