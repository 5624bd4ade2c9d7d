import asyncio
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain import contexts
from domain.errors import MalformedCursor, NotFound
from domain.installation import CancelInstallation, Installation, InstallationStatus, RecordAnswer, RequestInstallation
from stores.database import Database
from stores.installation import InstallationStore
from tests.stores.conftest import Connect

REQUESTED, ACCEPTED = InstallationStatus.REQUESTED, InstallationStatus.ACCEPTED
DECLINED, COMPLETED = InstallationStatus.DECLINED, InstallationStatus.COMPLETED
CANCELED = InstallationStatus.CANCELED
NOON = datetime(2026, 7, 15, 12, 0, 0, 123456, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)


@pytest.fixture
def context() -> str:
    return contexts.INSTALLATION


@pytest.fixture
def store(database: Database) -> InstallationStore:
    return InstallationStore(database)


def asking(order_id: str = "o1", round_: int = 1, engineer_id: str = "e1") -> RequestInstallation:
    return RequestInstallation(
        order_id,
        round_,
        engineer_id,
        engineer_id.upper(),
        "서울특별시 강남구 😀",
        "김고객",
        "010-1234-5678",
        "internet",
    )


def answer(round_: int = 1, order_id: str = "o1", at: datetime = LATER) -> RecordAnswer:
    return RecordAnswer(order_id, round_, at, "과로 · too much")


async def statuses(store: InstallationStore, order_id: str = "o1") -> dict[int, InstallationStatus]:
    page = await store.list(limit=200)
    return {found.round: found.status for found in page.items if found.order_id == order_id}


async def test_what_was_asked_for_reads_as_it_was_written(store: InstallationStore) -> None:
    assert await store.request(asking(), NOON) is REQUESTED
    assert await store.newest("o1") == Installation(
        order_id="o1",
        round=1,
        engineer_id="e1",
        engineer_name="E1",
        installation_address="서울특별시 강남구 😀",
        customer_name="김고객",
        contact_phone="010-1234-5678",
        product_name="internet",
        status=REQUESTED,
        status_at=NOON,
    )


async def test_an_installation_goes_from_request_to_completion(store: InstallationStore) -> None:
    await store.request(asking(), NOON)
    await store.accept(answer())
    assert (await store.newest("o1")).status is ACCEPTED
    done = LATER + timedelta(hours=2)
    await store.complete(answer(at=done))
    installation = await store.newest("o1")
    assert (installation.status, installation.status_at, installation.completed_at) == (COMPLETED, done, done)
    assert installation.reason is None


async def test_a_refusal_keeps_its_reason(store: InstallationStore) -> None:
    await store.request(asking(), NOON)
    await store.decline(answer())
    declined = await store.newest("o1")
    assert (declined.status, declined.status_at, declined.reason) == (DECLINED, LATER, "과로 · too much")


async def test_asking_again_in_the_same_round_changes_nothing(store: InstallationStore) -> None:
    await store.request(asking(), NOON)
    await store.accept(answer())
    accepted = await store.newest("o1")
    assert await store.request(asking(engineer_id="e2"), LATER) is ACCEPTED
    assert await store.newest("o1") == accepted


async def test_every_answer_twice_is_as_once(store: InstallationStore) -> None:
    much_later = LATER + timedelta(days=1)
    for order_id, act in (("a", store.accept), ("d", store.decline), ("c", store.complete)):
        await store.request(asking(order_id), NOON)
        await act(answer(order_id=order_id))
        once = await store.newest(order_id)
        await act(answer(order_id=order_id, at=much_later))
        assert await store.newest(order_id) == once


async def test_a_late_answer_overwrites_nothing_newer(store: InstallationStore) -> None:
    await store.request(asking(), NOON)
    await store.accept(answer())
    await store.complete(answer())
    completed = await store.newest("o1")
    assert await store.accept(answer()) is COMPLETED
    assert await store.decline(answer()) is COMPLETED
    assert await store.newest("o1") == completed


async def test_a_new_round_cancels_what_earlier_ones_left_open(store: InstallationStore) -> None:
    await store.request(asking(round_=1, engineer_id="e1"), NOON)
    await store.decline(answer(1))
    await store.request(asking(round_=2, engineer_id="e2"), NOON)
    await store.accept(answer(2))
    assert await store.request(asking(round_=4, engineer_id="e1"), LATER) is REQUESTED
    assert await statuses(store) == {1: DECLINED, 2: CANCELED, 4: REQUESTED}


async def test_an_earlier_round_comes_too_late(store: InstallationStore) -> None:
    await store.request(asking(round_=3, engineer_id="e3"), NOON)
    assert await store.request(asking(round_=2, engineer_id="e2"), LATER) is CANCELED
    for act in (store.accept, store.decline, store.complete):
        assert await act(answer(2)) is CANCELED
    assert await statuses(store) == {3: REQUESTED}


async def test_a_cancellation_closes_what_is_open_and_lets_nothing_be_asked_again(store: InstallationStore) -> None:
    await store.request(asking(round_=1), NOON)
    await store.cancel(CancelInstallation("o1", reason="moved"), LATER)
    canceled = await store.newest("o1")
    assert (canceled.status, canceled.status_at, canceled.reason) == (CANCELED, LATER, "moved")
    assert await store.request(asking(round_=1), LATER) is CANCELED
    assert await store.request(asking(round_=2), LATER) is CANCELED
    for act in (store.accept, store.decline, store.complete):
        assert await act(answer(1)) is CANCELED
        assert await act(answer(2)) is CANCELED
    await store.cancel(CancelInstallation("o1", reason="again"), LATER + timedelta(days=1))
    assert await store.newest("o1") == canceled
    assert await statuses(store) == {1: CANCELED}


