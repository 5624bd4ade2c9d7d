"""Which orders a request selects, and in which order: by its query, or by its body."""

from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import Depends, Query
from pydantic import AfterValidator, BeforeValidator, FailFast, Field, WithJsonSchema

from api.http.errors import Forbidden
from api.http.fields import Id, Region, RequestBody, Text, known
from api.security.authentication import CurrentCaller
from api.security.disclosures import NO_FILTERS
from api.security.principals import Caller, Role
from api.security.views import attention_seen
from domain.common.texts import folded
from domain.order_status.view import OrderFilter, Sort
from domain.orders import AttentionReason, OrderStatus

KnownStatus = Annotated[OrderStatus, AfterValidator(known)]
KnownReason = Annotated[AttentionReason, AfterValidator(known)]
Sorting = Literal["orderDate", "-orderDate", "updatedAt", "-updatedAt", "attentionSince", "-attentionSince"]
"""`-` for descending."""
SORTING = (
    "The default with `attention` is `attentionSince`. A role that does not see every reason for attention can sort by "
    "`attentionSince` only with `attention=true` or a reason"
)
_MOST_STATUSES, _MOST_REGIONS, _LONGEST_CURSOR = 20, 50, 1000
_CURSOR = r"^[A-Za-z0-9_=-]*$"
_FEWEST_CHARACTERS = 2
_ANY_REASON = ("true", "false")


def _as_list(value: Any) -> Any:
    """Return a list of one or no value, too, as a query has it."""
    return [] if value is None else [value] if isinstance(value, str) else value


def _as_text(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


def _as_reason(text: str) -> str:
    return text if text in _ANY_REASON else known(AttentionReason(text))


def _long_enough(text: str) -> str:
    if len(folded(text)) < _FEWEST_CHARACTERS:
        raise ValueError(f"must have at least {_FEWEST_CHARACTERS} characters")
    return text


Reason = Annotated[
    str,
    AfterValidator(_as_reason),
    BeforeValidator(_as_text),
    WithJsonSchema({"anyOf": [{"type": "string", "enum": [*_ANY_REASON, *AttentionReason]}, {"type": "boolean"}]}),
]
"""Whether an order needs a person, or for which reason."""


class OrderSearch(RequestBody):
    """The parameters of the list as members of a body, because personal data does not belong in a URL."""

    status: Annotated[list[KnownStatus], FailFast(), BeforeValidator(_as_list)] = Field([], max_length=_MOST_STATUSES)
    region: Annotated[list[Region], FailFast(), BeforeValidator(_as_list)] = Field([], max_length=_MOST_REGIONS)
    engineer_id: Id | None = None
    customer_id: Text | None = None
    attention: Reason | None = None
    q: Annotated[Text, AfterValidator(_long_enough)] | None = Field(
        None,
        description="An order id, or part of an engineer's name, of an address or of a customer's name; or four or "
        "more digits of a telephone number. At least two characters",
    )
    sort: Sorting | None = Field(None, description=SORTING)
    limit: int = Field(50, ge=1, le=200, strict=True, description="The largest number of items")
    cursor: str | None = Field(
        None, max_length=_LONGEST_CURSOR, pattern=_CURSOR, description="`nextCursor` of the previous page"
    )

    def filter(self) -> OrderFilter:
        """Return the filter."""
        return OrderFilter(
            tuple(self.status),
            tuple(self.region),
            self.engineer_id,
            self.customer_id,
            self.attention,
            self.q,
            finds_customers=True,
        )

    def names(self) -> frozenset[str]:
        """Return the names of the filters, without their values."""
        return frozenset(self.model_dump(by_alias=True, exclude_defaults=True)) - NO_FILTERS


async def _of_query(
    caller: CurrentCaller,
    status: Annotated[tuple[KnownStatus, ...], FailFast(), Query(max_length=_MOST_STATUSES)] = (),
    region: Annotated[tuple[Region, ...], FailFast(), Query(max_length=_MOST_REGIONS)] = (),
    engineer_id: Annotated[Id | None, Query(alias="engineerId")] = None,
    customer_id: Annotated[Text | None, Query(alias="customerId")] = None,
    attention: Annotated[Literal["true", "false"] | KnownReason | None, Query()] = None,
    q: Annotated[Text | None, Query(description="An order id, an engineer's name, or part of an address")] = None,
) -> OrderFilter:
    return bounded(OrderFilter(status, region, engineer_id, customer_id, attention, q), caller)


Wanted = Annotated[OrderFilter, Depends(_of_query)]
"""The filter in the query, within the caller's reach."""


def bounded(wanted: OrderFilter, caller: Caller) -> OrderFilter:
    """Return a filter within the reach of a caller.

    Raises:
        Forbidden: it names another customer, engineer or region than the caller's, or what is hidden from the caller.
    """
    caller.resolve(Role.CUSTOMER, wanted.customer_id)
    caller.resolve(Role.ENGINEER, wanted.engineer_id)
    if caller.role is Role.ENGINEER and (wanted.customer_id, wanted.q) != (None, None):
        raise Forbidden("an engineer may not filter by `customerId` or `q`")
    caller.within(wanted.regions)
    return replace(wanted, reach=caller.reach, attention_seen=attention_seen(caller))


def sorting(sort: Sorting | None, wanted: OrderFilter) -> tuple[Sort, bool]:
    """Return the sort key, and whether it is descending.

    Raises:
        Forbidden: it would show reasons for attention that are hidden from the caller.
    """
    unsought = wanted.attention in (None, "false")
    sort = sort or ("-orderDate" if unsought else "attentionSince")
    if sort.endswith("attentionSince") and unsought and wanted.attention_seen is not None:
        raise Forbidden("your role may sort by attention only what it finds by attention")
    return Sort(sort.removeprefix("-")), sort.startswith("-")
