import asyncio
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.common import contexts
from domain.common.errors import MalformedCursor, NotFound
from domain.installation import (
    CancelInstallation,
    IncompleteReason,
    Installation,
    InstallationStatus,
    RecordAnswer,
    RequestInstallation,
)
from domain.visits import TimeWindow
from stores.common.database import Database
from stores.installation.installations import InstallationStore
from tests.stores.conftest import Connect

REQUESTED, ACCEPTED, STARTED = InstallationStatus.REQUESTED, InstallationStatus.ACCEPTED, InstallationStatus.STARTED
DECLINED, CANCELED = InstallationStatus.DECLINED, InstallationStatus.CANCELED
COMPLETED, INCOMPLETE = InstallationStatus.COMPLETED, InstallationStatus.INCOMPLETE
NOON = datetime(2026, 7, 15, 12, 0, 0, 123456, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
VISIT = TimeWindow(NOON + timedelta(days=1), NOON + timedelta(days=1, hours=2))
ACTS = {
    "accept": (ACCEPTED, {REQUESTED}),
    "decline": (DECLINED, {REQUESTED}),
    "start": (STARTED, {REQUESTED, ACCEPTED}),
    "complete": (COMPLETED, {REQUESTED, ACCEPTED, STARTED}),
    "incomplete": (INCOMPLETE, {REQUESTED, ACCEPTED, STARTED}),
    "withdraw": (CANCELED, {REQUESTED, ACCEPTED, STARTED}),
}
"""The status that each answer leads to, and the statuses that it is allowed in."""


@pytest.fixture
def context() -> str:
    return contexts.INSTALLATION


@pytest.fixture
def store(database: Database) -> InstallationStore:
    return InstallationStore(database)


def asking(
    order_id: str = "o1", round_: int = 1, engineer_id: str = "e1", visit: TimeWindow | None = VISIT
) -> RequestInstallation:
    return RequestInstallation(
        order_id,
        round_,
        engineer_id,
        engineer_id.upper(),
        "서울특별시 강남구 😀",
        "김고객",
        "010-1234-5678",
        "internet",
        visit,
    )


def answer(round_: int = 1, order_id: str = "o1", at: datetime = LATER) -> RecordAnswer:
    return RecordAnswer(order_id, round_, at, "과로 · too much")


async def say(store: InstallationStore, act: str, said: RecordAnswer) -> InstallationStatus:
    standing = await getattr(store, act)(said)
    assert isinstance(standing, InstallationStatus)
    return standing


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
        visit=VISIT,
        status=REQUESTED,
        status_at=NOON,
    )
    await store.request(asking("o2", visit=None), NOON)
    assert (await store.newest("o2")).visit is None


async def test_an_installation_goes_from_request_to_completion(store: InstallationStore) -> None:
    await store.request(asking(), NOON)
    await store.accept(answer())
    assert (await store.newest("o1")).status is ACCEPTED
    began, done = LATER + timedelta(hours=1), LATER + timedelta(hours=2)
    await store.start(answer(at=began))
    installation = await store.newest("o1")
    assert (installation.status, installation.status_at, installation.completed_at) == (STARTED, began, None)
    await store.complete(RecordAnswer("o1", 1, done, note="새 공유기 😀", serials=["가-1", "B 2"]))
    installation = await store.newest("o1")
    assert (installation.status, installation.status_at, installation.completed_at) == (COMPLETED, done, done)
    assert (installation.reason, installation.note, installation.serials) == (None, "새 공유기 😀", ["가-1", "B 2"])


async def test_a_failed_visit_keeps_its_reason_and_the_note(store: InstallationStore) -> None:
    await store.request(asking(), NOON)
    await store.incomplete(RecordAnswer("o1", 1, LATER, IncompleteReason.CUSTOMER_ABSENT, "벨 · rang twice"))
    failed = await store.newest("o1")
    assert (failed.status, failed.status_at, failed.completed_at) == (INCOMPLETE, LATER, None)
    assert (failed.reason, failed.note) == ("CUSTOMER_ABSENT", "벨 · rang twice")


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


@pytest.mark.parametrize("act", ACTS)
async def test_an_answer_that_comes_late_or_twice_changes_nothing(store: InstallationStore, act: str) -> None:
    leads_to, follows = ACTS[act]
    for before in InstallationStatus:
        order_id = before.lower()
        await store.request(asking(order_id), NOON)
        for earlier, (status, _) in ACTS.items():
            if status is before:
                await say(store, earlier, answer(order_id=order_id))
        stood = await store.newest(order_id)
        assert stood.status is before
        expected = leads_to if before in follows else before
        assert await say(store, act, answer(order_id=order_id, at=LATER + timedelta(days=1))) is expected
        standing = await store.newest(order_id)
        assert standing.status is expected
        assert (standing == stood) == (before not in follows)


