"""What the service refuses, and why.

- `Refusal`: the answer is no; asking again will not help.
  - `NotFound`: there is no such thing.
  - `IllegalTransition`: the state does not allow it.
  - `OrderCancelRejected`: the installation is done or being completed, so the order cannot be canceled any more.
  - `NotAssigned`: an engineer acts on an installation that is not theirs.
  - `EngineerUnavailable`: the engineer that a manager named cannot take the order.
  - `VisitUnavailable`: the visit window that is wanted is not free.
  - `OrdersOpen`: a customer's data cannot be erased while an order of theirs is open.
  - `AlreadyExists`: what is to be made is there already.
  - `MalformedCursor`: a paging cursor that no answer of ours has given.
- `StoreUnavailable`: a context's database did not answer; asking again may help.
"""

from typing import ClassVar


class Refusal(Exception):
    """The request is refused for a reason of the business; its text says which."""

    code: ClassVar[str] = "Refusal"
    """Names the refusal on the wire from a workflow to the API. It never changes, whatever the class is called."""


class NotFound(Refusal):
    """There is no such thing."""

    code = "NotFound"


class IllegalTransition(Refusal):
    """The state does not allow it."""

    code = "IllegalTransition"


class OrderCancelRejected(Refusal):
    """A completion was taken first: the order cannot be canceled any more."""

    code = "OrderCancelRejected"


class NotAssigned(Refusal):
    """The engineer acts on an installation that is not theirs."""

    code = "NotAssigned"


class EngineerUnavailable(Refusal):
    """The engineer named by a manager does not exist, is inactive, or has no free window."""

    code = "EngineerUnavailable"


class VisitUnavailable(Refusal):
    """The visit window that is wanted is not free."""

    code = "VisitUnavailable"


class OrdersOpen(Refusal):
    """An order of the customer has not ended, and needs their data."""

    code = "OrdersOpen"


class AlreadyExists(Refusal):
    """What is to be made is there already."""

    code = "AlreadyExists"


class MalformedCursor(Refusal):
    """The paging cursor was not given by an earlier answer."""

    code = "MalformedCursor"


class StoreUnavailable(Exception):
    """A context's database did not answer in time, or refused."""
