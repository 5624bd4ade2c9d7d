"""Drills: they test the service's promises during failures, on the running service. `make drill-NAME`."""
