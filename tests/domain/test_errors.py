"""The codes of refusals on the wire, which processes of other releases read."""

from domain.common import errors
from domain.common.errors import Refusal

CODES = {
    errors.NotFound: "NotFound",
    errors.IllegalTransition: "IllegalTransition",
    errors.OrderCancelRejected: "OrderCancelRejected",
    errors.NotAssigned: "NotAssigned",
    errors.EngineerUnavailable: "EngineerUnavailable",
    errors.VisitUnavailable: "VisitUnavailable",
    errors.ChangedMeanwhile: "ChangedMeanwhile",
    errors.Expired: "Expired",
    errors.OrdersOpen: "OrdersOpen",
    errors.AlreadyExists: "AlreadyExists",
    errors.MalformedCursor: "MalformedCursor",
}
"""Literal codes, which never change. Renaming a class changes only the left side."""


def test_each_refusal_keeps_its_code() -> None:
    assert {refusal: refusal.code for refusal in Refusal.__subclasses__()} == CODES
