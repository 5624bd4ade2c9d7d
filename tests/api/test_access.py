"""Every route, with every role and with none, for the caller's own and for others' resources."""

from collections.abc import AsyncIterator, Sequence
from math import inf
from typing import Any

import pytest
from fastapi.routing import APIRoute

from api.http.errors import Forbidden
from api.ownership import OWNED
from api.security.authentication import AuthorizedRoute
from api.security.permissions import RULES, SCOPES, Noted
from api.security.principals import Identity, Role
from domain.order_status.view import OrderView
from domain.orders import Order
from runtime.settings import Settings
from stores.order_status.view import OrderStatusStore
from tests.api.issuer import Issuer
from tests.api.known import bearer, know_both, routes_of, tokens_of
from tests.api.problems import assert_problem
from tests.api.service import Service, but, serving

BEFORE_THE_ROUTE = "?%ff"
"""A query that is refused right after the authorization, so that no request has an effect."""
WITHOUT_GATE = {"/asyncapi.json", "/openapi.json", "/docs", "/docs/oauth2-redirect", "/docs/assets"}
OPEN = {"GET /health/live", "GET /health/ready"}
ANY_MANAGER, ALL = "manager regional service", "manager service"
ANY_TOKEN = "any token"
MAY = {
    "POST /orders": "customer manager regional service",
    "GET /orders/{orderId}": "customer tracker manager regional service",
    "GET /orders/{orderId}/slots": "customer tracker manager regional service",
    "POST /orders/{orderId}/cancel": "customer tracker manager regional service",
    "POST /orders/{orderId}/reschedule": "customer tracker manager regional service",
    "POST /orders/{orderId}/trackingTokens": "customer manager regional service",
    "POST /orders/{orderId}/attention/acknowledge": ANY_MANAGER,
    "GET /managementCenters/slots": "customer manager regional service",
    "POST /managementCenters/slots": "customer manager regional service",
    "GET /managementCenters/assignments/{orderId}": ANY_MANAGER,
    "PUT /managementCenters/assignments/{orderId}": ANY_MANAGER,
    "GET /managementCenters/assignments/{orderId}/candidates": ANY_MANAGER,
    "GET /managementCenters/serviceAreas": ANY_MANAGER,
    "POST /managementCenters/serviceAreas": ALL,
    "GET /managementCenters/serviceAreas/{serviceAreaId}": ANY_MANAGER,
    "PATCH /managementCenters/serviceAreas/{serviceAreaId}": ALL,
    "DELETE /managementCenters/serviceAreas/{serviceAreaId}": ALL,
    "GET /managementCenters/engineers": ANY_MANAGER,
    "POST /managementCenters/engineers": ANY_MANAGER,
    "GET /managementCenters/engineers/{engineerId}": ANY_MANAGER,
    "PATCH /managementCenters/engineers/{engineerId}": ANY_MANAGER,
    "DELETE /managementCenters/engineers/{engineerId}": ANY_MANAGER,
    "GET /managementCenters/daysOff": ANY_MANAGER,
    "POST /managementCenters/daysOff": ANY_MANAGER,
    "GET /managementCenters/daysOff/{dayOffId}": ANY_MANAGER,
    "DELETE /managementCenters/daysOff/{dayOffId}": ANY_MANAGER,
    "GET /managementCenters/extraShifts": ANY_MANAGER,
    "POST /managementCenters/extraShifts": ANY_MANAGER,
    "GET /managementCenters/extraShifts/{extraShiftId}": ANY_MANAGER,
    "DELETE /managementCenters/extraShifts/{extraShiftId}": ANY_MANAGER,
    "GET /managementCenters/holidays": ANY_MANAGER,
    "GET /managementCenters/products": "customer manager regional service",
    "POST /managementCenters/products": ALL,
    "GET /managementCenters/products/{productId}": "customer manager regional service",
    "PATCH /managementCenters/products/{productId}": ALL,
    "DELETE /managementCenters/products/{productId}": ALL,
    "GET /installations": "engineer manager regional service",
    "GET /installations/{orderId}": "engineer manager regional service",
    "GET /installations/{orderId}/failedVisits": "engineer manager regional service",
    "POST /installations/{orderId}/accept": "engineer manager regional service",
    "POST /installations/{orderId}/decline": "engineer manager regional service",
    "POST /installations/{orderId}/start": "engineer manager regional service",
    "POST /installations/{orderId}/complete": "engineer manager regional service",
    "POST /installations/{orderId}/incomplete": "engineer manager regional service",
    "GET /orderStatuses": "customer manager regional service",
    "POST /orderStatuses/search": ANY_MANAGER,
    "GET /orderStatuses/summary": ANY_MANAGER,
    "GET /orderStatuses/statistics": ANY_MANAGER,
    "GET /orderStatuses/events": "customer engineer manager regional service",
    "GET /orderStatuses/{orderId}": "customer manager regional service",
    "GET /events": ANY_MANAGER,
    "DELETE /orders/customers/{customerId}/personalData": ALL,
    "POST /codec/{namespace}/decode": ALL,
    "POST /codec/{namespace}/encode": ALL,
    "GET /eventSubscriptions": ANY_MANAGER,
    "POST /eventSubscriptions": ANY_MANAGER,
    "GET /eventSubscriptions/{eventSubscriptionId}": ANY_MANAGER,
    "PATCH /eventSubscriptions/{eventSubscriptionId}": ANY_MANAGER,
    "DELETE /eventSubscriptions/{eventSubscriptionId}": ANY_MANAGER,
    "POST /eventSubscriptions/{eventSubscriptionId}/secrets": ANY_MANAGER,
    "POST /eventSubscriptions/{eventSubscriptionId}/ping": ANY_MANAGER,
    "POST /eventSubscriptions/{eventSubscriptionId}/pause": ANY_MANAGER,
    "POST /eventSubscriptions/{eventSubscriptionId}/resume": ANY_MANAGER,
    "POST /eventSubscriptions/{eventSubscriptionId}/replay": ANY_MANAGER,
    "GET /eventSubscriptions/{eventSubscriptionId}/held": ANY_MANAGER,
    "POST /eventSubscriptions/{eventSubscriptionId}/held/{orderId}/retry": ANY_MANAGER,
    "POST /eventSubscriptions/{eventSubscriptionId}/held/{orderId}/skip": ANY_MANAGER,
    "GET /eventSubscriptions/{eventSubscriptionId}/attempts": ANY_MANAGER,
    "GET /audit": ALL,
    "GET /accessLog": ALL,
    "GET /whoami": ANY_TOKEN,
    "GET /metrics": "service operator",
}
"""The intended permissions, written independently of the code."""
READS_BY_POST = frozenset({"POST /managementCenters/slots", "POST /orderStatuses/search"})
"""Routes that change nothing despite their method, and are recorded like a GET."""
NOTED_AT_BEST_EFFORT = {
    "POST /orders",
    "POST /orders/{orderId}/cancel",
    "POST /orders/{orderId}/reschedule",
    "POST /orders/{orderId}/attention/acknowledge",
    "PUT /managementCenters/assignments/{orderId}",
    "POST /installations/{orderId}/accept",
    "POST /installations/{orderId}/decline",
    "POST /installations/{orderId}/start",
    "POST /installations/{orderId}/complete",
    "POST /installations/{orderId}/incomplete",
    "POST /codec/{namespace}/decode",
    "POST /codec/{namespace}/encode",
}
"""Actions on orders, whose history names actor and time, and codec requests. All others are always recorded."""
SEE_ALL = ("manager", "service", "operator")
FOR_THE_WHOLE_COUNTRY = ("serviceAreaId", "productId", "namespace", "customerId")
WITHOUT_LIMITS: dict[str, Any] = {name: 0 for name in Settings.model_fields if name.startswith("rate_limit_")}
"""Each actor tries every route three times. A fast machine does that within the burst of a minute."""


