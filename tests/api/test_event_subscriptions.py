"""Subscriptions over HTTP: what is refused, who sees them, and that a secret is shown once."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api.event_delivery.subscription_schemas import EventSubscriptionRequest
from domain.common import contexts
from domain.event_delivery.delivery import pause
from domain.event_delivery.log import shown
from domain.event_delivery.relay import AppendEvents, OutboxEvent
from domain.event_delivery.subscriptions import HeldOrder, PauseReason
from runtime.settings import Settings
from stores.event_delivery.deliveries import DeliveryStore
from stores.event_delivery.held_orders import HeldOrderStore
from stores.event_delivery.log import EventLog
from stores.event_delivery.secrets import SecretStore
from stores.event_delivery.subscriptions import SubscriptionStore
from tests.api.issuer import Issuer
from tests.api.known import bearer
from tests.api.problems import assert_problem
from tests.api.service import Service, but, serving

URL = "https://billing.example/events"
BODY = {"name": "billing", "url": URL}
NOON, HOUR = datetime(2026, 11, 28, 12, tzinfo=UTC), timedelta(hours=1)
Ask = Callable[..., Awaitable[Any]]


@pytest.fixture
async def service(without_temporal: Settings, issuer: Issuer) -> AsyncIterator[Service]:
    """The API alone: subscriptions need neither Temporal nor a worker."""
    async with serving(but(without_temporal, **issuer.settings, max_event_subscriptions_per_owner=3)) as service:
        yield service


def asking(service: Service, token: str) -> Ask:
    """Return a function that sends requests with a token."""

    async def ask(method: str, path: str, body: Any = None, **headers: str) -> Any:
        return await service.http.request(
            method, f"/eventSubscriptions{path}", json=body, headers=bearer(token) | headers
        )

    return ask


@pytest.fixture
def billing(service: Service, issuer: Issuer) -> Ask:
    return asking(service, issuer.token("billing", "service", scope="events:subscribe"))


@pytest.fixture
def other(service: Service, issuer: Issuer) -> Ask:
    return asking(service, issuer.token("other", "service", scope="events:subscribe"))


@pytest.fixture
def manager(service: Service, issuer: Issuer) -> Ask:
    return asking(service, issuer.token("kim", "manager"))


@pytest.fixture
def of_seoul(service: Service, issuer: Issuer) -> Ask:
    return asking(service, issuer.token("lee", "manager", regions=["KR-11"]))


async def test_a_subscription_is_shown_as_it_is_and_its_secret_once(service: Service, billing: Ask) -> None:
    made = await billing("POST", "", BODY | {"types": ["orders.JoinCompleted", "afterService.*"], "perMinute": 60})

    assert made.status_code == 201
    shown_once = made.json()
    id_, secret = shown_once["eventSubscriptionId"], shown_once.pop("secret")
    assert made.headers["Location"] == f"/eventSubscriptions/{id_}"
    last = (await service.app.state.services.get(SubscriptionStore).get(id_)).last
    assert shown_once == {
        "eventSubscriptionId": id_,
        "name": "billing",
        "kind": "webhook",
        "url": URL,
        "types": ["orders.JoinCompleted", "afterService.*"],
        "regions": None,
        "atOnce": 4,
        "batch": 1,
        "perMinute": 60,
        "allowedRate": None,
        "state": "PENDING",
        "pause": None,
        "owner": "service:billing",
        "createdAt": shown_once["createdAt"],
        "changedAt": shown_once["createdAt"],
        "delivered": shown(last),
        "last": shown(last),
        "behind": 0,
        "lastDeliveredAt": None,
        "failing": None,
        "held": {"orders": 0, "parked": 0, "oldest": None},
        "secrets": [{"createdAt": shown_once["createdAt"], "expiresAt": None}],
    }
    assert (await billing("GET", f"/{id_}")).json() == shown_once
    assert (await billing("GET", "")).json() == {"items": [shown_once], "nextCursor": None}
    assert await service.app.state.services.get(SecretStore).keys(id_) == [secret]
    assert secret.startswith("whsec_")


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"url": "http://billing.example/"}, "/url"),
        ({"url": "https://127.0.0.1/"}, "/url"),
        ({"url": "https://169.254.169.254/latest/meta-data"}, "/url"),
        ({"url": "https://kim:secret@billing.example/"}, "/url"),
        ({"url": "https://billing.example:5432/"}, "/url"),
        ({"url": ""}, "/url"),
        ({"name": " "}, "/name"),
        ({"kind": "pull"}, "/kind"),
        ({"types": []}, "/types"),
        ({"types": ["orders.JoinOrderd"]}, "/types/0"),
        ({"types": ["*"]}, "/types/0"),
        ({"regions": ["Seoul"]}, "/regions/0"),
        ({"atOnce": 17}, "/atOnce"),
        ({"batch": 0}, "/batch"),
        ({"batch": 101}, "/batch"),
        ({"batch": "2"}, "/batch"),
        ({"batch": None}, "/batch"),
        ({"perMinute": 0}, "/perMinute"),
        ({"from": "tomorrow"}, "/from"),
        ({"from": "99999999999999999999"}, "/from"),
        ({"from": "9" * 18}, "/from"),
    ],
)
async def test_what_nothing_can_be_sent_by_is_refused(billing: Ask, given: dict[str, Any], pointer: str) -> None:
    answer = await billing("POST", "", BODY | given)

    problem = assert_problem(answer, 422, "invalid-input")
    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert (await billing("GET", "")).json()["items"] == []


async def test_an_event_that_is_gone_is_said(billing: Ask) -> None:
    problem = assert_problem(await billing("POST", "", BODY | {"from": "1"}), 409, "events-gone")
    assert len(problem["oldest"]) == 20
    made = (await billing("POST", "", BODY | {"from": problem["oldest"]})).json()
    assert made["delivered"] == problem["oldest"]
    path = f"/{made['eventSubscriptionId']}"
    assert_problem(await billing("POST", f"{path}/replay", {"from": "1"}), 409, "events-gone")
    assert_problem(await billing("POST", f"{path}/replay", {}), 422, "invalid-input")


async def append_two(log: EventLog) -> None:
    """Append the first events."""
    events = [OutboxEvent(f"a-{number}", "a", number, "JoinOrdered", NOON, {"position": number}) for number in range(2)]
    await log.append(AppendEvents(contexts.ORDER_STATUS, 0, events, len(events)))


async def test_who_has_missed_events_says_where_to_go_on(service: Service, billing: Ask) -> None:
    id_ = (await billing("POST", "", BODY)).json()["eventSubscriptionId"]
    async with service.opened(contexts.EVENT_DELIVERY) as database:
        log = EventLog(database)
        await append_two(log)
        await log.prune(datetime.now(UTC) + HOUR)
        store = DeliveryStore(database, log)
        subscription = (await store.begin(id_)).subscription
        pause(subscription, PauseReason.EVENTS_GONE, NOON)
        await store.save(subscription)

    problem = assert_problem(await billing("POST", f"/{id_}/resume"), 409, "events-gone")

    paused = (await billing("GET", f"/{id_}")).json()
    assert (paused["state"], paused["pause"]["reason"]) == ("PAUSED", "EVENTS_GONE")
    resumed = await billing("POST", f"/{id_}/resume", {"from": problem["oldest"]})
    assert (resumed.status_code, resumed.json()["state"]) == (200, "PENDING")
    assert resumed.json()["delivered"] == problem["oldest"]


async def test_a_replay_leaves_no_event_out(service: Service, billing: Ask) -> None:
    path = f"/{(await billing('POST', '', BODY)).json()['eventSubscriptionId']}"
    async with service.opened(contexts.EVENT_DELIVERY) as database:
        await append_two(EventLog(database))
    before = (await billing("GET", path)).json()

    for start in (before["last"], "end"):
        assert_problem(await billing("POST", f"{path}/replay", {"from": start}), 409, "illegal-transition")

    after = (await billing("GET", path)).json()
    assert (after["delivered"], after["behind"]) == (before["delivered"], 2)


async def test_a_repeated_request_makes_one_subscription(billing: Ask, other: Ask) -> None:
    key = {"Idempotency-Key": "one"}
    first = await billing("POST", "", BODY, **key)
    again = await billing("POST", "", BODY, **key)

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "secret" not in again.json()
    assert again.json() == {name: value for name, value in first.json().items() if name != "secret"}
    assert_problem(await billing("POST", "", BODY | {"name": "x"}, **key), 422, "idempotency-key-reused")
    assert (await other("POST", "", BODY, **key)).status_code == 201
    assert len((await billing("GET", "")).json()["items"]) == 1


async def test_one_owner_has_a_number_of_subscriptions(billing: Ask, other: Ask) -> None:
    for _ in range(3):
        assert (await billing("POST", "", BODY)).status_code == 201
    assert_problem(await billing("POST", "", BODY), 409, "too-many-subscriptions")
    assert (await other("POST", "", BODY)).status_code == 201


async def test_a_subscription_belongs_to_its_service_and_to_managers(
    billing: Ask, other: Ask, manager: Ask, of_seoul: Ask
) -> None:
    of_all = (await billing("POST", "", BODY)).json()["eventSubscriptionId"]
    seoul = (await billing("POST", "", BODY | {"regions": ["KR-11"]})).json()["eventSubscriptionId"]
    both = (await billing("POST", "", BODY | {"regions": ["KR-11", "KR-26"]})).json()["eventSubscriptionId"]

    async def seen(by: Ask, query: str = "") -> list[str]:
        listed = [item["eventSubscriptionId"] for item in (await by("GET", query)).json()["items"]]
        if not query:
            assert listed == [id_ for id_ in (of_all, seoul, both) if (await by("GET", f"/{id_}")).is_success]
        return listed

    assert await seen(billing) == await seen(manager) == [of_all, seoul, both]
    assert await seen(of_seoul) == [seoul]
    assert await seen(other) == []
    assert await seen(other, "?owner=service:billing") == []
    assert await seen(manager, "?owner=service:billing&state=PENDING") == [of_all, seoul, both]
    assert await seen(manager, "?owner=service:other") == await seen(manager, "?state=ACTIVE") == []
    assert_problem(await manager("GET", "?state=SLEEPING"), 400, "malformed-request")
    assert_problem(await other("DELETE", f"/{seoul}"), 404, "not-found")
    assert_problem(await of_seoul("POST", f"/{both}/held/any-order/skip"), 404, "not-found")


async def test_a_manager_of_a_region_subscribes_to_its_orders_alone(of_seoul: Ask) -> None:
    made = (await of_seoul("POST", "", BODY)).json()

    assert (made["regions"], made["owner"]) == (["KR-11"], "manager:lee")
    assert_problem(await of_seoul("POST", "", BODY | {"regions": ["KR-26"]}), 403, "forbidden")
    path = f"/{made['eventSubscriptionId']}"
    assert_problem(await of_seoul("PATCH", path, {"regions": ["KR-26"]}), 403, "forbidden")
    assert (await of_seoul("PATCH", path, {"regions": None})).json()["regions"] == ["KR-11"]


@pytest.mark.parametrize(
    ("method", "path", "body", "store", "name"),
    [
        ("PATCH", "", {"url": "https://lee.example/"}, SubscriptionStore, "change"),
        ("DELETE", "", None, SubscriptionStore, "delete"),
        ("POST", "/secrets", {}, SecretStore, "replace"),
        ("POST", "/pause", None, SubscriptionStore, "pause"),
        ("POST", "/resume", {}, SubscriptionStore, "resume"),
        ("POST", "/replay", {"from": "beginning"}, SubscriptionStore, "replay"),
        ("POST", "/held/refused/retry", None, HeldOrderStore, "retry"),
        ("POST", "/held/refused/skip", {}, HeldOrderStore, "skip"),
    ],
)
async def test_a_manager_of_a_region_changes_nothing_that_has_just_been_widened(
    service: Service,
    manager: Ask,
    of_seoul: Ask,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    path: str,
    body: Any,
    store: type,
    name: str,
) -> None:
    id_ = (await of_seoul("POST", "", BODY)).json()["eventSubscriptionId"]
    await hold(service, id_, HeldOrder("refused", "event", NOON))
    services = service.app.state.services
    subscription = (await services.get(SubscriptionStore).get(id_)).subscription
    used = services.get(store)
    act = getattr(used, name)

    async def act_late(*args: Any, **given: Any) -> Any:
        monkeypatch.setattr(used, name, act)
        assert (await manager("PATCH", f"/{id_}", {"regions": None})).status_code == 200
        return await act(*args, **given)

    monkeypatch.setattr(used, name, act_late)

    assert_problem(await of_seoul(method, f"/{id_}{path}", body), 404, "not-found")
    now = (await services.get(SubscriptionStore).get(id_)).subscription
    assert (now.url, now.regions, now.run) == (URL, None, subscription.run + 1)
    assert [order["orderId"] for order in (await manager("GET", f"/{id_}/held")).json()["items"]] == ["refused"]


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("POST", "/ping")])
async def test_a_manager_of_a_region_sees_and_pings_nothing_that_has_just_been_widened(
    service: Service, manager: Ask, of_seoul: Ask, monkeypatch: pytest.MonkeyPatch, method: str, path: str
) -> None:
    id_ = (await of_seoul("POST", "", BODY)).json()["eventSubscriptionId"]
    store = service.app.state.services.get(SubscriptionStore)
    get = store.get

    async def get_early(subscription_id: str) -> Any:
        seen = await get(subscription_id)
        monkeypatch.setattr(store, "get", get)
        assert (await manager("PATCH", f"/{id_}", {"regions": None})).status_code == 200
        return seen

    monkeypatch.setattr(store, "get", get_early)

    assert_problem(await of_seoul(method, f"/{id_}{path}"), 404, "not-found")
    assert store.get == get, "who may see it was looked up"


async def test_members_are_changed_one_by_one(billing: Ask) -> None:
    made = (await billing("POST", "", BODY | {"types": ["orders.*"], "perMinute": 5})).json()
    path = f"/{made['eventSubscriptionId']}"

    changed = (await billing("PATCH", path, {"types": None, "atOnce": 1})).json()

    assert (changed["types"], changed["atOnce"], changed["perMinute"], changed["name"]) == (None, 1, 5, "billing")
    assert_problem(await billing("PATCH", path, {"url": "http://10.0.0.1/"}), 422, "invalid-input")
    assert_problem(await billing("PATCH", path, {"name": None}), 422, "invalid-input")
    assert (await billing("GET", path)).json() == changed


async def test_the_largest_number_of_events_in_a_request_is_given_and_changed(billing: Ask) -> None:
    made = (await billing("POST", "", BODY | {"batch": 100})).json()
    path = f"/{made['eventSubscriptionId']}"

    changed = (await billing("PATCH", path, {"batch": 2})).json()

    assert (made["batch"], changed["batch"], changed["atOnce"]) == (100, 2, 4)
    for wrong in (0, 101, None):
        assert_problem(await billing("PATCH", path, {"batch": wrong}), 422, "invalid-input")
    assert (await billing("GET", path)).json() == changed


def test_a_request_that_an_earlier_release_has_answered_is_recognized() -> None:
    def fingerprint(**given: object) -> str:
        return EventSubscriptionRequest.model_validate(BODY | given).fingerprint()

    of_earlier_release = "88a17c67dec92eead4999e3a4a8aea0f5ea0338e6438ac44955f8de9562aae84"
    assert fingerprint() == fingerprint(batch=1) == of_earlier_release
    assert fingerprint(batch=2) != of_earlier_release


async def test_a_subscription_is_paused_resumed_and_deleted(billing: Ask) -> None:
    path = f"/{(await billing('POST', '', BODY)).json()['eventSubscriptionId']}"

    paused = (await billing("POST", f"{path}/pause")).json()
    assert (paused["state"], paused["pause"]["reason"]) == ("PAUSED", "BY_PERSON")
    resumed = (await billing("POST", f"{path}/resume")).json()
    assert (resumed["state"], resumed["pause"]) == ("PENDING", None)
    assert_problem(await billing("POST", f"{path}/resume", {"from": "end"}), 409, "illegal-transition")
    assert (await billing("POST", f"{path}/replay", {"from": "beginning"})).status_code == 200
    assert_problem(await billing("POST", f"{path}/held/any-order/retry"), 404, "not-found")
    assert (await billing("GET", f"{path}/attempts")).json() == {"items": [], "nextCursor": None}
    assert (await billing("DELETE", path)).status_code == 204
    assert_problem(await billing("GET", path), 404, "not-found")


async def hold(service: Service, id_: str, *held: HeldOrder) -> None:
    """Let orders be held."""
    async with service.opened(contexts.EVENT_DELIVERY) as database:
        store = DeliveryStore(database, EventLog(database))
        begun = await store.begin(id_)
        await store.save(begun.subscription, held={order.order_id: order for order in held})


async def test_the_event_that_is_named_is_given_up_and_no_other(service: Service, billing: Ask) -> None:
    id_ = (await billing("POST", "", BODY)).json()["eventSubscriptionId"]
    await hold(service, id_, *(HeldOrder(order_id, f"{order_id}-3-abc", NOON) for order_id in ("o1", "o2")))
    path = f"/{id_}/held"

    answer = await billing("POST", f"{path}/o1/skip", {"eventId": "o1-2-abc"})

    assert_problem(answer, 409, "another-event-held")
    assert (await billing("GET", f"/{id_}")).json()["held"]["orders"] == 2
    assert_problem(await billing("POST", f"{path}/o1/skip", {"eventId": 7}), 422, "invalid-input")
    given_up = (await billing("POST", f"{path}/o1/skip", {"eventId": "o1-3-abc"})).json()
    assert given_up["held"]["oldest"]["orderId"] == "o2"
    assert_problem(await billing("POST", f"{path}/o1/skip", {"eventId": "o1-3-abc"}), 404, "not-found")
    assert (await billing("POST", f"{path}/o2/skip")).json()["held"]["orders"] == 0, "whichever it is"


async def test_all_held_orders_are_listed_page_by_page(
    service: Service, billing: Ask, other: Ask, manager: Ask
) -> None:
    id_ = (await billing("POST", "", BODY)).json()["eventSubscriptionId"]
    assert (await billing("GET", f"/{id_}/held")).json() == {"items": [], "nextCursor": None}
    parked = HeldOrder("o1", "o1-3-abc", NOON, 7, None, status=422)
    await hold(service, id_, HeldOrder("o2", "o2-0-abc", NOON + HOUR, retry_at=NOON + 2 * HOUR), parked)

    first = (await billing("GET", f"/{id_}/held?limit=1")).json()

    assert first["items"] == [
        {
            "orderId": "o1",
            "eventId": "o1-3-abc",
            "type": None,
            "since": "2026-11-28T12:00:00Z",
            "attempts": 7,
            "nextAttemptAt": None,
            "status": 422,
        }
    ]
    [second] = (await manager("GET", f"/{id_}/held?cursor={first['nextCursor']}")).json()["items"]
    assert (second["orderId"], second["nextAttemptAt"], second["status"]) == ("o2", "2026-11-28T14:00:00Z", None)
    assert_problem(await other("GET", f"/{id_}/held"), 404, "not-found")
    assert_problem(await billing("GET", f"/{id_}/held?limit=201"), 400, "malformed-request")
    assert_problem(await billing("GET", f"/{id_}/held?cursor=nonsense"), 400, "malformed-request")


async def test_a_secret_is_replaced_without_a_break(service: Service, billing: Ask) -> None:
    made = (await billing("POST", "", BODY)).json()
    id_, secrets = made["eventSubscriptionId"], service.app.state.services.get(SecretStore)

    second = await billing("POST", f"/{id_}/secrets")
    assert second.status_code == 201
    assert await secrets.keys(id_) == [made["secret"], second.json()["secret"]]
    periods = (await billing("GET", f"/{id_}")).json()["secrets"]
    assert [period["expiresAt"] for period in periods] == [second.json()["previousExpiresAt"], None]
    assert_problem(await billing("POST", f"/{id_}/secrets", {"expirePreviousAfter": 60}), 409, "already-exists")
    assert_problem(await billing("POST", f"/{id_}/secrets", {"expirePreviousAfter": 604_801}), 422, "invalid-input")
    third = (await billing("POST", f"/{id_}/secrets", {"expirePreviousAfter": 0})).json()["secret"]
    assert await secrets.keys(id_) == [third]


async def test_without_its_database_only_event_delivery_fails(without_temporal: Settings, issuer: Issuer) -> None:
    away = {f"{contexts.EVENT_DELIVERY.replace('-', '_')}_database_url": "postgresql://nobody@127.0.0.1:1/none"}
    async with serving(but(without_temporal, **issuer.settings, **away)) as service:
        kim = issuer.token("kim", "manager")
        assert_problem(await asking(service, kim)("GET", ""), 503, "no-answer-in-time")
        assert (await service.http.get("/orderStatuses", headers=bearer(kim))).status_code == 200
