"""What consumers verify: the bytes that came, with the secrets that count, as the library of the standard does it."""

from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from runtime.secret_seal import new_secret
from tests.event_delivery.consumer import BAD_GATEWAY, OK, Consumer, consumer, in_turn
from tests.event_delivery.delivering import SECRET, A, Delivering

SECOND, THIRD = new_secret(), new_secret()


@pytest.fixture
def delivering(delivering: Delivering) -> Delivering:
    """Let the clock begin with the time of the library, which refuses times that are minutes away from it."""
    delivering.clock.time = datetime.now(UTC)
    return delivering


def signatures(seen: Consumer, number: int = -1) -> list[str]:
    """Return the signatures of a request."""
    return seen.headers(number)["webhook-signature"].split(" ")


def verified_by(seen: Consumer, *signed: str) -> list[str]:
    """Return the secrets that verify the last request if it has these signatures."""
    found = []
    for secret in (SECRET, SECOND, THIRD):
        try:
            Webhook(secret).verify(seen.bodies[-1], seen.headers() | {"webhook-signature": " ".join(signed)})
        except WebhookVerificationError:
            continue
        found.append(secret)
    return found


async def test_an_event_that_comes_again_is_the_same_bytes_signed_with_another_time(delivering: Delivering) -> None:
    async with consumer(in_turn(BAD_GATEWAY, OK)) as seen:
        await delivering.subscribe(seen.port)
        await delivering.tell("a")
        for _ in range(2):
            await delivering.deliver()
            Webhook(SECRET).verify(seen.bodies[-1], seen.headers())
            delivering.clock.passes(seconds=2)

    first, second = seen.headers(0), seen.headers(1)
    assert seen.bodies[0] == seen.bodies[1] != b""
    assert first["webhook-id"] == second["webhook-id"] == "a-0"
    assert int(second["webhook-timestamp"]) == int(first["webhook-timestamp"]) + 2
    assert signatures(seen, 0) != signatures(seen, 1)
    assert len(seen.bodies) == 2


async def test_while_a_secret_is_replaced_each_of_both_verifies(delivering: Delivering) -> None:
    secrets = delivering.pings.secrets
    async with consumer() as seen:
        await delivering.subscribe(seen.port)

        async def signed() -> list[list[str]]:
            """Send an event. Returns the secrets that verify it, for each of its signatures."""
            await delivering.tell("a")
            await delivering.deliver()
            return [verified_by(seen, signature) for signature in signatures(seen)]

        assert await signed() == [[SECRET]]
        await secrets.replace(A, SECOND, timedelta(minutes=1))
        assert await signed() == [[SECRET], [SECOND]]
        assert verified_by(seen, *signatures(seen)) == [SECRET, SECOND]
        await secrets.replace(A, THIRD, timedelta())
        assert await signed() == [[THIRD]]


async def test_a_secret_that_has_expired_signs_nothing(delivering: Delivering) -> None:
    async with consumer() as seen:
        await delivering.subscribe(seen.port)
        await delivering.pings.secrets.replace(A, SECOND, timedelta(minutes=1))
        delivering.clock.passes(minutes=1)
        await delivering.tell("a")
        await delivering.deliver()

    assert verified_by(seen, *signatures(seen)) == [SECOND]
    assert len(signatures(seen)) == 1
