"""Supervisor: starts the service's processes in order, keeps them running, and stops them together."""
