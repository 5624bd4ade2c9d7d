"""The console: the pages on which customers order, managers watch, and engineers work. A client of the HTTP API."""
