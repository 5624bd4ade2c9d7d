"""Renewing the tokens of sessions, once for each session, however many requests of it come at the same time.

Providers replace a refresh token when it is used, and many take a second use for theft. Requests of one browser come
in parallel, so those that reach this process share one renewal, and its result for a while: a browser may send its old
cookie until the answer with the new one is there. Of several processes, one succeeds; the others go on with the token
that they have.
"""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from console.sign_in.provider import ProviderAway, SignInRefused, Tokens

KNOWN_FOR = 300.0
"""Seconds for which the result of a renewal is shared."""
AGAIN_AFTER = 30.0
"""Seconds after which it is tried again if the provider did not answer."""
_MOST = 2000
"""Renewals that are remembered."""

_log = structlog.get_logger(__name__)


@dataclass
class _Renewal:
    task: asyncio.Task[Tokens | None]
    began: float
    away: bool = False
    """Whether the provider did not answer."""


class Renewals:
    """The renewals of this process."""

    def __init__(self, renew: Callable[[str], Awaitable[Tokens]], *, now: Callable[[], float] = time.monotonic) -> None:
        self._renew = renew
        self._now = now
        self._by_token: dict[bytes, _Renewal] = {}

    async def tokens(self, refresh_token: str, within: float | None = None) -> Tokens | None:
        """Return the new tokens, or None if there are none, or not within so many seconds."""
        self._forget_old()
        key = hashlib.sha256(refresh_token.encode()).digest()
        renewal = self._by_token.get(key)
        if renewal is None:
            renewal = self._by_token[key] = self._start(refresh_token)
        done, _ = await asyncio.wait((renewal.task,), timeout=within)
        return renewal.task.result() if done else None

    def _start(self, refresh_token: str) -> _Renewal:
        async def run() -> Tokens | None:
            try:
                return await self._renew(refresh_token)
            except SignInRefused as error:
                _log.info("a session was not renewed", reason=str(error))
            except ProviderAway:
                renewal.away = True
            return None

        # A task of its own: a browser that goes away must not lose a token that the provider has already replaced.
        renewal = _Renewal(asyncio.create_task(run()), self._now())
        return renewal

    def _forget_old(self) -> None:
        now = self._now()
        for key, renewal in list(self._by_token.items()):
            age = now - renewal.began
            if renewal.task.done() and age >= (AGAIN_AFTER if renewal.away else KNOWN_FOR):
                del self._by_token[key]
        for key in list(self._by_token)[: max(0, len(self._by_token) - _MOST)]:
            del self._by_token[key]
