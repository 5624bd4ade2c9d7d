"""Every page and act of the console, with every role and with none."""

from datetime import UTC
from typing import Any

import pytest

from console.page_request import menus
from console.roles import Role
from console.routing import EVERYBODY, Entry, Route, RouteTable
from console.texts import Texts
from tests.console.browser import CUSTOMER, ENGINEER, MANAGER, Browser, Pages, text_of

ALL = "customer engineer manager"
MAY = {
    "GET /": "nobody",
    "GET /login": "nobody",
    "POST /login": "nobody",
    "POST /logout": "nobody",
    "POST /preferences": "nobody",
    "GET /resume": ALL,
    "GET /orders": "customer",
    "POST /orders": "customer",
    "GET /orders/new": "customer",
    "POST /orders/new": "customer",
    "GET /orders/{orderId}": "customer manager tracker",
    "GET /orders/{orderId}/live": "customer",
    "GET /orders/{orderId}/reschedule": "customer manager tracker",
    "POST /orders/{orderId}/reschedule": "customer manager tracker",
    "GET /orders/{orderId}/cancel": "customer manager tracker",
    "POST /orders/{orderId}/cancel": "customer manager tracker",
    "GET /orders/{orderId}/visit.ics": "customer tracker",
    "GET /orders/{orderId}/link": "customer manager",
    "POST /orders/{orderId}/link": "customer manager",
    "GET /t": "nobody",
    "GET /t/{token}": "nobody",
    "POST /t/{token}": "nobody",
    "POST /t/close": "nobody",
    "GET /board": "manager",
    "GET /board/counts": "manager",
    "GET /board/live": "manager",
    "GET /attention": "manager",
    "GET /search": "manager",
    "POST /search": "manager",
    "GET /statistics": "manager",
    "GET /statistics.csv": "manager",
    "GET /audit": "manager",
    "GET /access-log": "manager",
    "GET /erasure": "manager",
    "GET /customers/{customerId:path}/erase": "manager",
    "POST /customers/{customerId:path}/erase": "manager",
    "POST /orders/{orderId}/acknowledge": "manager",
    "GET /orders/{orderId}/assign": "manager",
    "POST /orders/{orderId}/assign": "manager",
    "GET /day": "manager",
    "GET /week": "manager",
    "GET /engineers": "manager",
    "POST /engineers": "manager",
    "GET /engineers/new": "manager",
    "GET /engineers/{engineerId}": "manager",
    "GET /engineers/{engineerId}/change": "manager",
    "POST /engineers/{engineerId}/change": "manager",
    "GET /engineers/{engineerId}/retire": "manager",
    "POST /engineers/{engineerId}/retire": "manager",
    "GET /days-off": "manager",
    "GET /days-off/new": "manager",
    "POST /days-off/new": "manager",
    "GET /days-off/{dayOffId}/remove": "manager",
    "POST /days-off/{dayOffId}/remove": "manager",
    "GET /extra-shifts": "manager",
    "GET /extra-shifts/new": "manager",
    "POST /extra-shifts/new": "manager",
    "GET /extra-shifts/{extraShiftId}/remove": "manager",
    "POST /extra-shifts/{extraShiftId}/remove": "manager",
    "GET /holidays": "manager",
    "GET /products": "manager",
    "GET /products/new": "manager",
    "POST /products/new": "manager",
    "GET /products/{productId:path}/change": "manager",
    "POST /products/{productId:path}/change": "manager",
    "GET /products/{productId:path}/retire": "manager",
    "POST /products/{productId:path}/retire": "manager",
    "GET /service-areas": "manager",
    "GET /service-areas/new": "manager",
    "POST /service-areas/new": "manager",
    "GET /service-areas/{serviceAreaId}/change": "manager",
    "POST /service-areas/{serviceAreaId}/change": "manager",
    "GET /service-areas/{serviceAreaId}/retire": "manager",
    "POST /service-areas/{serviceAreaId}/retire": "manager",
    "GET /event-subscriptions": "manager",
    "GET /event-subscriptions/new": "manager",
    "POST /event-subscriptions/new": "manager",
    "GET /event-subscriptions/{eventSubscriptionId}": "manager",
    "GET /event-subscriptions/{eventSubscriptionId}/attempts": "manager",
    "GET /event-subscriptions/{eventSubscriptionId}/change": "manager",
    "POST /event-subscriptions/{eventSubscriptionId}/change": "manager",
    "POST /event-subscriptions/{eventSubscriptionId}/ping": "manager",
    "POST /event-subscriptions/{eventSubscriptionId}/pause": "manager",
    "GET /event-subscriptions/{eventSubscriptionId}/resume": "manager",
    "POST /event-subscriptions/{eventSubscriptionId}/resume": "manager",
    "GET /event-subscriptions/{eventSubscriptionId}/replay": "manager",
    "POST /event-subscriptions/{eventSubscriptionId}/replay": "manager",
    "GET /event-subscriptions/{eventSubscriptionId}/secret": "manager",
    "POST /event-subscriptions/{eventSubscriptionId}/secret": "manager",
    "GET /event-subscriptions/{eventSubscriptionId}/delete": "manager",
    "POST /event-subscriptions/{eventSubscriptionId}/delete": "manager",
    "POST /event-subscriptions/{eventSubscriptionId}/held/{heldOrderId}/retry": "manager",
    "GET /event-subscriptions/{eventSubscriptionId}/held/{heldOrderId}/skip": "manager",
    "POST /event-subscriptions/{eventSubscriptionId}/held/{heldOrderId}/skip": "manager",
    "GET /today": "engineer",
    "GET /today/live": "engineer",
    "GET /visits/{orderId}": "engineer",
    "GET /visits/{orderId}/accept": "engineer",
    "POST /visits/{orderId}/accept": "engineer",
    "GET /visits/{orderId}/decline": "engineer",
    "POST /visits/{orderId}/decline": "engineer",
    "GET /visits/{orderId}/start": "engineer",
    "POST /visits/{orderId}/start": "engineer",
    "GET /visits/{orderId}/complete": "engineer",
    "POST /visits/{orderId}/complete": "engineer",
    "GET /visits/{orderId}/incomplete": "engineer",
    "POST /visits/{orderId}/incomplete": "engineer",
}
"""The intended roles of each route, written independently of the code. `nobody`: everybody, without signing in, too."""
PEOPLE = {"customer": CUSTOMER, "engineer": ENGINEER, "manager": MANAGER}