async def test_a_new_round_cancels_what_earlier_ones_left_open(store: InstallationStore) -> None:
    for round_, act in enumerate(("decline", "accept", "start", "incomplete", "complete", "withdraw"), start=1):
        await store.request(asking(round_=round_, engineer_id=f"e{round_}"), NOON)
        await say(store, act, answer(round_))
    assert await store.request(asking(round_=8, engineer_id="e1"), LATER) is REQUESTED
    assert await statuses(store) == {
        1: DECLINED,
        2: CANCELED,
        3: CANCELED,
        4: INCOMPLETE,
        5: COMPLETED,
        6: CANCELED,
        8: REQUESTED,
    }
    assert (await store.of_round("o1", 3)).reason == "replaced by round 4"


async def test_an_earlier_round_comes_too_late(store: InstallationStore) -> None:
    await store.request(asking(round_=3, engineer_id="e3"), NOON)
    assert await store.request(asking(round_=2, engineer_id="e2"), LATER) is CANCELED
    for act in ACTS:
        assert await say(store, act, answer(2)) is CANCELED
    assert await statuses(store) == {3: REQUESTED}


async def test_a_cancellation_closes_what_is_open_and_lets_nothing_be_asked_again(store: InstallationStore) -> None:
    await store.request(asking(round_=1), NOON)
    await store.start(answer())
    await store.cancel(CancelInstallation("o1", reason="moved"), LATER)
    canceled = await store.newest("o1")
    assert (canceled.status, canceled.status_at, canceled.reason) == (CANCELED, LATER, "moved")
    assert await store.request(asking(round_=1), LATER) is CANCELED
    assert await store.request(asking(round_=2), LATER) is CANCELED
    for act in ACTS:
        assert await say(store, act, answer(1)) is CANCELED
        assert await say(store, act, answer(2)) is CANCELED
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


@pytest.mark.parametrize("act", ["complete", "incomplete"])
async def test_a_cancellation_leaves_what_is_done(store: InstallationStore, act: str) -> None:
    await store.request(asking(), NOON)
    await say(store, act, answer())
    done = await store.newest("o1")
    await store.cancel(CancelInstallation("o1"), LATER)
    assert await store.newest("o1") == done


async def test_an_answer_to_what_was_never_asked_is_an_error(store: InstallationStore) -> None:
    await store.request(asking(round_=1), NOON)
    for act in ACTS:
        for never_asked in (answer(2), answer(order_id="o2")):
            with pytest.raises(LookupError):
                await say(store, act, never_asked)
    assert await statuses(store) == {1: REQUESTED}


async def test_an_order_that_nobody_knows_has_no_installation(store: InstallationStore) -> None:
    with pytest.raises(NotFound):
        await store.newest("o1")
    with pytest.raises(NotFound):
        await store.of_round("o1", 1)


async def test_an_engineer_finds_their_own_newest_installation_of_an_order(store: InstallationStore) -> None:
    for round_, engineer_id in ((1, "e1"), (2, "e2"), (3, "e1"), (4, "e3")):
        await store.request(asking(round_=round_, engineer_id=engineer_id), NOON)
    mine = await store.newest("o1", engineer_id="e1")
    assert (mine.round, mine.status) == (3, CANCELED)
    for order_id, engineer_id in (("o1", "e9"), ("o2", "e1")):
        with pytest.raises(NotFound):
            await store.newest(order_id, engineer_id=engineer_id)


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


async def test_a_span_is_listed_as_its_visits_come(store: InstallationStore) -> None:
    day = NOON + timedelta(days=3)
    for number, hours in enumerate([10, 4, -1, 0, 4, 24, 23, 2]):
        visit = TimeWindow(day + timedelta(hours=hours), day + timedelta(hours=hours + 2))
        asked = asking(f"o{number}", engineer_id=f"e{number % 2}", visit=visit)
        await store.request(asked, NOON - timedelta(minutes=number))
    await store.request(asking("later", visit=None), NOON)
    await store.start(answer(order_id="o4"))
    # Another visit of the same day is another round: both are shown.
    again = asking("o4", 2, "e0", TimeWindow(day + timedelta(hours=8), day + timedelta(hours=10)))
    await store.request(again, LATER)
    span = (day, day + timedelta(days=1))
    for limit in (1, 2, 3, 50):
        assert await walked(store, limit, span=span) == ["o3", "o7", "o1", "o4", "o4", "o0", "o6"]
        assert await walked(store, limit, span=span, engineer_id="e0") == ["o4", "o4", "o0", "o6"]
        assert await walked(store, limit, span=span, engineer_id="e0", status=CANCELED) == ["o4"]
        # A span is open where it has no end.
        assert await walked(store, limit, span=(None, day)) == ["o2"]
        assert await walked(store, limit, span=(span[1], None)) == ["o5"]
        assert await walked(store, limit, span=(None, None), engineer_id="e0") == ["o2", "o4", "o4", "o0", "o6"]
        assert await walked(store, limit, span=(day, None), status=CANCELED) == ["o4"]
    of_the_day = (await store.list(limit=1, span=span)).next_cursor
    with pytest.raises(MalformedCursor):
        await store.list(cursor=of_the_day)


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
