import base64
import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.common import contexts
from domain.common.errors import MalformedCursor
from domain.order_status.view import OrderFilter, Sort
from domain.orders import Attention
from stores.common.database import Database
from stores.order_status.view import OrderStatusStore
from tests.stores.orders import ALL, NOON, order
from tests.whole import examples

MOMENTS = [datetime(1970, 1, 1, tzinfo=UTC), NOON - timedelta(microseconds=1), NOON, NOON + timedelta(days=365)]
FEW_DATES = st.sampled_from(["2026-07-14", "2026-07-15", "2026-12-31"])
FEW_MOMENTS = st.sampled_from(MOMENTS)
Row = tuple[str, datetime, datetime | None]
ROWS = st.tuples(FEW_DATES, FEW_MOMENTS, st.none() | FEW_MOMENTS)
EACH_ONCE = settings(
    max_examples=examples(20, whole=100),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def context() -> str:
    return contexts.ORDER_STATUS


class Clock:
    """A clock that the test sets before it stores an order."""

    now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.mark.multiplied
@EACH_ONCE
@given(
    rows=st.lists(ROWS, max_size=25),
    late=st.lists(ROWS, max_size=5),
    sort=st.sampled_from(list(Sort)),
    descending=st.booleans(),
    limit=st.integers(1, 8),
)
async def test_each_order_is_listed_exactly_once_and_in_order_even_while_others_come(
    database: Database,
    rows: list[Row],
    late: list[Row],
    sort: Sort,
    descending: bool,
    limit: int,
) -> None:
    clock = Clock()
    store = OrderStatusStore(database, now=clock)
    run = uuid.uuid4().hex
    keys: dict[str, tuple[object, str]] = {}

    async def put(number: int, row: Row) -> str:
        order_id = f"{run}-{number:02}"
        date, clock.now, since = row
        attention = Attention("R", since) if since else None
        await store.put([order(order_id, customer_id=run, order_date=date, attention=attention)])
        # Those that need nobody come last, in both directions.
        last = (since is None) is not descending, since or NOON
        by = {Sort.ORDER_DATE: date, Sort.UPDATED_AT: clock.now, Sort.ATTENTION_SINCE: last}
        keys[order_id] = by[sort], order_id
        return order_id

    from_the_start = [await put(number, row) for number, row in enumerate(rows)]
    found: list[str] = []
    coming = [(len(rows) + number, row) for number, row in enumerate(late)]
    cursor = None
    while True:
        page = await store.list(OrderFilter(customer_id=run), sort, descending, limit, cursor)
        found += [view.order.order_id for view in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
        if coming:
            await put(*coming.pop())
    assert found == sorted(found, key=keys.__getitem__, reverse=descending)
    assert len(found) == len(set(found))
    assert set(from_the_start) <= set(found)


def cursor_of(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


ODD_KEYS = [
    None,
    1,
    "updatedAt",
    [],
    ["updatedAt"],
    ["updatedAt", "2026-07-15T12:00:00+00:00"],
    ["updatedAt", "2026-07-15T12:00:00+00:00", 1],
    ["updatedAt", "2026-07-15T12:00:00+00:00", None],
    ["updatedAt", "2026-07-15T12:00:00+00:00", "o1", "o2"],
    ["updatedAt", "noon", "o1"],
    ["updatedAt", 12, "o1"],
    ["updatedAt", "0001-01-01T00:00:00+23:59", "o1"],
    ["updatedAt", "2026-07-15T12:00:00+00:00", "\0"],
    ["updatedAt", "2026-07-15T12:00:00+00:00", "\ud800"],
    [["updatedAt"], "2026-07-15T12:00:00+00:00", "o1"],
]


async def test_a_cursor_that_no_page_has_given_is_refused(database: Database) -> None:
    store = OrderStatusStore(database)
    for key in ODD_KEYS:
        with pytest.raises(MalformedCursor):
            await store.list(ALL, Sort.UPDATED_AT, False, 10, cursor_of(key))


@pytest.mark.multiplied
@EACH_ONCE
@given(cursor=st.text(max_size=40) | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(cursor_of))
async def test_no_cursor_is_too_strange_to_be_refused(database: Database, cursor: str) -> None:
    store = OrderStatusStore(database)
    with pytest.raises(MalformedCursor):
        await store.list(ALL, Sort.ORDER_DATE, False, 10, cursor)
