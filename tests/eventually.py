"""How tests wait for a condition."""

import asyncio

from harness.waiting import PATIENCE, eventually, soon
from supervisor.process import answers

__all__ = ["PATIENCE", "eventually", "reachable", "soon"]


def reachable(url: str) -> bool:
    """Return whether a URL answers 200. This is cheap to repeat; an httpx2 client would read all certificates first."""
    return asyncio.run(answers(url))
