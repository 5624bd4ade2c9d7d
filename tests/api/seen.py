"""The intended views of customers and engineers, written independently of the code."""

import re
from typing import Any

YES, CONTACT, PART, NO = "yes", "while they need it to reach the customer", "in part", "no"
ORDER = {
    "orderId": (YES, YES),
    "customerId": (YES, NO),
    "customerName": (YES, CONTACT),
    "contactPhone": (YES, CONTACT),
    "note": (YES, CONTACT),
    "productId": (YES, YES),
    "productName": (YES, YES),
    "installationAddress": (YES, CONTACT),
    "orderDate": (YES, NO),
    "status": (YES, YES),
    "region": (YES, YES),
    "engineerId": (YES, YES),
    "engineerName": (YES, YES),
    "visit": (YES, YES),
    "installCompletedAt": (YES, YES),
    "attention": (PART, NO),
    "version": (YES, YES),
    "stale": (YES, YES),
    "updatedAt": (YES, YES),
    "history": (PART, PART),
}
"""What customers and engineers see of an order."""
INSTALLATION = {
    "orderId": YES,
    "engineerId": YES,
    "engineerName": YES,
    "installationAddress": CONTACT,
    "customerName": CONTACT,
    "contactPhone": CONTACT,
    "productName": YES,
    "visit": YES,
    "status": YES,
    "statusAt": YES,
    "completedAt": YES,
    "reason": CONTACT,
    "note": CONTACT,
    "serials": YES,
    "customerNote": CONTACT,
    "region": YES,
    "productId": YES,
}
"""What engineers see of an installation. Other limited roles see none."""
CUSTOMERS_REASONS = {"VISIT_LOST", "VISIT_FAILED", "NO_CAPACITY", "NO_SERVICE_AREA", "AMBIGUOUS_ADDRESS"}

TIME_BEFORE = re.compile(r"instead of \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC")
"""All that a customer reads of why another person, or the system, has moved a visit."""


def of_customer(everything: dict[str, Any], customer_id: str) -> dict[str, Any]:
    """Return what the customer sees of an answer that shows an order."""
    found = {member: value if ORDER[member][0] in (YES, PART) else None for member, value in everything.items()}
    if attention := everything["attention"]:
        part = {"reason": attention["reason"], "since": attention["since"]}
        rest = {"detail": None, "acknowledgedBy": None, "acknowledgedAt": None}
        found["attention"] = part | rest if attention["reason"] in CUSTOMERS_REASONS else None
    if "history" in found:
        found["history"] = [_entry_of_customer(entry, f"customer:{customer_id}") for entry in everything["history"]]
    return found


def of_engineer(everything: dict[str, Any], *, contact: bool) -> dict[str, Any]:
    """Return what the engineer sees of an answer that shows an installation."""
    hidden = {member for member, how in INSTALLATION.items() if how == CONTACT and not contact}
    hidden |= {"reason"} if everything["status"] == "CANCELED" else set()
    return {member: None if member in hidden else value for member, value in everything.items()}


def _entry_of_customer(entry: dict[str, Any], actor: str) -> dict[str, Any]:
    if entry["by"] == actor:
        return entry
    is_time = entry["event"] == "VisitRescheduled" and TIME_BEFORE.fullmatch(entry["detail"] or "")
    detail = entry["detail"] if is_time else None
    return entry | {"by": entry["by"].split(":")[0], "detail": detail}
