"""API without protection against hung stores, the fault that `hung-store` plants: `python -m drills.unguarded`.

All stores share a few slots, and no breaker ever opens.
"""

import asyncio
from typing import Any

from api.__main__ import main
from runtime.temporal_client import run_and_end
from stores.common.breaker import Breaker
from stores.common.pool import Pool

_TURNS = 10


def _remove_protection() -> None:
    shared, init = asyncio.Semaphore(_TURNS), Pool.__init__

    def unguarded(pool: Pool, *arguments: Any, **options: Any) -> None:
        init(pool, *arguments, **options)
        pool._turns = shared

    for owner, name, instead in ((Pool, "__init__", unguarded), (Breaker, "suspect", lambda _: None)):
        setattr(owner, name, instead)


if __name__ == "__main__":
    _remove_protection()
    run_and_end(main)
