"""Tests wait in one way."""

import asyncio

from harness.waiting import eventually, soon
from supervisor.process import answers

__all__ = ["eventually", "reachable", "soon"]


def reachable(url: str) -> bool:
    """It answers 200: cheap to look at again and again, where a client of httpx would first read all certificates."""
    return asyncio.run(answers(url))
