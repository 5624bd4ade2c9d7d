"""Who has done something, as histories and the audit name them: a role, a colon, an id."""

SYSTEM = "system"
"""The actor of what the service does by itself.

People are `customer:…`, `engineer:…` and `manager:…`, other programs `service:…`.
"""
MANAGER = "manager:anonymous"
"""The actor of what a manager does who has not said who they are."""


def without_customer(actor: str) -> str:
    """Who did it, but not which customer."""
    return "customer" if actor.startswith("customer:") else actor
