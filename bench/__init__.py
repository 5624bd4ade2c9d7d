"""Benchmarks: cost and speed of the service, each compared with a bare baseline in the same run."""
