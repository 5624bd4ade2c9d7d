"""Actors: who did something, as histories and the audit name them (`role:id`)."""

SYSTEM = "system"
"""Actor of everything that the service does by itself.

Other actors are `customer:…`, `engineer:…` and `manager:…` for people, `service:…` for programs, and `tracker:ORDERID`
for whoever has a tracking token of an order.
"""
MANAGER = "manager:anonymous"
"""Actor of a manager whose identity is not known."""


def customer_of(actor: str) -> str | None:
    """Return the id of the customer who is the actor, or None."""
    role, _, customer_id = actor.partition(":")
    return customer_id if role == "customer" and customer_id else None


def without_customer(actor: str) -> str:
    """Return the actor without the id if it is a customer; otherwise unchanged."""
    return "customer" if actor.startswith("customer:") else actor
