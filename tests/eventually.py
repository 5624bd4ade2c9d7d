"""Tests wait in one way."""

from harness.waiting import eventually, soon

__all__ = ["eventually", "soon"]