@pytest.fixture
async def service(settings: Settings, issuer: Issuer) -> AsyncIterator[Service]:
    async with serving(but(settings, **issuer.settings, **WITHOUT_LIMITS)) as service:
        yield service


def test_every_route_is_guarded_and_has_a_rule(service: Service) -> None:
    routes = routes_of(service.app)
    authorized = [route for route in routes if isinstance(route, APIRoute) and type(route) is not APIRoute]
    others = {getattr(route, "path", "") for route in routes if route not in authorized}

    assert others == WITHOUT_GATE
    assert {f"{method} {route.path_format}" for route in authorized for method in route.methods or ()} == RULES.keys()
    assert RULES.keys() == MAY.keys() | OPEN
    assert issubclass(AuthorizedRoute, APIRoute)


def test_every_route_that_changes_something_says_what_the_audit_promises_of_it(service: Service) -> None:
    noted = {route: rule.noted if rule else None for route, rule in RULES.items()}
    changing = {route for route in noted if not route.startswith(("GET ", "HEAD "))} - READS_BY_POST

    assert {route for route in changing if noted[route] is Noted.BEST_EFFORT} == NOTED_AT_BEST_EFFORT
    assert {route for route in changing if noted[route] is Noted.ALWAYS} == changing - NOTED_AT_BEST_EFFORT
    assert {noted[route] for route in noted.keys() - changing} <= {Noted.REFUSALS, None}
    described = service.app.openapi()["paths"]
    for route in changing - NOTED_AT_BEST_EFFORT:
        method, _, path = route.partition(" ")
        answer = described[path][method.lower()]["responses"]["503"]
        assert "`no-answer-in-time`" in answer["description"]
        assert "Retry-After" in answer["headers"]


