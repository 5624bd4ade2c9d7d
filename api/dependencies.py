"""What a route can ask for."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path, Request

from api.audit.trail import AuditTrail
from api.http.fields import ID, Text
from api.management_center.dispatch_trigger import Dispatching
from api.order_status.change_stream import Feed
from api.orders.client import Subscriptions
from api.orders.erasure import Erasures
from api.orders.initial_projection import FirstRows
from api.orders.open_orders import OpenOrders
from api.ownership import Ownership
from domain.order_policy import OrderPolicy
from domain.visits import VisitGrid
from runtime.payload_codec import Encryption
from stores.audit.trail import AuditStore
from stores.installation.installations import InstallationStore
from stores.management_center.assignments import ManagementCenterStore
from stores.order_status.view import OrderStatusStore

OrderId = Annotated[str, Path(alias="orderId", pattern=ID)]
EngineerId = Annotated[str, Path(alias="engineerId", pattern=ID)]
ServiceAreaId = Annotated[str, Path(alias="serviceAreaId", pattern=ID)]
DayOffId = Annotated[str, Path(alias="dayOffId", pattern=ID)]
ProductId = Annotated[Text, Path(alias="productId")]


@dataclass(frozen=True)
class Services:
    """What the app has opened, for as long as it runs."""

    subscriptions: Subscriptions
    first_rows: FirstRows
    open_orders: OpenOrders
    policy: OrderPolicy
    grid: VisitGrid
    centers: ManagementCenterStore
    installations: InstallationStore
    statuses: OrderStatusStore
    audit: AuditStore
    audit_trail: AuditTrail
    feed: Feed
    dispatching: Dispatching
    ownership: Ownership
    encryption: Encryption
    erasures: Erasures


async def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


async def _statuses(request: Request) -> OrderStatusStore:
    return (await _services(request)).statuses


async def _audit(request: Request) -> AuditStore:
    return (await _services(request)).audit


async def _centers(request: Request) -> ManagementCenterStore:
    return (await _services(request)).centers


async def _installations(request: Request) -> InstallationStore:
    return (await _services(request)).installations


async def _subscriptions(request: Request) -> Subscriptions:
    return (await _services(request)).subscriptions


async def _feed(request: Request) -> Feed:
    return (await _services(request)).feed


Everything = Annotated[Services, Depends(_services)]
Orders = Annotated[Subscriptions, Depends(_subscriptions)]
Statuses = Annotated[OrderStatusStore, Depends(_statuses)]
Audit = Annotated[AuditStore, Depends(_audit)]
Centers = Annotated[ManagementCenterStore, Depends(_centers)]
Installations = Annotated[InstallationStore, Depends(_installations)]
StatusFeed = Annotated[Feed, Depends(_feed)]