def request_of(method: str, path: str) -> str:
    return f"{method} {path}"


async def send(browser: Browser, method: str, path: str) -> Any:
    """Send a request for something that does not exist: what matters is whether the role may ask."""
    path = path.replace("{", "no-such-").replace("}", "")
    return await (browser.get(path) if method == "GET" else browser.post(path))


async def test_every_route_is_in_this_table_with_its_roles(bare: Pages) -> None:
    roles = {
        request_of(*request): " ".join(sorted(role for route in routes for role in route.roles)) or "nobody"
        for request, routes in bare.console.table.by_request.items()
    }

    assert roles == MAY


async def test_nobody_gets_a_page_without_signing_in(bare: Pages) -> None:
    browser = bare.browser()
    for method, path in bare.console.table.by_request:
        answer = await send(browser, method, path)
        if MAY[request_of(method, path)] == "nobody":
            assert answer.status_code < 500
            continue
        assert answer.status_code == 303, path
        assert answer.headers["Location"].startswith("/login?next="), path


async def test_a_script_without_a_session_is_told_so_and_led_nowhere(bare: Pages) -> None:
    browser = bare.browser()
    browser.http.headers["Sec-Fetch-Mode"] = "cors"
    for method, path in bare.console.table.by_request:
        if MAY[request_of(method, path)] != "nobody":
            answer = await send(browser, method, path)
            assert answer.status_code == 401, path
            assert "Location" not in answer.headers, path
            assert "Set-Cookie" not in answer.headers, path


@pytest.mark.parametrize("role", PEOPLE)
async def test_a_role_gets_its_pages_and_no_other(bare: Pages, role: str) -> None:
    for (method, path), routes in bare.console.table.by_request.items():
        if not routes[0].roles:
            continue
        browser = await bare.person(PEOPLE[role])
        answer = await send(browser, method, path)
        allowed = role in MAY[request_of(method, path)].split()
        assert answer.status_code < 500 or answer.status_code == 503, path
        assert ("This page is for another role." in text_of(answer)) is not allowed, path


@pytest.mark.parametrize("role", PEOPLE)
async def test_a_menu_leads_to_pages_of_the_role_alone(bare: Pages, role: str) -> None:
    entries = bare.console.table.menu([Role(role)])

    assert all(role in MAY[f"GET {route.path}"].split() for routes in entries.values() for route in routes)
    assert len(entries) <= 6


async def test_a_section_has_one_entry_in_the_menu_and_names_its_pages() -> None:
    async def handler(_: Any) -> Any: ...

    staff, roles = Entry("Staff", "person"), frozenset({Role.MANAGER})
    routes = [
        Route("GET", "/board", roles, handler, Entry("Board", "board")),
        Route("GET", "/engineers", roles, handler, Entry("Engineers", within=staff)),
        Route("GET", "/days-off", roles, handler, Entry("Days off", within=staff)),
    ]
    menu = RouteTable(routes).menu(roles)
    texts = Texts("en", UTC)

    def shown(path: str) -> tuple[list[tuple[str, str, bool]], list[tuple[str, str, bool]]]:
        main, section = menus(menu, path, texts)
        return [(each.path, each.label, each.current) for each in main], [
            (each.path, each.label, each.current) for each in section
        ]

    assert shown("/board") == ([("/board", "Board", True), ("/engineers", "Staff", False)], [])
    assert shown("/days-off/new") == (
        [("/board", "Board", False), ("/engineers", "Staff", True)],
        [("/engineers", "Engineers", False), ("/days-off", "Days off", True)],
    )
    assert shown("/elsewhere")[1] == []


async def test_a_manager_of_a_region_is_not_led_to_what_is_about_the_whole_country(bare: Pages) -> None:
    of_all, of_one = await bare.person(MANAGER), await bare.person("manager:KR-11")
    for route in bare.console.table.routes:
        if route.entry and route.entry.nationwide:
            assert f'href="{route.path}"' in (await of_all.get("/statistics")).text
            assert f'href="{route.path}"' not in (await of_one.get("/statistics")).text
            assert (await of_one.get(route.path)).status_code == 403


def test_one_role_has_one_page_at_an_address() -> None:
    async def handler(_: Any) -> Any: ...

    with pytest.raises(ValueError, match="twice"):
        RouteTable([Route("GET", "/a", frozenset({Role.MANAGER}), handler) for _ in range(2)])
    with pytest.raises(ValueError, match="twice"):
        RouteTable([Route("GET", "/a", roles, handler) for roles in (frozenset({Role.MANAGER}), EVERYBODY)])
