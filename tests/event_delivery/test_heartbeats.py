"""A delivery sends heartbeats, but not one for each request: the SDK makes a task of each."""

from itertools import pairwise

from temporalio.testing import ActivityEnvironment

from activities.common.heartbeats import BETWEEN, Heartbeats
from tests.event_delivery.delivering import Delivering, recipient, running


def test_heartbeats_are_sent_at_most_so_often() -> None:
    sent: list[float] = []
    now = 0.0
    environment = ActivityEnvironment()
    environment.on_heartbeat = lambda *_: sent.append(now)

    def work() -> None:
        nonlocal now
        heartbeats = Heartbeats(clock=lambda: now)
        for _ in range(100):
            heartbeats.beat()
            now += BETWEEN / 10

    environment.run(work)

    assert len(sent) == 10
    assert all(later - earlier >= BETWEEN - 1e-9 for earlier, later in pairwise(sent))


async def test_a_delivery_sends_a_heartbeat_before_its_first_request(delivering: Delivering) -> None:
    happened: list[str] = []
    environment = ActivityEnvironment()
    environment.on_heartbeat = lambda *_: happened.append("heartbeat")

    async def note(_: str) -> None:
        happened.append("request")

    async with recipient(before=note) as seen:
        await delivering.subscribe(seen.port)
        await delivering.tell("a", "b")
        await running(delivering.activities(), environment=environment)

    assert happened[0] == "heartbeat"
    assert happened.count("request") == 2
