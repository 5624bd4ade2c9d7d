"""Whose things are: what a path names that is not within the caller's reach is not seen."""

import re
from collections.abc import Mapping

from api.http.fields import ID
from api.orders.client import OrderWorkflowClient
from api.security.principals import Caller, Role
from domain.common.errors import NotFound
from domain.order_status.view import OrderView
from stores.installation.installations import InstallationStore
from stores.management_center.assignments import ManagementCenterStore

OWNED = frozenset({"orderId", "engineerId", "dayOffId"})
"""The parameters of paths that name what is not everybody's who may use the route."""
_an_id = re.compile(ID)
_INSTALLATIONS = "installations"


class Ownership:
    """What the contexts know of it."""

    def __init__(
        self, subscriptions: OrderWorkflowClient, installations: InstallationStore, centers: ManagementCenterStore
    ) -> None:
        self._subscriptions = subscriptions
        self._installations = installations
        self._centers = centers

    async def check(self, caller: Caller, named: Mapping[str, str], collection: str) -> OrderView | None:
        """
        Args:
            caller: Who asks.
            named: The parameters of the path, by name.
            collection: The first part of the path. The context behind it answers for its own part of an order.

        Returns:
            The order as the read model has it, where that has told whose it is.

        Raises:
            NotFound: it is not theirs, or there is no such thing: nobody learns which.
            Unavailable, StoreUnavailable: who might know does not answer.
        """
        try:
            seen, view = await self._sees(caller, named, collection)
        except NotFound:
            seen = False
        if not seen:
            raise NotFound("there is nothing with such an id")
        return view

    async def _sees(self, caller: Caller, named: Mapping[str, str], collection: str) -> tuple[bool, OrderView | None]:
        if not all(_an_id.fullmatch(named[name]) for name in OWNED.intersection(named)):
            return False, None
        if order_id := named.get("orderId"):
            return await self._sees_order(caller, order_id, collection)
        return caller.regions is None or await self._sees_staff(caller, named), None

    async def _sees_order(self, caller: Caller, order_id: str, collection: str) -> tuple[bool, OrderView | None]:
        if caller.role is Role.ENGINEER:
            return await self._installations.of_engineer(order_id, caller.subject) is not None, None
        if caller.role is not Role.CUSTOMER and caller.regions is None:
            return True, None
        if collection == _INSTALLATIONS and caller.regions is not None:
            return await self._installations.reaches(order_id, caller.regions), None
        known = await self._subscriptions.belonging(order_id)
        if caller.role is Role.CUSTOMER:
            return known.order.customer_id == caller.subject, known.view
        return caller.reaches({known.order.region}), known.view

    async def _sees_staff(self, caller: Caller, named: Mapping[str, str]) -> bool:
        region, engineer_id = None, named.get("engineerId")
        if day_off_id := named.get("dayOffId"):
            day_off = await self._centers.day_off(day_off_id)
            region, engineer_id = day_off.region, day_off.engineer_id
        if engineer_id is not None:
            region = (await self._centers.engineer(engineer_id)).region
        # Service areas and products are for everybody to look at who may look at staff.
        return region is None or caller.reaches({region})
