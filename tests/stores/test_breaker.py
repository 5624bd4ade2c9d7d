import asyncio

import pytest

from domain.common.errors import StoreUnavailable
from stores.common import breaker
from stores.common.breaker import Breaker


class Store:
    """A service whose answers to probes the test controls."""

    def __init__(self) -> None:
        self.probes: asyncio.Queue[asyncio.Future[None]] = asyncio.Queue()

    async def probe(self) -> None:
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.probes.put_nowait(answer)
        await answer

    async def answers(self, *, well: bool) -> None:
        answer = await self.probes.get()
        if well:
            answer.set_result(None)
        else:
            answer.set_exception(StoreUnavailable("silent"))


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breaker, "BETWEEN_PROBES", 0)


async def test_it_opens_only_when_a_probe_has_failed_and_closes_when_one_succeeds() -> None:
    store = Store()
    guard = Breaker("store", store.probe)
    guard.suspect()
    guard.check()
    await store.answers(well=False)
    second = await store.probes.get()
    with pytest.raises(StoreUnavailable):
        guard.check()
    second.set_exception(StoreUnavailable("silent"))
    third = await store.probes.get()
    assert guard.open
    third.set_result(None)
    await guard.settled()
    guard.check()


async def test_one_probe_at_a_time_and_none_once_it_is_well() -> None:
    store = Store()
    guard = Breaker("store", store.probe)
    for _ in range(3):
        guard.suspect()
    await store.answers(well=True)
    await guard.settled()
    assert store.probes.empty()
    assert not guard.open


async def test_when_stopped_it_probes_no_more() -> None:
    store = Store()
    guard = Breaker("store", store.probe)
    guard.suspect()
    await store.answers(well=False)
    under_way = await store.probes.get()
    stopping = asyncio.create_task(guard.stop())
    under_way.set_exception(StoreUnavailable("silent"))
    await stopping
    guard.suspect()
    assert store.probes.empty()
