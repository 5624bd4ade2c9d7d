"""The tables, a module for each context's own."""
