"""Forms about an order. A form names the version of the order that was looked at (`If-Match`).

If somebody has changed the order meanwhile, nothing is done, and the form comes back with what has happened since. Sent
again, it is meant for the order as it is now. A form that comes back for another reason names the version that it had.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from console.forms import Form, refused
from console.managers.order import Facts
from console.managers.order_reading import read_order
from console.managers.story import Entry, Teller
from console.page_request import PageRequest
from console.service import Answer, ApiAway, Problem

_COUNT = re.compile("[0-9]{1,9}")


@dataclass(frozen=True)
class Refusal:
    """A form that was not carried out, with the reason."""

    form: Form = field(default_factory=Form)
    status: int = 200
    """Status of the page with the form: that of the API's problem, if there is one."""
    slug: str = ""
    """Of the API's problem. Empty: the form is incomplete, or the API has not answered."""
    members: Mapping[str, Any] = field(default_factory=dict)
    """Further members of the API's problem."""


NEW = Refusal()
"""A form that is shown for the first time."""


@dataclass(frozen=True)
class Question:
    """What all forms about an order show."""

    order_id: str
    facts: Facts | None
    """None: they cannot be told now. A form that comes back is shown all the same."""
    form: Form
    since: Sequence[Entry]
    """What has happened since the form was first shown, if it comes back for that reason."""
    seen: Mapping[str, str]
    """Hidden fields: the version of the order for which the form is meant, and the number of its events."""

    @classmethod
    async def about(cls, visit: PageRequest, refusal: Refusal) -> Self:
        """Read the order of a form.

        Raises:
            Problem: there is no such order, or it cannot be read now, when the form is shown for the first time.
            ApiAway: the API does not answer, when the form is shown for the first time.
        """
        order_id, form = visit.path_value("orderId"), refusal.form
        seen = {name: form.value(name) for name in ("version", "events")}
        try:
            reading = await read_order(visit)
        except (ApiAway, Problem) as error:
            if refusal is NEW or (isinstance(error, Problem) and error.is_of_the_page):
                raise
            return cls(order_id, None, form, (), seen)
        teller, history = Teller(visit.texts, reading), reading.order["history"]
        since: Sequence[Entry] = ()
        changed = refusal.slug == "changed-meanwhile"
        if changed and _COUNT.fullmatch(seen["events"]):
            since = teller.entries(history[int(seen["events"]) :])
        if changed or refusal is NEW:
            seen = {"version": str(reading.order["version"]), "events": str(len(history))}
        return cls(order_id, Facts.of(reading, teller), form, since, seen)

    @property
    def changeable(self) -> bool:
        """Whether the order can still be changed, as far as is known."""
        return self.facts is None or self.facts.changeable


async def send(
    visit: PageRequest, method: str, path: str, values: Mapping[str, str], body: Mapping[str, Any]
) -> Answer | Refusal:
    """Send what a form asks for, if the order still has the version that the form names.

    Raises:
        Problem: the answer is not about what was entered: nobody is signed in, or there is no such order.
    """
    version = values.get("version")
    try:
        return await visit.api.send(method, path, body, headers={"If-Match": f'"{version}"'} if version else None)
    except ApiAway as error:
        return Refusal(refused(error, values, visit.texts, {}), 503)
    except Problem as problem:
        if problem.is_of_the_page:
            raise
        form = refused(problem, values, visit.texts, {"/preferredVisit": "visit", "/reason": "reason"})
        return Refusal(form, problem.status, problem.slug, problem.members)
