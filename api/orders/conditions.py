"""Changes of an order that are meant for one version of it: `If-Match` (RFC 9110, section 13.1.1)."""

import re
from typing import Annotated

from fastapi import Depends, Header, Request, Response
from starlette.exceptions import HTTPException

from api.http.errors import Unavailable
from api.http.problems import ProblemType, problem
from api.orders.client import OrderWorkflowClient
from api.orders.schemas import OrderResponse
from api.security.principals import Caller
from api.security.views import shown
from domain.common.errors import ChangedMeanwhile, NotFound, StoreUnavailable

_NAME = "If-Match"
_VERSION = re.compile(r'^"(0|[1-9][0-9]{0,17})"$')


async def _expected_version(
    request: Request,
    given: Annotated[
        str | None,
        Header(
            alias=_NAME,
            description="The `version` of the order on which the request is based, in quotes. At another one, nothing "
            "changes, and the answer is `409 changed-meanwhile`. What has been done already is `200` all the same",
            json_schema_extra={"pattern": _VERSION.pattern},
        ),
    ] = None,
) -> int | None:
    if given is None:
        return None
    found = _VERSION.match(given.strip())
    if found is None or len(request.headers.getlist(_NAME)) > 1:
        raise HTTPException(400, f'{_NAME} has to be one version of the order in quotes, as in {_NAME}: "4"')
    return int(found[1])


ExpectedVersion = Annotated[int | None, Depends(_expected_version)]
"""The version of the order on which the request is based. `None`: it is meant for any."""


async def changed_meanwhile(
    request: Request, orders: OrderWorkflowClient, order_id: str, refusal: ChangedMeanwhile
) -> Response:
    """Return the response for a change that was meant for another version, with the order as the sender sees it now."""
    caller: Caller = request.state.caller
    try:
        known = await orders.get(order_id)
        caller.require(known.order)
    except (NotFound, Unavailable, StoreUnavailable):
        return problem(ProblemType.CHANGED_MEANWHILE, str(refusal))
    order = shown(request, OrderResponse.of(known.order, stale=known.stale), customer_id=known.order.customer_id)
    return problem(ProblemType.CHANGED_MEANWHILE, str(refusal), order=order.model_dump(mode="json", by_alias=True))
