"""Resources for the tests of permissions: two of each kind, one in Seoul and one in Busan."""

from datetime import UTC, datetime
from typing import Any

from starlette.routing import BaseRoute

from domain.common.times import UNSET
from domain.event_delivery.subscriptions import SubscriptionRequest
from domain.installation import RequestInstallation
from domain.orders import Order, OrderStatus
from runtime.secret_seal import new_secret
from stores.event_delivery.subscriptions import SubscriptionStore
from stores.installation.installations import InstallationStore
from stores.management_center.assignments import ManagementCenterStore
from stores.management_center.calendar_entries import DAYS_OFF, EXTRA_SHIFTS
from stores.order_status.view import OrderStatusStore
from tests.api.issuer import Issuer
from tests.api.service import Service
from tests.api.trackers import tracker_token

OWN: dict[str, str] = {
    "orderId": "own-order",
    "engineerId": "kr-11-1",
    "serviceAreaId": "kr-11",
    "productId": "p1",
    "namespace": "default",
    "customerId": "1",
}
"""The path parameters of customer 1's order in Seoul and its engineer. Calendar entries are created each time."""
OTHERS: dict[str, str] = {
    "orderId": "others-order",
    "engineerId": "kr-26-1",
    "serviceAreaId": "kr-26",
    "productId": "p2",
    "namespace": "default",
    "customerId": "1",
}
SHOP = {"KR-11": "service:shop", "KR-26": "service:other"}
"""By region: the service that subscribes to the events of its orders."""
EVERY_SCOPE = (
    " ".join(
        f"{what}:{how}"
        for what in ("orders", "installations", "orderStatuses", "managementCenters")
        for how in ("read", "write")
    )
    + " codec:decode codec:encode personalData:erase audit:read events:read events:subscribe"
)


async def know_both(service: Service) -> tuple[dict[str, str], dict[str, str]]:
    """Store the resources. Returns two sets of path parameters: those of customer 1, and those of others."""
    services = service.app.state.services
    found = []
    today = datetime.now(UTC).date()
    for customer_id, region, named in (("1", "KR-11", OWN), ("2", "KR-26", OTHERS)):
        more: dict[str, Any] = {"region": region, "engineer_id": named["engineerId"]}
        order = Order(named["orderId"], customer_id, status=OrderStatus.INSTALLATION_REQUESTED, version=1, **more)
        await services.get(OrderStatusStore).put([order])
        await services.get(InstallationStore).request(
            RequestInstallation(named["orderId"], 1, named["engineerId"], "a", "b", region=region), UNSET
        )
        center = services.get(ManagementCenterStore)
        await center.create_product(named["productId"], [])
        entry: dict[str, Any] = {"first_day": today, "last_day": today, "reason": None}
        day_off = await center.create_entry(DAYS_OFF, engineer_id=named["engineerId"], region=None, **entry)
        shift = await center.create_entry(EXTRA_SHIFTS, engineer_id=named["engineerId"], region=None, **entry)
        subscription = SubscriptionRequest("billing", "https://billing.example/", SHOP[region], regions=[region])
        await services.get(SubscriptionStore).create(f"of-{region}", subscription, new_secret())
        entries = {"dayOffId": day_off.day_off_id, "extraShiftId": shift.extra_shift_id}
        found.append(named | entries | {"eventSubscriptionId": f"of-{region}"})
    return found[0], found[1]


def tokens_of(issuer: Issuer) -> dict[str, str | None]:
    """Return a token of each actor."""
    return {
        "nobody": None,
        "no role": issuer.token("1"),
        "customer": issuer.token("1", "customer"),
        "engineer": issuer.token("kr-11-1", "engineer"),
        "manager": issuer.token("kim", "manager"),
        "regional": issuer.token("lee", "manager", regions=["KR-11"]),
        "of no region": issuer.token("moon", "manager", regions=[]),
        "of regions that are not said": issuer.token("moon", "manager", regions=None),
        "service": issuer.token("shop", "service", scope=f"{EVERY_SCOPE} metrics:read"),
        "unscoped": issuer.token("shop", "service", scope="openid"),
        "tracker": tracker_token(OWN["orderId"]),
        "operator": issuer.token("ops", "operator", scope="openid"),
        "operator of other scopes": issuer.token("ops", "operator", scope=EVERY_SCOPE),
    }


def bearer(token: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


def routes_of(router: object) -> list[BaseRoute]:
    """Return the routes of an app, including those of its routers."""
    found: list[BaseRoute] = []
    for route in getattr(router, "routes", []):
        included = getattr(route, "original_router", None)
        found += routes_of(included) if included else [route]
    return found
