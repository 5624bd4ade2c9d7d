"""Addresses of event subscriptions, in the console and in the API."""

from console.page_request import PageRequest
from console.paths import path_of

PATH = "/event-subscriptions"
OF_API = "/eventSubscriptions"
KEY = "eventSubscriptionId"
"""Part of a path, and member of the API, with the id."""
HELD = "heldOrderId"
"""Part of a path with the id of an order that is held."""


def page_of(visit: PageRequest, act: str = "") -> str:
    """Return the path of the page of the subscription that a request names, or of an act on it."""
    return path_of(PATH, visit.path_value(KEY), act)


def of_api(visit: PageRequest, act: str = "") -> str:
    """Return the same path of the API."""
    return path_of(OF_API, visit.path_value(KEY), act)


def held_act(visit: PageRequest, act: str) -> str:
    """Return the end of a path: an act on the held order that a request names."""
    return path_of("held", visit.path_value(HELD), act)