async def test_an_order_canceled_before_anybody_was_asked_has_a_canceled_installation(store: InstallationStore) -> None:
    cancel = CancelInstallation("o1", "부산 해운대구", "김고객", "010", "IPTV", "moved")
    await store.cancel(cancel, NOON)
    await store.cancel(cancel, LATER)
    assert await store.newest("o1") == Installation(
        order_id="o1",
        round=0,
        installation_address="부산 해운대구",
        customer_name="김고객",
        contact_phone="010",
        product_name="IPTV",
        status=CANCELED,
        status_at=NOON,
        reason="moved",
    )
    assert await store.request(asking(), LATER) is CANCELED
    assert await statuses(store) == {0: CANCELED}


async def test_a_cancellation_leaves_what_is_done(store: InstallationStore) -> None:
    await store.request(asking(), NOON)
    await store.complete(answer())
    completed = await store.newest("o1")
    await store.cancel(CancelInstallation("o1"), LATER)
    assert await store.newest("o1") == completed


@pytest.mark.parametrize("act", ["accept", "decline", "complete"])
async def test_an_answer_to_what_was_never_asked_is_an_error(store: InstallationStore, act: str) -> None:
    with pytest.raises(LookupError):
        await getattr(store, act)(answer())
    await store.request(asking(round_=1), NOON)
    with pytest.raises(LookupError):
        await getattr(store, act)(answer(2))
    assert await statuses(store) == {1: REQUESTED}


async def test_an_order_that_nobody_knows_has_no_installation(store: InstallationStore) -> None:
    with pytest.raises(NotFound):
        await store.newest("o1")
    assert await store.of_engineer("o1", "e1") is None


async def test_an_engineer_finds_their_own_newest_installation_of_an_order(store: InstallationStore) -> None:
    for round_, engineer_id in ((1, "e1"), (2, "e2"), (3, "e1"), (4, "e3")):
        await store.request(asking(round_=round_, engineer_id=engineer_id), NOON)
    mine = await store.of_engineer("o1", "e1")
    assert mine is not None
    assert (mine.round, mine.status) == (3, CANCELED)
    assert await store.of_engineer("o1", "e9") is None
    assert await store.of_engineer("o2", "e1") is None


async def walked(store: InstallationStore, limit: int, **wanted: Any) -> Sequence[str]:
    found: list[str] = []
    cursor = None
    while True:
        page = await store.list(limit=limit, cursor=cursor, **wanted)
        assert len(page.items) == limit or page.next_cursor is None
        found += [item.order_id for item in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return found


async def test_a_work_list_goes_by_the_time_of_asking_whatever_its_filter_and_page(store: InstallationStore) -> None:
    times = [3, 1, 4, 1, 5, 9, 2, 6]
    for number, minutes in enumerate(times):
        order_id, engineer_id = f"o{number}", f"e{number % 2}"
        await store.request(asking(order_id, engineer_id=engineer_id), NOON + timedelta(minutes=minutes))
        if number % 4 == 0:
            await store.accept(answer(order_id=order_id))
    in_time = [f"o{number}" for number in sorted(range(8), key=lambda number: (times[number], number))]
    for limit in (1, 3, 4, 8, 50):
        assert await walked(store, limit) == in_time
        assert await walked(store, limit, engineer_id="e0") == ["o6", "o0", "o2", "o4"]
        assert await walked(store, limit, status=ACCEPTED) == ["o0", "o4"]
        assert await walked(store, limit, engineer_id="e0", status=REQUESTED) == ["o6", "o2"]


async def test_a_cursor_of_another_list_is_refused(store: InstallationStore) -> None:
    for cursor in ("x", "", "WzFd", "W10", "=" * 9, "é", "bnVsbA"):
        with pytest.raises(MalformedCursor):
            await store.list(limit=1, cursor=cursor)


async def test_whatever_request_and_cancellation_race_nothing_stays_alive(connect: Connect) -> None:
    stores = [InstallationStore(connect()) for _ in range(4)]
    orders = [f"o{number}" for number in range(12)]
    races: list[Coroutine[Any, Any, object]] = []
    for number, order_id in enumerate(orders):
        asked: list[Coroutine[Any, Any, object]] = [
            stores[0].request(asking(order_id, 1), NOON),
            stores[1].request(asking(order_id, 2), NOON),
            stores[2].request(asking(order_id, 1), NOON),
        ]
        canceled: list[Coroutine[Any, Any, object]] = [
            store.cancel(CancelInstallation(order_id), LATER) for store in stores[2:]
        ]
        races += asked + canceled if number % 2 else canceled + asked
    await asyncio.gather(*races)
    page = await stores[0].list(limit=200)
    assert {installation.order_id for installation in page.items} == set(orders)
    assert {installation.status for installation in page.items} == {CANCELED}


async def test_whatever_acceptance_and_the_next_round_race_only_the_next_round_is_open(connect: Connect) -> None:
    stores = [InstallationStore(connect()) for _ in range(3)]
    orders = [f"o{number}" for number in range(12)]
    for order_id in orders:
        await stores[0].request(asking(order_id, 1), NOON)
    await asyncio.gather(
        *(stores[0].accept(answer(1, order_id)) for order_id in orders),
        *(stores[1].request(asking(order_id, 2), LATER) for order_id in orders),
        *(stores[2].request(asking(order_id, 2), LATER) for order_id in orders),
    )
    for order_id in orders:
        assert await statuses(stores[0], order_id) == {1: CANCELED, 2: REQUESTED}
