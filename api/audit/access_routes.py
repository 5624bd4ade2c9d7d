"""/accessLog: who has looked at personal data (개인정보 접속기록), for managers."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from api.audit.schemas import AccessEntryResponse
from api.dependencies import AppServices
from api.http.fields import Cursor, Limit, Page, Text
from api.http.problems import ProblemType
from api.http.times import Moment, of_query, span_between
from api.security.disclosures import disclosures_of
from api.security.openapi import problem_responses
from api.security.routing import JsonRoute
from domain.audit import AccessFilter
from domain.visits import VisitGrid
from runtime.access_log_key import AccessLogKey
from stores.audit.access_log import AccessLogStore

router = APIRouter(prefix="/accessLog", tags=["audit"], route_class=JsonRoute)


@router.get("", responses=problem_responses(ProblemType.MALFORMED_REQUEST, ProblemType.NO_ANSWER_IN_TIME))
async def list_accesses(
    request: Request,
    services: AppServices,
    customer_id: Annotated[Text | None, Query(alias="customerId", description="Whose data was shown")] = None,
    actor: Annotated[Text | None, Query(description="Role and subject, for example `manager:kim`")] = None,
    start: Annotated[Moment | None, Query(alias="from")] = None,
    end: Annotated[Moment | None, Query(alias="to", description="A day is included, a time is not")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[AccessEntryResponse]:
    """List the answers that have shown personal data to somebody else than the customer, the newest first.

    This request gets an entry as well. The log names people only by a keyed hash, so it can be searched for a customer,
    but tells nobody's id.
    """
    with of_query():
        span = span_between(start, end, services.get(VisitGrid))
    person = None if customer_id is None else services.get(AccessLogKey).person(customer_id)
    wanted = AccessFilter(person, actor, *span)
    page = await services.get(AccessLogStore).list(wanted, limit, cursor)
    disclosures_of(request).consult()
    return Page(items=[AccessEntryResponse.of(entry) for entry in page.items], next_cursor=page.next_cursor)
