"""Dependencies of the routes of this collection."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Path, Request

from api.dependencies import AppServices, provided
from api.http.fields import ID, Text
from api.http.problems import invalid_member
from api.management_center.calendar_schemas import CalendarEntryRequest
from api.management_center.retirement import RetiredEngineers
from api.security.principals import Caller
from domain.common.errors import NotFound
from runtime.dispatch_watch import DispatchWatch
from stores.management_center.assignments import ManagementCenterStore
from stores.management_center.calendar_entries import Entry, EntryKind

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
        services.get(DispatchWatch).changed()


async def created(
    given: CalendarEntryRequest, kind: EntryKind[Entry], store: ManagementCenterStore, caller: Caller
) -> Entry:
    """Create an entry of a calendar, if the caller reaches its engineer or its region.

    Raises:
        Forbidden: it is of a region that is not the caller's.
        RequestValidationError: no engineer whom the caller reaches has this id.
    """
    caller.within(filter(None, [given.region]))
    try:
        if given.engineer_id and not caller.reaches({(await store.engineer(given.engineer_id)).region}):
            raise NotFound
        return await store.create_entry(kind, **dict(given))
    except NotFound:
        raise invalid_member("engineerId", "the engineer does not exist") from None
