"""Errors of the domain: refusals, and outages of a store.

- `Refusal`: the request is refused; repeating it will not help.
    - `NotFound`: the object does not exist.
  - `IllegalTransition`: the state does not allow it.
    - `OrderCancelRejected`: the installation is completed or being completed, so the order can no longer be canceled.
    - `NotAssigned`: an engineer acts on an installation of another engineer.
  - `EngineerUnavailable`: the engineer that a manager named cannot take the order.
    - `VisitUnavailable`: the requested visit window is not free.
    - `ChangedMeanwhile`: the order is not at the version on which the request is based.
    - `Expired`: nobody took the request in time, and its sender knows that.
    - `OrdersOpen`: a customer's data cannot be erased while one of their orders is open.
    - `AlreadyExists`: the object to be created already exists.
    - `MalformedCursor`: the paging cursor does not come from this service.
  - `StoreUnavailable`: a context's database did not answer; repeating the request may help.
"""

from typing import ClassVar


class Refusal(Exception):
    """The request is refused for a business reason. The text of the exception says which."""

    code: ClassVar[str] = "Refusal"
    """Identifies the refusal between a workflow and the API. It never changes, even if the class is renamed."""


class NotFound(Refusal):
    """The object does not exist."""

    code = "NotFound"


class IllegalTransition(Refusal):
    """The state does not allow the request."""

    code = "IllegalTransition"


class OrderCancelRejected(Refusal):
    """A completion was accepted first, so the order can no longer be canceled."""

    code = "OrderCancelRejected"


class NotAssigned(Refusal):
    """The installation is assigned to another engineer."""

    code = "NotAssigned"


class EngineerUnavailable(Refusal):
    """The engineer that a manager named does not exist, is inactive, or has no free window."""

    code = "EngineerUnavailable"


class VisitUnavailable(Refusal):
    """The requested visit window is not free."""

    code = "VisitUnavailable"


class ChangedMeanwhile(Refusal):
    """The order has another version than the one on which the request is based."""

    code = "ChangedMeanwhile"


class Expired(Refusal):
    """The request reached the order after its sender was told that nobody took it."""

    code = "Expired"


class OrdersOpen(Refusal):
    """The customer has an open order, which needs their data."""

    code = "OrdersOpen"


class AlreadyExists(Refusal):
    """The object to be created already exists."""

    code = "AlreadyExists"


class MalformedCursor(Refusal):
    """The paging cursor does not come from an earlier response."""

    code = "MalformedCursor"


class StoreUnavailable(Exception):
    """A context's database did not answer in time, or refused the request."""
