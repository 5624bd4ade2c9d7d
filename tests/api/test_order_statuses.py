from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.orders import Attention, HistoryEntry, Order, OrderStatus
from runtime.settings import Settings
from stores.order_status.view import OrderStatusStore
from tests.api.problems import assert_problem
from tests.api.service import NOWHERE, Service, but, serving


@pytest.fixture
def settings(without_temporal: Settings) -> Settings:
    return without_temporal


AT = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
ORDERS = [
    Order(
        "one",
        "c-1",
        order_date="2030-01-01",
        status=OrderStatus.JOIN_COMPLETED,
        region="KR-11",
        engineer_id="e-1",
        engineer_name="김민준 Kim Minjun",
        installation_address="서울특별시 강남구 테헤란로 1",
        install_completed_at=AT,
        version=3,
        history=[HistoryEntry("JoinOrdered", AT, "customer:c-1")],
    ),
    Order(
        "two",
        "c-2",
        order_date="2030-01-02",
        status=OrderStatus.AWAITING_ENGINEER,
        attention=Attention("NO_SERVICE_AREA", AT, "nobody serves it"),
        installation_address="Atlantis 1",
        version=2,
    ),
    Order("three", "c-2", order_date="2030-01-03", status=OrderStatus.JOIN_ORDERED, region="KR-26"),
]


@pytest.fixture
async def view(settings: Settings, free_port: int) -> Any:
    """The API with a filled read model, while everything else is down."""
    down = {f"{context}_database_url": NOWHERE for context in ("management_center", "installation")}
    async with serving(but(settings, temporal_port=free_port, **down)) as service:
        await service.app.state.services.get(OrderStatusStore).put(ORDERS)
        yield service


async def listed(service: Service, query: str = "") -> list[str]:
    answer = await service.http.get(f"/orderStatuses?{query}")
    assert answer.status_code == 200, answer.text
    return [row["orderId"] for row in answer.json()["items"]]


async def test_a_row_is_the_order_with_its_history_and_when_it_was_updated(view: Service) -> None:
    row = (await view.http.get("/orderStatuses/one")).json()

    assert row.pop("updatedAt").endswith("Z")
    assert row == {
        "orderId": "one",
        "customerId": "c-1",
        "customerName": None,
        "contactPhone": None,
        "note": None,
        "productId": "",
        "productName": "",
        "installationAddress": "서울특별시 강남구 테헤란로 1",
        "orderDate": "2030-01-01",
        "status": "JOIN_COMPLETED",
        "region": "KR-11",
        "engineerId": "e-1",
        "engineerName": "김민준 Kim Minjun",
        "visit": None,
        "installCompletedAt": "2030-01-02T03:04:05Z",
        "attention": None,
        "version": 3,
        "stale": False,
        "history": [{"event": "JoinOrdered", "at": "2030-01-02T03:04:05Z", "by": "customer:c-1", "detail": None}],
    }


async def test_a_listed_row_is_the_same_without_history(view: Service) -> None:
    (row,) = (await view.http.get("/orderStatuses?q=one")).json()["items"]
    alone = (await view.http.get("/orderStatuses/one")).json()

    assert {**row, "history": alone["history"]} == alone


@pytest.mark.parametrize(
    ("query", "order_ids"),
    [
        ("", ["three", "two", "one"]),
        ("sort=orderDate", ["one", "two", "three"]),
        ("sort=-orderDate", ["three", "two", "one"]),
        ("sort=attentionSince", ["two", "one", "three"]),
        ("sort=-attentionSince", ["two", "three", "one"]),
        ("sort=attentionSince&attention=true", ["two"]),
        ("status=JOIN_ORDERED", ["three"]),
        ("status=JOIN_ORDERED&status=JOIN_COMPLETED", ["three", "one"]),
        ("region=KR-11&region=KR-26", ["three", "one"]),
        ("region=KR-11&status=JOIN_ORDERED", []),
        ("engineerId=e-1", ["one"]),
        ("customerId=c-2", ["three", "two"]),
        ("attention=NO_SERVICE_AREA", ["two"]),
        ("q=two", ["two"]),
        ("q=minjun", ["one"]),
        ("q=테헤란로", ["one"]),
        ("q=atlantis", ["two"]),
        ("q=%25", []),
    ],
)
async def test_orders_are_found_by_every_condition(view: Service, query: str, order_ids: list[str]) -> None:
    assert await listed(view, query) == order_ids


