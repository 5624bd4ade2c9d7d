"""The views by role: which members of an order and of an installation each role sees. No other module defines them.

Every answer that shows an order or an installation passes through `shown`, whatever the route. It also notes whose
personal data the answer shows, for the access log.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self, TypeVar

from fastapi import Request

from api.http.errors import Forbidden
from api.http.fields import ResponseBody
from api.security.disclosures import disclosures_of
from api.security.principals import Caller, Role
from domain.common.personal import personal_fields
from domain.installation import Installation
from domain.orders import AttentionReason, Event, Order


@dataclass(frozen=True)
class View:
    """What a role sees of an answer. All other members are null."""

    always: frozenset[str]
    """Members that the role always sees, by their Python names."""
    contact: frozenset[str] = frozenset()
    """Members that the role sees only as long as it needs them to reach the customer."""
    attention_reasons: frozenset[str] = frozenset()
    """The reasons for attention that the role sees, with the time alone."""
    times_before: frozenset[str] = frozenset()
    """The events of others whose detail the role sees if it is the time that a visit had before, and nothing else."""

    def members(self, *, contact: bool) -> frozenset[str]:
        """Return the members that the role sees, with or without those to reach the customer."""
        return self.always | self.contact if contact else self.always


Views = Mapping[Role | None, View | None]
"""The view of each role that may see a kind of answer. The role `None`: no token is required. The view `None`: all."""

_UNLIMITED: dict[Role | None, View | None] = {None: None, Role.MANAGER: None, Role.SERVICE: None}
_CONTACT = personal_fields(Order) - {"customer_id", "preferred_visit"}
"""What engineers need to reach the customer. A new personal member is among it, unless it is named here."""
_SUBSCRIPTION = frozenset(
    {"order_id", "product_id", "product_name", "status", "region", "engineer_id", "engineer_name", "visit"}
)
_ORDER = _SUBSCRIPTION | {"install_completed_at", "version", "stale", "updated_at", "history"}

_ORDER_OF_CUSTOMER = View(
    always=_ORDER | _CONTACT | {"customer_id", "order_date", "attention"},
    attention_reasons=frozenset(
        {
            AttentionReason.VISIT_LOST,
            AttentionReason.VISIT_FAILED,
            AttentionReason.NO_CAPACITY,
            AttentionReason.NO_SERVICE_AREA,
            AttentionReason.AMBIGUOUS_ADDRESS,
        }
    ),
    times_before=frozenset({Event.VISIT_RESCHEDULED}),
)

ORDER_VIEWS: Views = _UNLIMITED | {
    Role.CUSTOMER: _ORDER_OF_CUSTOMER,
    Role.TRACKER: _ORDER_OF_CUSTOMER,
    Role.ENGINEER: View(always=_ORDER, contact=_CONTACT),
}
INSTALLATION_VIEWS: Views = _UNLIMITED | {
    Role.ENGINEER: View(
        always=_SUBSCRIPTION | {"status_at", "completed_at", "serials"},
        contact=personal_fields(Installation) - {"customer_id"},
    ),
}
FAILED_VISIT_VIEWS: Views = _UNLIMITED | {
    Role.ENGINEER: View(always=frozenset({"order_id", "visit", "status_at"}), contact=frozenset({"reason", "note"})),
}
"""The engineer who comes next reads what to prepare for, and not who was there."""


@dataclass(frozen=True)
class Viewer:
    """A caller with a limited view."""

    caller: Caller
    view: View


class PartlySeen(ResponseBody, ABC):
    """The base of members of which a caller may see a part."""

    @abstractmethod
    def seen_by(self, viewer: Viewer) -> Self | None:
        """Return what a caller sees of it. `None`: nothing."""


class ViewedAnswer(ResponseBody):
    """The base of answers of which a role may see only a part. A member that it may not see is null."""

    views: ClassVar[Views]
    personal: ClassVar[frozenset[str]]
    """The members with personal data."""

    order_id: str

    @property
    def words_of_others(self) -> frozenset[str]:
        """Members with what other people have written. Only those with an unlimited view see them."""
        return frozenset()


Answer = TypeVar("Answer", bound=ViewedAnswer)


def shown(request: Request, answer: Answer, *, customer_id: str | None, contact: bool = False) -> Answer:
    """Return what the sender of a request sees of an order or an installation.

    Args:
        request: The request, with its caller.
        answer: All of the order or the installation.
        customer_id: The customer of the order, or None if it is not known.
        contact: Whether the caller needs the members to reach the customer.

    Raises:
        Forbidden: the caller's role has no view of such an answer.
    """
    caller: Caller = request.state.caller
    if caller.role not in answer.views:
        raise Forbidden("your role does not allow this")
    seen = answer
    if (view := answer.views[caller.role]) is not None:
        members, viewer = view.members(contact=contact) - answer.words_of_others, Viewer(caller, view)
        seen = answer.model_copy(
            update={name: _seen(value, viewer) if name in members else None for name, value in answer}
        )
    is_own = caller.role is Role.CUSTOMER and caller.subject == customer_id
    if not is_own and any(getattr(seen, name) for name in answer.personal):
        disclosures_of(request).show(customer_id, answer.order_id)
    return seen


def attention_seen(caller: Caller) -> frozenset[str] | None:
    """Return the reasons for attention that a caller sees at orders. `None`: all."""
    view = ORDER_VIEWS[caller.role]
    return None if view is None else view.attention_reasons


def _seen(value: Any, viewer: Viewer) -> Any:
    if isinstance(value, list):
        return [_seen(each, viewer) for each in value]
    return value.seen_by(viewer) if isinstance(value, PartlySeen) else value
