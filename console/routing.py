"""The table of the console's pages. Every route says for which roles it is; nothing else is served.

Each subject has its own table, `ROUTES`. `console/app.py` puts them together. Menus are derived from it, and so are the
tests of access, accessibility and appearance.

One thing has one address for all roles: a path may be there several times, if no role is. The widest role of the person
decides which of them serves.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from starlette.responses import Response

from console.roles import Role

Handler = Callable[[Any], Awaitable[Response]]
"""Answers a `PageRequest`. That knows the table, so the table does not import it."""

EVERYBODY: frozenset[Role] = frozenset()
"""No role: a page for everybody, also for those who are not signed in."""
CUSTOMER, MANAGER, ENGINEER, TRACKER = (
    frozenset({role}) for role in (Role.CUSTOMER, Role.MANAGER, Role.ENGINEER, Role.TRACKER)
)
SIGNED_IN = frozenset(Role) - TRACKER


@dataclass(frozen=True)
class Entry:
    """An entry of the menu."""

    label: str
    """Text, marked for translation."""
    icon: str = ""
    """Id of a symbol in `console/icons.svg`. An entry within another one has none."""
    start: bool = False
    """Whether the role begins here."""
    within: "Entry | None" = None
    """The entry of the menu that leads to several pages, of which this is one. The first of them is shown first."""
    nationwide: bool = False
    """Whether managers who are limited to regions do not have it, because it is about the whole country."""


@dataclass(frozen=True)
class Route:
    """One page or one act."""

    method: Literal["GET", "POST"]
    path: str
    roles: frozenset[Role]
    handler: Handler
    entry: Entry | None = None
    renews: bool = False
    """Whether an old session is renewed although the page is for everybody. It always is on pages of roles."""


class RouteTable:
    """All routes."""

    def __init__(self, routes: Iterable[Route]) -> None:
        """
        Raises:
            ValueError: a role would have two handlers for the same request, or one that everybody has.
        """
        self.routes = tuple(routes)
        self._by_request: dict[tuple[str, str], list[Route]] = {}
        for route in self.routes:
            others = self._by_request.setdefault((route.method, route.path), [])
            if others and (not route.roles or any(not other.roles or other.roles & route.roles for other in others)):
                raise ValueError(f"{route.method} {route.path} is there twice for one role")
            others.append(route)
        # `/orders/new` before `/orders/{orderId}`, whichever subject they are of.
        self._by_request = dict(sorted(self._by_request.items(), key=lambda request: "{" in request[0][1]))

    @property
    def by_request(self) -> Mapping[tuple[str, str], list[Route]]:
        """The routes of each method and path, one for each role."""
        return self._by_request

    def menu(self, roles: Iterable[Role], *, limited: bool = False) -> Mapping[Entry, list[Route]]:
        """Return the entries of the menu of somebody with these roles, each with the routes to which it leads.

        Args:
            roles: The roles.
            limited: Whether it is a manager who is limited to regions.
        """
        having = set(roles)
        menu: dict[Entry, list[Route]] = {}
        for route in self.routes:
            if route.entry and route.roles & having and not (limited and route.entry.nationwide):
                menu.setdefault(route.entry.within or route.entry, []).append(route)
        return menu

    def start_of(self, roles: Iterable[Role]) -> str | None:
        """Return the path at which somebody with these roles begins, or None if they have no pages."""
        for role in roles:
            for route in self.routes:
                if route.entry and route.entry.start and role in route.roles:
                    return route.path
        return None
