"""Dependencies of the routes of this collection."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Path, Request

from api.dependencies import AppServices, provided
from api.http import idempotency
from api.http.errors import IdempotencyKeyReused
from api.http.fields import ID, Text
from api.http.problems import invalid_member
from api.management_center.calendar_schemas import CalendarEntryRequest
from api.management_center.retirement import RetiredEngineers
from api.security.authentication import CurrentCaller
from api.security.principals import ANONYMOUS, Caller
from domain.common.errors import AlreadyExists, NotFound
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


async def _new_id(request: Request, caller: CurrentCaller) -> str:
    """Return the id of what a request creates, which is that of a repeated request with a key."""
    return idempotency.id_of(idempotency.key_of(request), caller.actor or ANONYMOUS)


NewId = Annotated[str, Depends(_new_id)]


async def created(
    given: CalendarEntryRequest, kind: EntryKind[Entry], entry_id: str, store: ManagementCenterStore, caller: Caller
) -> tuple[Entry, bool]:
    """Create an entry of a calendar, if the caller reaches its engineer or its region.

    Returns:
        The entry, and whether it is new: an earlier request with the same key may have created it.

    Raises:
        Forbidden: it is of a region that is not the caller's.
        RequestValidationError: no engineer whom the caller reaches has this id.
        IdempotencyKeyReused: an earlier request with the same key has created another entry.
        NotFound: the entry of an earlier request has just been removed.
    """
    caller.within(filter(None, [given.region]))
    try:
        if given.engineer_id and not caller.reaches({(await store.engineer(given.engineer_id)).region}):
            raise NotFound
        return await store.create_entry(kind, **dict(given), entry_id=entry_id), True
    except NotFound:
        raise invalid_member("engineerId", "the engineer does not exist") from None
    except AlreadyExists:
        entry = await store.entry(kind, entry_id)  # Entries do not change, so it tells how it was asked for.
        if any(getattr(entry, member) != value for member, value in given):
            raise IdempotencyKeyReused("the key was used with another body") from None
        return entry, False
