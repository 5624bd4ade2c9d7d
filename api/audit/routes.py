"""/audit: the audit trail (감사 기록), for managers."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.audit.schemas import AuditEntryResponse
from api.dependencies import provided
from api.http.fields import Cursor, Id, Limit, Page, Text
from api.http.problems import ProblemType
from api.http.times import GivenTime
from api.security.openapi import problem_responses
from api.security.routing import JsonRoute
from domain.audit import AuditFilter, target_of
from stores.audit.trail import AuditStore

Audit = Annotated[AuditStore, provided(AuditStore)]

router = APIRouter(prefix="/audit", tags=["audit"], route_class=JsonRoute)


@router.get("", responses=problem_responses(ProblemType.MALFORMED_REQUEST, ProblemType.NO_ANSWER_IN_TIME))
async def list_entries(
    store: Audit,
    actor: Annotated[Text | None, Query(description="Role and subject, for example `manager:kim`")] = None,
    order_id: Annotated[Id | None, Query(alias="orderId")] = None,
    target: Annotated[Text | None, Query(description="Any id, not escaped, for example a customer's")] = None,
    outcome: Annotated[int | None, Query(ge=100, le=599, description="The HTTP status of the response")] = None,
    since: Annotated[GivenTime | None, Query(alias="from")] = None,
    before: Annotated[GivenTime | None, Query(alias="to", description="Exclusive")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[AuditEntryResponse]:
    """List requests that changed something or were refused because of their sender, the newest first.

    `target` is an id as it stands in the path of a URL. `orderId` is the same condition as the parameter `target`.
    """
    named = target if target is not None else order_id
    wanted = AuditFilter(actor, None if named is None else target_of(named), outcome, since, before)
    page = await store.list(wanted, limit, cursor)
    return Page(items=[AuditEntryResponse.of(entry) for entry in page.items], next_cursor=page.next_cursor)
