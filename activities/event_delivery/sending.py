"""Sends requests to one consumer, and says what the answer means. Whatever the consumer does, it is bounded."""

import asyncio
import ssl
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import Self

import httpcore2

from activities.event_delivery.connecting import GuardedNetwork, NameLookups, NameUnknown, TlsFailed
from domain.event_delivery.answers import Answer, Failure, Outcome, outcome_of
from domain.event_delivery.targets import ForbiddenTarget, Target, TargetRules

ANSWER_WITHIN = 15.0
"""Seconds for everything: resolving, connecting, sending, and the whole answer."""
MOST_OF_BODY = 16 * 1024
"""Bytes of a body that are read, so that the connection can be used again. It is closed if a body is longer."""
READ_AGAIN_AFTER = 60 * 60.0
"""Seconds after which an authority that the machine does not trust any more is not trusted here, either."""
_KEEP_CONNECTION = 30.0
"""Seconds for which an unused connection is kept."""
_LONGEST_WAIT = 60 * 60.0
"""The longest time in seconds that an answer can ask to wait."""
_LONGEST_ORIGIN = 200
_MOST_A_MINUTE = 1_000_000
_COMMON_HEADERS = (("User-Agent", "subscription-orders/1"), ("Accept", "*/*"), ("Accept-Encoding", "identity"))


class Sender:
    """Sends to one target. It shares no connection with other senders."""

    def __init__(
        self,
        target: Target,
        rules: TargetRules,
        names: NameLookups,
        trusted: ssl.SSLContext,
        *,
        at_once: int = 1,
        answer_within: float = ANSWER_WITHIN,
    ) -> None:
        """Create a sender that is not connected yet.

        Args:
            target: The consumer's URL.
            rules: The addresses that are allowed.
            names: Looks up the target's name.
            trusted: The certificate authorities that are trusted.
            at_once: The largest number of connections.
            answer_within: Seconds for one request with its whole answer.
        """
        self._url = httpcore2.URL(scheme=target.scheme, host=target.host, port=target.port, target=target.path.encode())
        self._headers = (("Host", target.authority), *_COMMON_HEADERS)
        self._within = answer_within
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=trusted,
            max_connections=at_once,
            keepalive_expiry=_KEEP_CONNECTION,
            network_backend=GuardedNetwork(rules, target.scheme, names),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pool.aclose()

    async def send(self, method: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """Send one request. Every failure is an answer, too."""
        began = monotonic()
        status: int | None = None
        answered: Mapping[str, str] = {}
        failure: Failure | None = None
        try:
            async with asyncio.timeout(self._within):
                status, answered = await self._exchange(method, [*self._headers, *headers.items()], body)
        except ForbiddenTarget:
            return Answer(Outcome.FORBIDDEN, _milliseconds_since(began))
        except NameUnknown:
            failure = Failure.NAME_UNKNOWN
        except TlsFailed:
            failure = Failure.TLS_FAILED
        except httpcore2.ConnectError:
            failure = Failure.NOT_CONNECTED
        except (TimeoutError, httpcore2.TimeoutException):
            failure = Failure.TIMED_OUT
        except (httpcore2.NetworkError, httpcore2.ProtocolError, OSError):
            failure = Failure.NOT_HTTP
        if status is None:
            return Answer(Outcome.UNREACHABLE, _milliseconds_since(began), failure=failure)
        retry_after = _retry_after(answered)
        return Answer(
            outcome_of(status, retry_after),
            _milliseconds_since(began),
            status,
            retry_after=retry_after,
            clock_skew=_clock_skew(answered),
            allowed_origin=answered.get("webhook-allowed-origin", "")[:_LONGEST_ORIGIN] or None,
            allowed_rate=_whole(answered.get("webhook-allowed-rate", ""), at_most=_MOST_A_MINUTE) or None,
        )

    async def _exchange(
        self, method: str, headers: Sequence[tuple[str, str]], body: bytes
    ) -> tuple[int, Mapping[str, str]]:
        """Return the status and the headers of the answer, after its body has come."""
        async with self._pool.stream(method, self._url, headers=headers, content=body) as response:
            length = 0
            async for part in response.aiter_stream():
                length += len(part)
                if length > MOST_OF_BODY:
                    break
            return response.status, {name.decode("latin-1").lower(): _text(value) for name, value in response.headers}


class Authorities:
    """The certificate authorities that are trusted. To read them takes a while, so they are read once an hour."""

    def __init__(self, *, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._reading = asyncio.Lock()
        self._trusted: ssl.SSLContext | None = None
        self._read_at = 0.0

    async def trusted(self) -> ssl.SSLContext:
        """Return a context that trusts them."""
        async with self._reading:
            if self._trusted is None or self._clock() >= self._read_at + READ_AGAIN_AFTER:
                self._trusted = await asyncio.to_thread(trusted_authorities)
                self._read_at = self._clock()
            return self._trusted


def trusted_authorities() -> ssl.SSLContext:
    """Return the machine's certificate authorities, or those of `SSL_CERT_FILE` or `SSL_CERT_DIR`. Reads files."""
    return ssl.create_default_context()


def _text(value: bytes) -> str:
    return value.decode("latin-1").strip()


def _milliseconds_since(began: float) -> int:
    return round((monotonic() - began) * 1000)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    text = headers.get("retry-after", "")
    if (seconds := _whole(text, at_most=int(_LONGEST_WAIT))) is not None:
        return float(seconds)
    if (when := _time(text)) is None:
        return None
    return min(max((when - datetime.now(UTC)).total_seconds(), 0.0), _LONGEST_WAIT)


def _clock_skew(headers: Mapping[str, str]) -> float | None:
    when = _time(headers.get("date", ""))
    return None if when is None else (when - datetime.now(UTC)).total_seconds()


def _whole(text: str, *, at_most: int) -> int | None:
    """Return the number that a header contains, or the largest one that counts. None: it contains something else."""
    if not (text.isascii() and text.isdigit()):
        return None
    return at_most if len(text) > len(str(at_most)) else min(int(text), at_most)


def _time(text: str) -> datetime | None:
    try:
        when = parsedate_to_datetime(text)
        return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
    except (ValueError, TypeError, OverflowError):  # in UTC, the year may be beyond 9999
        return None
