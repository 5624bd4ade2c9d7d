"""Tests wait in one way."""

import asyncio

from harness.waiting import PATIENCE, eventually, soon
from supervisor.process import answers

__all__ = ["PATIENCE", "eventually", "reachable", "soon"]


def reachable(url: str) -> bool:
    """It answers 200: cheap to look at again and again, where a client of httpx2 would first read all certificates."""
    return asyncio.run(answers(url))