async def test_every_route_with_every_role(service: Service, issuer: Issuer) -> None:
    own, others = await know_both(service)
    things = {"own": own, "other's": others, "nobody's": others | dict.fromkeys(OWNED, "unknown")}
    wrong = []
    for route, may in MAY.items():
        method, _, path = route.partition(" ")
        for who, token in tokens_of(issuer).items():
            for whose, named in things.items() if "{" in path else (("own", own),):
                answer = await service.http.request(
                    method, path.format(**named) + BEFORE_THE_ROUTE, headers=bearer(token), json={}
                )
                expected = _expected(who, who in may.split() or may == ANY_TOKEN, whose, path)
                if answer.status_code not in expected:
                    wrong.append((route, who, whose, answer.status_code, expected))
    assert wrong == []
    for order_id in (own["orderId"], others["orderId"]):
        assert (await service.app.state.services.get(OrderStatusStore).get(order_id)).order.version == 1


def _expected(who: str, may: bool, whose: str, path: str) -> tuple[int, ...]:
    if who == "nobody":
        return (401,)
    if not may:
        return (403,)
    if "eventSubscriptionId" in path and (whose == "nobody's" or (who == "service" and whose != "own")):
        return (404,)
    if "{" not in path or who in SEE_ALL or any(name in path for name in FOR_THE_WHOLE_COUNTRY) or whose == "own":
        return (400,)
    return (404,)


async def test_nobody_learns_that_anothers_order_exists(service: Service, issuer: Issuer) -> None:
    await know_both(service)
    for who in ("customer", "engineer", "regional"):
        headers = bearer(tokens_of(issuer)[who])
        collection = "installations" if who == "engineer" else "orderStatuses"
        others = await service.http.get(f"/{collection}/others-order", headers=headers)
        unknown = await service.http.get(f"/{collection}/unknown", headers=headers)

        assert_problem(others, 404, "not-found")
        assert (others.content, others.headers) == (unknown.content, unknown.headers)


