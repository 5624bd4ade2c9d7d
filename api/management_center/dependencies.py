"""Dependencies of the routes of this collection."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Path, Request

from api.dependencies import AppServices, provided
from api.http.fields import ID, Text
from api.management_center.dispatch_trigger import DispatchTrigger
from api.management_center.retirement import RetiredEngineers
from stores.management_center.assignments import ManagementCenterStore

EngineerId = Annotated[str, Path(alias="engineerId", pattern=ID)]
ServiceAreaId = Annotated[str, Path(alias="serviceAreaId", pattern=ID)]
DayOffId = Annotated[str, Path(alias="dayOffId", pattern=ID)]
ExtraShiftId = Annotated[str, Path(alias="extraShiftId", pattern=ID)]
ProductId = Annotated[Text, Path(alias="productId")]

CenterStore = Annotated[ManagementCenterStore, provided(ManagementCenterStore)]
Retired = Annotated[RetiredEngineers, provided(RetiredEngineers)]


async def trigger_dispatch(request: Request, services: AppServices) -> AsyncIterator[None]:
    """Trigger the dispatcher after a change, which may free capacity, or leave a visit without its engineer."""
    yield
    if request.method != "GET":
        services.get(DispatchTrigger).staff_changed()