async def test_who_needs_a_person_is_listed_by_how_long_they_have(view: Service) -> None:
    taken_on = Attention("NO_ENGINEER", AT - timedelta(days=1), None, "manager:lee", AT)
    later = Attention("NO_ENGINEER", AT + timedelta(days=1))
    await view.app.state.services.get(OrderStatusStore).put(
        [
            Order("later", order_date="2029-12-31", attention=later),
            Order("longest", order_date="2029-12-30", attention=taken_on),
        ]
    )

    assert await listed(view, "attention=true") == ["longest", "two", "later"]
    assert await listed(view, "attention=NO_ENGINEER") == ["longest", "later"]
    assert await listed(view, "attention=true&sort=orderDate") == ["longest", "later", "two"]
    assert await listed(view, "attention=false") == ["three", "one"]
    assert (await view.http.get("/orderStatuses/longest")).json()["attention"] == {
        "reason": "NO_ENGINEER",
        "since": "2030-01-01T03:04:05Z",
        "detail": None,
        "acknowledgedBy": "manager:lee",
        "acknowledgedAt": "2030-01-02T03:04:05Z",
    }


async def test_a_list_comes_in_pages(view: Service) -> None:
    first = (await view.http.get("/orderStatuses?sort=orderDate&limit=2")).json()
    rest = (await view.http.get(f"/orderStatuses?sort=orderDate&limit=2&cursor={first['nextCursor']}")).json()

    assert [row["orderId"] for row in first["items"] + rest["items"]] == ["one", "two", "three"]
    assert rest["nextCursor"] is None
    answer = await view.http.get(f"/orderStatuses?sort=updatedAt&limit=2&cursor={first['nextCursor']}")
    assert_problem(answer, 400, "malformed-request")


async def test_the_summary_counts(view: Service) -> None:
    summary = (await view.http.get("/orderStatuses/summary")).json()

    assert summary == {
        "total": 3,
        "byStatus": {"JOIN_COMPLETED": 1, "AWAITING_ENGINEER": 1, "JOIN_ORDERED": 1},
        "byRegion": {"KR-11": {"JOIN_COMPLETED": 1}, "KR-26": {"JOIN_ORDERED": 1}},
        "attention": 1,
        "attentionByReason": {"NO_SERVICE_AREA": {"orders": 1, "unacknowledgedSince": "2030-01-02T03:04:05Z"}},
        "oldestByStatus": summary["oldestByStatus"],
    }
    assert summary["oldestByStatus"]["AWAITING_ENGINEER"] == "1970-01-01T00:00:00.002000Z"
    assert summary["oldestByStatus"].keys() == {"AWAITING_ENGINEER", "JOIN_ORDERED"}


async def test_the_summary_counts_the_orders_of_some_regions(view: Service) -> None:
    busan, both = [
        (await view.http.get(f"/orderStatuses/summary?{query}")).json()
        for query in ("region=KR-26", "region=KR-11&region=KR-26")
    ]

    assert busan == {
        "total": 1,
        "byStatus": {"JOIN_ORDERED": 1},
        "byRegion": {"KR-26": {"JOIN_ORDERED": 1}},
        "attention": 0,
        "attentionByReason": {},
        "oldestByStatus": busan["oldestByStatus"],
    }
    assert busan["oldestByStatus"].keys() == {"JOIN_ORDERED"}
    assert (both["total"], both["byRegion"].keys()) == (2, {"KR-11", "KR-26"})
    assert_problem(await view.http.get("/orderStatuses/summary?region=Seoul"), 400, "malformed-request")


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "limit=ten",
        "cursor=x",
        "status=OPEN",
        "region=Seoul",
        "attention=maybe",
        "sort=name",
        "q=",
        "q=%00",
        "q=%ff",
        "q=" + "a" * 201,
        "engineerId=a%20b",
        "customerId=",
        "&".join(["status=JOIN_ORDERED"] * 21),
    ],
)
async def test_a_bad_query_parameter_is_malformed(view: Service, query: str) -> None:
    answer = await view.http.get(f"/orderStatuses?{query}")

    assert_problem(answer, 400, "malformed-request")
    assert "function-after" not in answer.json()["detail"], "names of ours in a text for others"


async def test_an_order_that_was_never_stored_is_not_found(view: Service) -> None:
    assert_problem(await view.http.get("/orderStatuses/nobody"), 404, "not-found")


async def test_without_the_read_model_there_is_no_answer(settings: Settings) -> None:
    async with serving(but(settings, order_status_database_url=NOWHERE)) as service:
        for path in ("", "/one", "/summary", "/events", "/statistics"):
            assert_problem(await service.http.get(f"/orderStatuses{path}"), 503, "no-answer-in-time")
