"""The roles of people who use the console. Other roles of the API, such as programs, have no pages."""

from enum import StrEnum


class Role(StrEnum):
    """A role, the widest first."""

    MANAGER = "manager"
    ENGINEER = "engineer"
    CUSTOMER = "customer"
    TRACKER = "tracker"
    """Nobody who is signed in: whoever has opened the tracking link of an order."""
