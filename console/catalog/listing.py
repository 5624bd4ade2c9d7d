"""The lists of the catalog, and who can install what is in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from console.catalog.kinds import PRODUCTS, Kind
from console.lists import all_of
from console.managers.center import ENGINEERS, Listed, listed, reach_of
from console.page_request import PageRequest
from console.routing import Handler
from console.service import Api, ApiAway, Problem


@dataclass(frozen=True)
class Staff:
    """The skills of the engineers who are active."""

    skills: Sequence[frozenset[str]] = ()
    known: bool = False
    """Whether all of them are known: the engineers of the whole country could be read, and are not too many."""

    def can_install(self, skills: Sequence[str]) -> bool:
        """Whether any engineer has all of these skills, as far as is known."""
        return not skills or not self.known or any(having.issuperset(skills) for having in self.skills)

    @property
    def every_skill(self) -> Sequence[str]:
        """The skills that anybody has."""
        return sorted(frozenset().union(*self.skills))


async def staff_of(api: Api) -> Staff:
    """Return the skills of all engineers. None are known while they cannot be read."""
    try:
        engineers = await all_of(api, ENGINEERS, {"active": "true"})
    except (ApiAway, Problem):
        return Staff()
    return Staff([frozenset(one["skills"]) for one in engineers.items], known=engineers.complete)


@dataclass(frozen=True)
class Item:
    """A thing of a list."""

    facts: Mapping[str, Any]
    """As the API has it."""
    change: str
    retirement: str
    installable: bool = True
    """Whether any engineer has the skills for it."""


@dataclass(frozen=True)
class CatalogPage:
    """A page of a list."""

    kind: Kind
    changeable: bool
    """Whether the manager may change anything here."""
    items: Sequence[Item]
    listing: Listed


def showing(kind: Kind, template: str) -> Handler:
    """Return what shows the list of a kind."""

    async def show(visit: PageRequest) -> Response:
        listing = await listed(visit, kind.path, kind.api, {})
        changeable = not (await reach_of(visit)).limited
        # A limited manager sees too few engineers to say that there is none.
        staff = await staff_of(visit.api) if kind is PRODUCTS and changeable else Staff()
        page = CatalogPage(kind, changeable, [_item(kind, one, staff) for one in listing.items], listing)
        return await visit.page(template, page)

    return show


def _item(kind: Kind, facts: Mapping[str, Any], staff: Staff) -> Item:
    thing_id = facts[kind.key]
    installable = staff.can_install(facts.get("skills", ()))
    return Item(facts, kind.change_of(thing_id), kind.retirement_of(thing_id), installable)
