"""/managementCenters: days off (휴무), extra shifts (추가 근무) and national holidays (공휴일)."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from api.dependencies import AppServices
from api.http import idempotency
from api.http.fields import Cursor, Id, Limit, Page, Region
from api.http.problems import ProblemType
from api.http.times import Day, of_query, span_between
from api.management_center.calendar_schemas import (
    DayOffRequest,
    DayOffResponse,
    ExtraShiftRequest,
    ExtraShiftResponse,
    HolidayResponse,
)
from api.management_center.dependencies import CenterStore, DayOffId, ExtraShiftId, NewId, created, trigger_dispatch
from api.security.authentication import CurrentCaller
from api.security.openapi import CREATED, problem_responses
from api.security.routing import JsonRoute
from domain.visits import VisitGrid
from runtime.holidays import NationalHolidays
from stores.management_center.calendar_entries import DAYS_OFF, EXTRA_SHIFTS

router = APIRouter(
    prefix="/managementCenters",
    tags=["managementCenters"],
    route_class=JsonRoute,
    dependencies=[Depends(trigger_dispatch)],
)

_FIRST_YEAR, _LAST_YEAR = 2000, 2100
_LISTING = problem_responses(ProblemType.MALFORMED_REQUEST, ProblemType.NO_ANSWER_IN_TIME)
_CREATING = CREATED | problem_responses(
    ProblemType.NOT_FOUND, ProblemType.IDEMPOTENCY_KEY_REUSED, ProblemType.NO_ANSWER_IN_TIME, body=True
)
_ONE = problem_responses(ProblemType.NOT_FOUND, ProblemType.NO_ANSWER_IN_TIME)

FirstDay = Annotated[Day | None, Query(alias="from", description="Only entries that have this day or a later one")]
LastDay = Annotated[Day | None, Query(alias="to", description="Only entries that have this day or an earlier one")]


@router.get("/daysOff", responses=_LISTING)
async def list_days_off(
    services: AppServices,
    store: CenterStore,
    caller: CurrentCaller,
    engineer_id: Annotated[Id | None, Query(alias="engineerId")] = None,
    region: Annotated[Region | None, Query()] = None,
    first: FirstDay = None,
    last: LastDay = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[DayOffResponse]:
    """List the days off of engineers, and of regions."""
    caller.within(filter(None, [region]))
    with of_query():
        span_between(first, last, services.get(VisitGrid))
    page = await store.entries(
        DAYS_OFF,
        engineer_id=engineer_id,
        region=region,
        within=caller.regions,
        first_day=first,
        last_day=last,
        limit=limit,
        cursor=cursor,
    )
    return Page[DayOffResponse].model_validate(page)


@router.post(
    "/daysOff",
    status_code=201,
    responses=idempotency.replays(DayOffResponse, "day off") | _CREATING,
    openapi_extra={"parameters": [idempotency.parameter("day off")]},
)
async def create_day_off(
    given: DayOffRequest, new_id: NewId, store: CenterStore, caller: CurrentCaller, response: Response
) -> DayOffResponse:
    """Add a day off of an engineer, or of a region. Visits booked then go to other engineers.

    With `hours`, it is a part of each day. It takes every window that it overlaps.
    """
    day_off, new = await created(given, DAYS_OFF, new_id, store, caller)
    idempotency.complete(response, f"{router.prefix}/daysOff/{day_off.day_off_id}", new=new)
    return DayOffResponse.model_validate(day_off)


@router.get("/daysOff/{dayOffId}", responses=_ONE)
async def get_day_off(day_off_id: DayOffId, store: CenterStore) -> DayOffResponse:
    """Return one day off."""
    return DayOffResponse.model_validate(await store.entry(DAYS_OFF, day_off_id))


@router.delete("/daysOff/{dayOffId}", status_code=204, responses=_ONE)
async def remove_day_off(day_off_id: DayOffId, store: CenterStore) -> None:
    """Remove a day off."""
    await store.remove_entry(DAYS_OFF, day_off_id)


@router.get("/extraShifts", responses=_LISTING)
async def list_extra_shifts(
    services: AppServices,
    store: CenterStore,
    caller: CurrentCaller,
    engineer_id: Annotated[Id | None, Query(alias="engineerId")] = None,
    region: Annotated[Region | None, Query()] = None,
    first: FirstDay = None,
    last: LastDay = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[ExtraShiftResponse]:
    """List the extra shifts of engineers, and of regions."""
    caller.within(filter(None, [region]))
    with of_query():
        span_between(first, last, services.get(VisitGrid))
    page = await store.entries(
        EXTRA_SHIFTS,
        engineer_id=engineer_id,
        region=region,
        within=caller.regions,
        first_day=first,
        last_day=last,
        limit=limit,
        cursor=cursor,
    )
    return Page[ExtraShiftResponse].model_validate(page)


@router.post(
    "/extraShifts",
    status_code=201,
    responses=idempotency.replays(ExtraShiftResponse, "extra shift") | _CREATING,
    openapi_extra={"parameters": [idempotency.parameter("extra shift")]},
)
async def create_extra_shift(
    given: ExtraShiftRequest, new_id: NewId, store: CenterStore, caller: CurrentCaller, response: Response
) -> ExtraShiftResponse:
    """Add work of an engineer, or of all engineers of a region, also on weekends and holidays.

    The hours of several shifts, and the usual ones of a working day, add up. A day off goes before a shift.
    """
    shift, new = await created(given, EXTRA_SHIFTS, new_id, store, caller)
    idempotency.complete(response, f"{router.prefix}/extraShifts/{shift.extra_shift_id}", new=new)
    return ExtraShiftResponse.model_validate(shift)


@router.get("/extraShifts/{extraShiftId}", responses=_ONE)
async def get_extra_shift(extra_shift_id: ExtraShiftId, store: CenterStore) -> ExtraShiftResponse:
    """Return one extra shift."""
    return ExtraShiftResponse.model_validate(await store.entry(EXTRA_SHIFTS, extra_shift_id))


@router.delete("/extraShifts/{extraShiftId}", status_code=204, responses=_ONE)
async def remove_extra_shift(extra_shift_id: ExtraShiftId, store: CenterStore) -> None:
    """Remove an extra shift. Visits that were booked by it go to other engineers."""
    await store.remove_entry(EXTRA_SHIFTS, extra_shift_id)


@router.get("/holidays", responses=problem_responses(ProblemType.MALFORMED_REQUEST))
async def list_holidays(
    services: AppServices,
    year: Annotated[int | None, Query(ge=_FIRST_YEAR, le=_LAST_YEAR, description="The default is this year")] = None,
) -> Page[HolidayResponse]:
    """List the national holidays of a year. Nobody works on them but in an extra shift."""
    this_year = services.get(VisitGrid).day_of(datetime.now(UTC)).year
    holidays = services.get(NationalHolidays).of(year or this_year)
    return Page[HolidayResponse].model_validate({"items": holidays, "nextCursor": None})