@pytest.mark.parametrize("who", ["customer", "regional"])
async def test_whose_an_order_is_and_how_it_stands_takes_one_look(
    service: Service, issuer: Issuer, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    await know_both(service)
    looks, get = [], OrderStatusStore.get

    async def counted(store: OrderStatusStore, order_id: str) -> OrderView:
        looks.append(order_id)
        return await get(store, order_id)

    monkeypatch.setattr(OrderStatusStore, "get", counted)

    answer = await service.http.get("/orderStatuses/own-order", headers=bearer(tokens_of(issuer)[who]))

    assert (answer.json()["orderId"], looks) == ("own-order", ["own-order"])


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ([], ""),
        ([("Authorization", "Basic a2ltOmtpbQ==")], "invalid_token"),
        ([("Authorization", "Bearer")], "invalid_token"),
        ([("Authorization", "Bearer x.y.z")], "invalid_token"),
        ([("Authorization", "Bearer {good}"), ("Authorization", "Bearer {good}")], "invalid_token"),
        ([("Authorization", "Bearer {good}, Bearer {good}")], "invalid_token"),
    ],
)
async def test_who_sends_no_good_token_is_told_how(
    service: Service, issuer: Issuer, headers: list[tuple[str, str]], error: str
) -> None:
    sent = [(name, value.replace("{good}", issuer.token("kim", "manager"))) for name, value in headers]

    answer = await service.http.get("/orderStatuses", headers=sent)

    assert_problem(answer, 401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="orders"')
    assert (f'error="{error}"' in answer.headers["WWW-Authenticate"]) == bool(error)


@pytest.mark.parametrize("route", [route for route, rule in RULES.items() if rule and rule.scope])
@pytest.mark.parametrize("role", Role)
def test_scopes_of_ours_bound_every_role(route: str, role: Role) -> None:
    rule = RULES[route]
    assert rule
    assert rule.scope

    def admitted(*scopes: str) -> bool:
        try:
            return rule.admit(Identity("kim", inf, frozenset({role}), frozenset(scopes), None)).role is role
        except Forbidden:
            return False

    may = role in rule.roles
    assert admitted("openid") == admitted() == may
    assert admitted("openid", rule.scope, "audit:read") == (may or role is Role.SERVICE)
    for other in SCOPES - {rule.scope}:
        assert not admitted("openid", other)


@pytest.mark.parametrize("roles", [frozenset(), *({role} for role in Role)])
@pytest.mark.parametrize("scopes", [(), ("openid",), sorted(SCOPES)])
@pytest.mark.parametrize("regions", [None, frozenset(), frozenset({"KR-11"})])
def test_who_one_is_may_be_asked_with_every_good_token_and_opens_nothing(
    roles: frozenset[Role], scopes: Sequence[str], regions: frozenset[str] | None
) -> None:
    rule = RULES["GET /whoami"]
    assert rule

    caller = rule.admit(Identity("kim", inf, frozenset(roles), frozenset(scopes), regions))

    assert caller.subject == "kim"
    assert not caller.reach.includes(Order("o1", "c1", engineer_id="e1", region="KR-11"))


async def test_who_has_too_few_scopes_is_told_which_one_is_missing(service: Service, issuer: Issuer) -> None:
    token = issuer.token("kim", "manager", scope="orders:read")

    assert (await service.http.get("/orderStatuses/summary", headers=bearer(issuer.token("kim", "manager")))).is_success
    answer = await service.http.get("/orderStatuses/summary", headers=bearer(token))

    assert_problem(answer, 403, "forbidden")
    assert 'scope="orderStatuses:read"' in answer.headers["WWW-Authenticate"]


async def test_a_service_is_told_which_scope_it_lacks(service: Service, issuer: Issuer) -> None:
    answer = await service.http.get("/orderStatuses", headers=bearer(issuer.token("shop", "service", scope="openid")))

    assert_problem(answer, 403, "forbidden")
    assert 'scope="orderStatuses:read"' in answer.headers["WWW-Authenticate"]


async def test_while_the_issuer_is_silent_a_token_of_an_unknown_key_is_for_later(
    service: Service, issuer: Issuer
) -> None:
    token = issuer.token("kim", "manager")
    issuer.file.unlink()

    assert_problem(await service.http.get("/orderStatuses", headers=bearer(token)), 503, "no-answer-in-time")


def test_the_description_says_how_to_show_who_one_is(service: Service, issuer: Issuer) -> None:
    document = service.app.openapi()

    assert document["components"]["securitySchemes"].keys() == {"bearer", "issuer"}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            is_open = f"{method.upper()} {path}" in OPEN
            assert ("security" in operation, "401" in operation["responses"]) == (not is_open, not is_open)
