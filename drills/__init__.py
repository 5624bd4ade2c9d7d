"""Drills: what the service promises when things go wrong, tried on the running thing. `make drill-NAME`."""
