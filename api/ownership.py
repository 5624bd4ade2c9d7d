"""Ownership: hides resources from callers who may not see them."""

import re
from collections.abc import Mapping

from api.http.errors import Forbidden
from api.http.fields import ID
from api.management_center.retirement import RetiredEngineers
from api.orders.client import OrderWorkflowClient
from api.security.principals import UNKNOWN, Caller, Role
from domain.common.errors import NotFound
from domain.event_delivery.subscriptions import is_within
from domain.management_center.staff import DayOff, ExtraShift
from domain.order_status.view import OrderView
from stores.event_delivery.subscriptions import SubscriptionStore
from stores.installation.installations import InstallationStore
from stores.management_center.assignments import ManagementCenterStore
from stores.management_center.calendar_entries import DAYS_OFF, EXTRA_SHIFTS

OWNED = frozenset({"orderId", "engineerId", "dayOffId", "extraShiftId", "eventSubscriptionId"})
"""The path parameters that name a resource which not every caller of the route may see."""
_an_id = re.compile(ID)
_INSTALLATIONS = "installations"


class Ownership:
    """Decides from the stores of the contexts what a caller may see."""

    def __init__(
        self,
        workflows: OrderWorkflowClient,
        installations: InstallationStore,
        management_center: ManagementCenterStore,
        retired: RetiredEngineers,
        subscriptions: SubscriptionStore,
    ) -> None:
        self._workflows = workflows
        self._installations = installations
        self._management_center = management_center
        self._retired = retired
        self._subscriptions = subscriptions

    async def check(self, caller: Caller, named: Mapping[str, str], collection: str) -> OrderView | None:
        """Check that the caller may see what a path names.

        Args:
            caller: The sender of the request.
            named: The parameters of the path, by name.
            collection: The first part of the path. Its context decides about its own part of an order.

        Returns:
            The order in the read model, if that was read for the check.

        Raises:
            Forbidden: the caller is an engineer who has retired.
            NotFound: the caller may not see the resource, or it does not exist. The answer does not tell which.
            Unavailable, StoreUnavailable: a source that may know does not answer.
        """
        if caller.role is Role.ENGINEER and await self._retired.include(caller.subject):
            raise Forbidden("you are not an engineer any more")
        try:
            seen, view = await self._sees(caller, named, collection)
        except NotFound:
            seen = False
        if not seen:
            raise NotFound(UNKNOWN)
        return view

    async def _sees(self, caller: Caller, named: Mapping[str, str], collection: str) -> tuple[bool, OrderView | None]:
        if not all(_an_id.fullmatch(named[name]) for name in OWNED.intersection(named)):
            return False, None
        if subscription_id := named.get("eventSubscriptionId"):
            return await self._sees_subscription(caller, subscription_id), None
        if order_id := named.get("orderId"):
            return await self._sees_order(caller, order_id, collection)
        return caller.regions is None or await self._sees_staff(caller, named), None

    async def _sees_order(self, caller: Caller, order_id: str, collection: str) -> tuple[bool, OrderView | None]:
        reach = caller.reach
        if not reach.limited:
            return True, None
        if reach.order_id is not None:
            return reach.order_id == order_id, None
        if collection == _INSTALLATIONS and reach.customer_id is None:
            await self._installations.newest(order_id, engineer_id=reach.engineer_id, regions=reach.regions)
            return True, None
        known = await self._workflows.for_ownership(order_id)
        caller.require(known.order)
        return True, known.view

    async def _sees_subscription(self, caller: Caller, subscription_id: str) -> bool:
        subscription = (await self._subscriptions.get(subscription_id)).subscription
        if caller.role is Role.SERVICE:
            return subscription.owner == caller.actor
        return caller.regions is None or is_within(subscription, caller.regions)

    async def _sees_staff(self, caller: Caller, named: Mapping[str, str]) -> bool:
        region, engineer_id = None, named.get("engineerId")
        entry: DayOff | ExtraShift | None = None
        if day_off_id := named.get("dayOffId"):
            entry = await self._management_center.entry(DAYS_OFF, day_off_id)
        elif extra_shift_id := named.get("extraShiftId"):
            entry = await self._management_center.entry(EXTRA_SHIFTS, extra_shift_id)
        if entry is not None:
            region, engineer_id = entry.region, entry.engineer_id
        if engineer_id is not None:
            region = (await self._management_center.engineer(engineer_id)).region
        # Everybody who may see staff may see service areas and products.
        return region is None or caller.reaches({region})
