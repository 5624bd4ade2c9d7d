"""Domain types and rules of the service. They depend on no framework."""
