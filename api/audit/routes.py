"""/audit: the audit trail (감사 기록), for managers."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from api.audit.schemas import AuditEntryResponse
from api.dependencies import AppServices
from api.http.fields import Cursor, Id, Limit, Page, Text
from api.http.problems import ProblemType
from api.http.times import Moment, of_query, span_between
from api.security.disclosures import disclosures_of
from api.security.openapi import problem_responses
from api.security.routing import JsonRoute
from domain.audit import AuditFilter, target_of
from domain.visits import VisitGrid
from stores.audit.trail import AuditStore

router = APIRouter(prefix="/audit", tags=["audit"], route_class=JsonRoute)


@router.get("", responses=problem_responses(ProblemType.MALFORMED_REQUEST, ProblemType.NO_ANSWER_IN_TIME))
async def list_entries(
    request: Request,
    services: AppServices,
    actor: Annotated[Text | None, Query(description="Role and subject, for example `manager:kim`")] = None,
    order_id: Annotated[Id | None, Query(alias="orderId")] = None,
    target: Annotated[Text | None, Query(description="Any id, not escaped, for example a customer's")] = None,
    outcome: Annotated[int | None, Query(ge=100, le=599, description="The HTTP status of the response")] = None,
    start: Annotated[Moment | None, Query(alias="from")] = None,
    end: Annotated[Moment | None, Query(alias="to", description="A day is included, a time is not")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[AuditEntryResponse]:
    """List requests that changed something or were refused because of their sender, the newest first.

    `target` is an id as it stands in the path of a URL. `orderId` is the same condition as the parameter `target`.
    """
    named = target if target is not None else order_id
    with of_query():
        span = span_between(start, end, services.get(VisitGrid))
    wanted = AuditFilter(actor, None if named is None else target_of(named), outcome, *span)
    page = await services.get(AuditStore).list(wanted, limit, cursor)
    disclosures_of(request).consult()
    return Page(items=[AuditEntryResponse.of(entry) for entry in page.items], next_cursor=page.next_cursor)
