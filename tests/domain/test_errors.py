"""The codes by which refusals cross the wire: processes of other releases read them."""

from domain.common import errors
from domain.common.errors import Refusal

CODES = {
    errors.NotFound: "NotFound",
    errors.IllegalTransition: "IllegalTransition",
    errors.OrderCancelRejected: "OrderCancelRejected",
    errors.NotAssigned: "NotAssigned",
    errors.EngineerUnavailable: "EngineerUnavailable",
    errors.VisitUnavailable: "VisitUnavailable",
    errors.OrdersOpen: "OrdersOpen",
    errors.AlreadyExists: "AlreadyExists",
    errors.MalformedCursor: "MalformedCursor",
}
"""Literally, for a code never changes: a new name of a class changes the left side alone."""


def test_each_refusal_keeps_its_code() -> None:
    assert {refusal: refusal.code for refusal in Refusal.__subclasses__()} == CODES
