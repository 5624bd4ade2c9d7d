"""Every member of every answer that shows an order or an installation, at every door, with every role."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, get_args, get_type_hints

import pytest
from fastapi import Request
from fastapi.routing import APIRoute
from pydantic import BaseModel

from api.http.errors import Forbidden
from api.installation.schemas import FailedVisitResponse, InstallationResponse
from api.order_status.schemas import OrderStatusResponse, OrderStatusSummary
from api.orders.routes import order_id_of
from api.orders.schemas import OrderResponse
from api.security.disclosures import Disclosures
from api.security.permissions import RULES
from api.security.principals import Caller, Role
from api.security.views import ViewedAnswer, shown
from domain.installation import Installation, InstallationStatus, RecordAnswer, RequestInstallation
from domain.orders import Attention, Event, HistoryEntry, Order, OrderStatus
from domain.visits import instead_of
from runtime.settings import Settings
from stores.installation.installations import InstallationStore
from stores.order_status.view import OrderStatusStore
from tests.api.fuzzed import end_streams
from tests.api.issuer import Issuer
from tests.api.known import EVERY_SCOPE, bearer, routes_of
from tests.api.seen import CONTACT, CUSTOMERS_REASONS, INSTALLATION, ORDER, PART, YES
from tests.api.service import Service, but, serving
from tests.domain.filled import filled

BEFORE = instead_of(datetime(2026, 7, 8, 6, tzinfo=UTC))
HISTORY = [
    HistoryEntry(Event.JOIN_ORDERED, datetime(2026, 7, 1, tzinfo=UTC), "customer:1", "own words"),
    HistoryEntry(Event.INSTALLATION_DECLINED, datetime(2026, 7, 2, tzinfo=UTC), "engineer:e1", "the dog bites"),
    HistoryEntry(Event.VISIT_RESCHEDULED, datetime(2026, 7, 3, tzinfo=UTC), "manager:kim", BEFORE),
    HistoryEntry(Event.VISIT_RESCHEDULED, datetime(2026, 7, 3, tzinfo=UTC), "manager:kim", "assigned by manager:kim"),
    HistoryEntry(Event.VISIT_RESCHEDULED, datetime(2026, 7, 3, tzinfo=UTC), "system", "as before in KR-11"),
    HistoryEntry(Event.CANCEL_ORDERED, datetime(2026, 7, 4, tzinfo=UTC), "service:shop", "does not pay"),
    HistoryEntry(Event.ORDER_CANCEL_REJECTED, datetime(2026, 7, 5, tzinfo=UTC), "tracker:o1", "moves away"),
    HistoryEntry(Event.ORDER_CANCELED, datetime(2026, 7, 6, tzinfo=UTC), "system", "closed"),
]
SEEN_HISTORY = {
    "customer:1": [
        ("customer:1", "own words"),
        ("engineer", None),
        ("manager", BEFORE),
        ("manager", None),
        ("system", None),
        ("service", None),
        ("tracker", None),
        ("system", None),
    ],
    "tracker:o1": [
        ("customer", None),
        ("engineer", None),
        ("manager", BEFORE),
        ("manager", None),
        ("system", None),
        ("service", None),
        ("tracker:o1", "moves away"),
        ("system", None),
    ],
    "engineer:e1": [
        ("customer", None),
        ("engineer:e1", "the dog bites"),
        ("manager", None),
        ("manager", None),
        ("system", None),
        ("service", None),
        ("tracker", None),
        ("system", None),
    ],
}
BODY = {
    "productId": "p1",
    "productName": "internet",
    "installationAddress": "Seoul, 1 Street",
    "customerId": "1",
    "customerName": "김가입",
    "contactPhone": "010-1234-5678",
    "note": "the bell is broken",
}
KEY = "key"
ANSWERS = [OrderResponse, OrderStatusSummary, OrderStatusResponse, InstallationResponse, FailedVisitResponse]


@pytest.fixture
async def service(settings: Settings, issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Service]:
    end_streams(monkeypatch)
    async with serving(but(settings, **issuer.settings, rate_limit_anonymous=0)) as service:
        yield service


async def an_order(service: Service, caller: Caller, reason: str) -> str:
    """Store an order that has ended, and every one of whose members has a value. Returns its id."""
    order = replace(
        filled(Order),
        **_python_names(BODY),
        order_id=order_id_of(KEY, caller),
        order_date="2026-07-01",
        preferred_visit=None,
        engineer_id="e1",
        region="KR-11",
        status=OrderStatus.ORDER_CANCELED,
        attention=replace(filled(Attention), reason=reason),
        history=HISTORY,
    )
    await service.app.state.services.get(OrderStatusStore).put([order])
    return order.order_id


async def doors(service: Service, token: str, order_id: str) -> Mapping[str, dict[str, Any]]:
    """Return what each door without a running workflow shows of the order to the bearer of a token."""
    headers = bearer(token)

    async def answered(method: str, path: str, **more: Any) -> dict[str, Any]:
        answer = await service.http.request(
            method, path, headers=headers | more, json=BODY if path == "/orders" else None
        )
        assert answer.status_code == 200, answer.text
        if path.endswith("events"):
            [data] = [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: ")]
            return dict(json.loads(data))
        found: dict[str, Any] = answer.json()
        return dict(found["items"][0]) if "items" in found else found

    return {
        "list": await answered("GET", "/orderStatuses"),
        "row": await answered("GET", f"/orderStatuses/{order_id}"),
        "events": await answered("GET", "/orderStatuses/events", **{"Last-Event-ID": "0"}),
        "order": await answered("GET", f"/orders/{order_id}"),
        "cancel again": await answered("POST", f"/orders/{order_id}/cancel"),
        "place again": await answered("POST", "/orders", **{"Idempotency-Key": KEY}),
    }


@pytest.mark.parametrize("reason", ["VISIT_LOST", "MANAGEMENT_CENTER_UNAVAILABLE"])
async def test_a_customer_sees_of_an_order_what_the_view_names(service: Service, issuer: Issuer, reason: str) -> None:
    order_id = await an_order(service, Caller(Role.CUSTOMER, "1"), reason)

    for door, answer in (await doors(service, issuer.token("1", "customer"), order_id)).items():
        assert_view(answer, await full(service, issuer, order_id), ORDER, 0, "customer:1", door)
        assert (answer["attention"] is not None) is (reason in CUSTOMERS_REASONS), door


@pytest.mark.parametrize(
    ("role", "more"),
    [("manager", {}), ("manager", {"regions": ["KR-11"]}), ("service", {"scope": EVERY_SCOPE})],
)
async def test_managers_and_services_see_all_of_an_order(
    service: Service, issuer: Issuer, role: str, more: dict[str, Any]
) -> None:
    order_id = await an_order(service, Caller(Role(role), "kim"), "WORKFLOW_LOST")

    for door, answer in (await doors(service, issuer.token("kim", role, **more), order_id)).items():
        everything = await full(service, issuer, order_id)
        assert answer == {name: everything[name] for name in answer}, door
        assert answer["attention"]["acknowledgedBy"], door


@pytest.mark.parametrize("reason", ["VISIT_LOST", "MANAGEMENT_CENTER_UNAVAILABLE"])
def test_a_tracker_sees_of_an_order_what_its_customer_sees(reason: str) -> None:
    attention = replace(filled(Attention), reason=reason)
    everything = OrderResponse.of(replace(filled(Order), order_id="o1", history=HISTORY, attention=attention))

    seen = shown(request_of(Caller(Role.TRACKER, "o1")), everything, customer_id="c1")

    assert_view(_json(seen), _json(everything) | {"stale": False}, ORDER, 0, "tracker:o1", "tracker")
    assert (seen.attention is not None) is (reason in CUSTOMERS_REASONS)


@pytest.mark.parametrize("contact", [True, False])
@pytest.mark.parametrize("answer", [OrderResponse, OrderStatusSummary, OrderStatusResponse])
def test_an_engineer_sees_of_an_order_what_the_view_names(answer: type[OrderResponse], contact: bool) -> None:
    order = replace(filled(Order), engineer_id="e1", history=HISTORY)
    everything = answer.model_validate({**vars(order), "updated_at": datetime(2026, 7, 1, tzinfo=UTC)})

    seen = shown(request_of(Caller(Role.ENGINEER, "e1")), everything, customer_id="c1", contact=contact)

    view = {member: (YES if contact and how[1] == CONTACT else how[1],) for member, how in ORDER.items()}
    assert_view(_json(seen), _json(everything), view, 0, "engineer:e1", answer.__name__)


@pytest.mark.parametrize("contact", [True, False])
@pytest.mark.parametrize("status", InstallationStatus)
def test_an_engineer_sees_of_an_installation_what_the_view_names(contact: bool, status: InstallationStatus) -> None:
    everything = InstallationResponse.model_validate(replace(filled(Installation), status=status))

    seen = shown(request_of(Caller(Role.ENGINEER, "e1")), everything, customer_id="c1", contact=contact)

    hidden = {member for member, how in INSTALLATION.items() if how == CONTACT and not contact}
    hidden |= {"reason"} if status is InstallationStatus.CANCELED else set()
    assert _json(seen) == {name: None if name in hidden else value for name, value in _json(everything).items()}
    assert INSTALLATION.keys() == _json(everything).keys()


@pytest.mark.parametrize("who", ["engineer", "manager", "regional", "service"])
async def test_a_list_and_an_id_show_the_same_installation(service: Service, issuer: Issuer, who: str) -> None:
    store = service.app.state.services.get(InstallationStore)
    request = replace(filled(RequestInstallation), order_id="o1", round=1, engineer_id="e1", region="KR-11")
    await store.request(request, datetime.now(UTC))
    await store.decline(RecordAnswer("o1", 1, datetime.now(UTC), "the dog bites"))
    token = {
        "engineer": issuer.token("e1", "engineer"),
        "manager": issuer.token("kim", "manager"),
        "regional": issuer.token("lee", "manager", regions=["KR-11"]),
        "service": issuer.token("shop", "service", scope=EVERY_SCOPE),
    }[who]

    one = (await service.http.get("/installations/o1", headers=bearer(token))).json()
    [listed] = (await service.http.get("/installations", headers=bearer(token))).json()["items"]

    assert one == listed
    assert one == _json(InstallationResponse.model_validate(await store.newest("o1")))


@pytest.mark.parametrize("role", [role for role in Role if role not in (Role.MANAGER, Role.SERVICE, Role.ENGINEER)])
def test_who_has_no_view_of_an_installation_sees_none(role: Role) -> None:
    with pytest.raises(Forbidden):
        shown(
            request_of(Caller(role, "1")), InstallationResponse.model_validate(filled(Installation)), customer_id=None
        )


def test_every_answer_with_personal_data_has_a_view_for_every_role_that_may_get_it(service: Service) -> None:
    personal = {each.name for kind in (Order, Installation) for each in fields(kind) if each.metadata.get("personal")}
    personal -= {"reason"}
    checked = set()
    for route in routes_of(service.app):
        if not isinstance(route, APIRoute):
            continue
        for model in _models(route.response_model):
            if not personal & model.model_fields.keys():
                continue
            assert issubclass(model, ViewedAnswer), model
            for method in route.methods or ():
                rule = RULES[f"{method} {route.path_format}"]
                assert rule is not None
                assert (rule.roles | {Role.SERVICE, None}) <= model.views.keys(), (model, route.path)
                checked.add(model.__name__)
    assert checked == {each.__name__ for each in ANSWERS}


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_view_names_members_that_exist_and_what_it_hides_may_be_null(answer: type[ViewedAnswer]) -> None:
    members, everywhere = answer.model_fields, {*OrderStatusResponse.model_fields, *InstallationResponse.model_fields}
    for view in filter(None, answer.views.values()):
        assert view.members(contact=True) <= everywhere
        for hidden in members.keys() - view.members(contact=False):
            assert type(None) in get_args(get_type_hints(answer)[hidden]), hidden


def assert_view(
    answer: dict[str, Any],
    everything: dict[str, Any],
    view: Mapping[str, tuple[str, ...]],
    column: int,
    actor: str,
    door: str,
) -> None:
    """Assert that an answer has every member, and in it what a column of the view says."""
    assert answer.keys() <= view.keys()
    for member, value in answer.items():
        how = view[member][column]
        if how == PART and member == "history":
            assert [(entry["by"], entry["detail"]) for entry in value] == SEEN_HISTORY[actor], door
        elif how == PART and value is not None:
            assert value["since"] == everything[member]["since"]
            rest = {"detail": None, "acknowledgedBy": None, "acknowledgedAt": None}
            assert value == {"reason": everything[member]["reason"], "since": value["since"]} | rest, door
        else:
            assert everything[member] is not None, member
            assert value == (everything[member] if how == YES else None), (door, member)


async def full(service: Service, issuer: Issuer, order_id: str) -> dict[str, Any]:
    """Return all of an order, as a manager sees it."""
    headers = bearer(issuer.token("kim", "manager"))
    found: dict[str, Any] = (await service.http.get(f"/orderStatuses/{order_id}", headers=headers)).json()
    return found


def request_of(caller: Caller) -> Request:
    state: Any = SimpleNamespace(caller=caller, disclosures=Disclosures(lambda: None))
    request: Any = SimpleNamespace(state=state)
    found: Request = request
    return found


def _json(answer: BaseModel) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer.model_dump_json(by_alias=True))
    return found


def _python_names(body: Mapping[str, str]) -> dict[str, Any]:
    return {"".join(f"_{c.lower()}" if c.isupper() else c for c in name): value for name, value in body.items()}


def _models(model: Any) -> set[type[BaseModel]]:
    """Return the models in a response model."""
    if isinstance(model, type) and issubclass(model, BaseModel):
        found = {model}
        for field in model.model_fields.values():
            found |= _models(field.annotation)
        return found
    return set().union(*(_models(each) for each in get_args(model)))
