"""A connection to a consumer: how much goes out at once, and what is read though nothing can be sent any more."""

import ssl
from typing import Any

import httpcore2
import pytest

from activities.event_delivery import sending
from activities.event_delivery.connecting import BoundedStream
from activities.event_delivery.sending import READ_AGAIN_AFTER, Authorities

HEAD, BODY, END, ANSWER = b"POST / HTTP/1.1\r\n\r\n", b"{}", b"", b"HTTP/1.1 413 Too long\r\n\r\n"


class Recorded(httpcore2.AsyncNetworkStream):
    """A stream that keeps what is sent, and fails where it is told to."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.sent: list[bytes] = []
        self._failure = failure

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        if self._failure is not None:
            raise self._failure
        self.sent.append(buffer)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        return ANSWER

    def get_extra_info(self, info: str) -> Any:
        return None


async def test_the_headers_and_the_body_of_a_request_are_sent_at_once() -> None:
    recorded = Recorded()
    stream = BoundedStream(recorded)
    for _ in range(2):
        await stream.write(HEAD)
        await stream.write(BODY)
        await stream.write(END)
        assert [await stream.read(1000), await stream.read(1000)] == [ANSWER, ANSWER]

    assert recorded.sent == [HEAD + BODY] * 2


async def test_a_request_is_sent_although_nothing_is_read_after_it() -> None:
    recorded = Recorded()
    stream = BoundedStream(recorded)
    await stream.write(HEAD)
    await stream.write(BODY)
    await stream.write(END)

    assert recorded.sent == [HEAD + BODY]


@pytest.mark.parametrize("failure", [httpcore2.WriteError("closed"), ssl.SSLError("closed")])
async def test_what_a_consumer_answers_before_it_closes_the_connection_is_read(failure: Exception) -> None:
    stream = BoundedStream(Recorded(failure))
    await stream.write(HEAD)

    assert await stream.read(1000) == ANSWER


async def test_the_trusted_authorities_are_read_once_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    now, read = 5.0, []

    def reading() -> ssl.SSLContext:
        read.append(now)
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    monkeypatch.setattr(sending, "trusted_authorities", reading)
    authorities = Authorities(clock=lambda: now)
    first = await authorities.trusted()
    now += READ_AGAIN_AFTER - 1
    assert await authorities.trusted() is first
    now += 1
    assert await authorities.trusted() is not first
    assert read == [5.0, 5.0 + READ_AGAIN_AFTER]
