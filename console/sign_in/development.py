"""Sign-in for development, on a machine that has the key of the development issuer: one chooses a person.

It is there on loopback only, and only without `AUTH_ISSUER`. What follows is the same as anywhere: a token.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.responses import Response

from console import labels
from console.forms import Form
from console.page_request import PageRequest, path_of_ours
from console.problems import sentence
from console.roles import Role
from console.routing import EVERYBODY, SIGNED_IN, Route
from console.service import Api, ApiAway, Problem, Query
from console.sessions import Flash, Session
from console.sign_in.way import LOGIN, LOGOUT, session_of
from console.texts import N_
from runtime import development_issuer

_HOURS = 12.0
_SHOWN_CUSTOMERS = ("1", "2", "3")
_SUBJECT = re.compile(r"[^\s\x00-\x1f\x7f]{1,64}")
_EVERY_REGION = "*"
_MOST_ENGINEERS = 200
_UNKNOWN_PERSON = N_("Please choose one of the people, or enter the id of a customer.")


@dataclass(frozen=True)
class Person:
    """Somebody who can be chosen."""

    role: Role
    subject: str
    name: str


@dataclass(frozen=True)
class LoginPage:
    """The page on which a person is chosen."""

    next: str
    customers: Sequence[str]
    regions: Mapping[str, str]
    region: str
    engineers: Sequence[Person]
    engineers_known: bool
    form: Form


class DevelopmentSignIn:
    """Signs a token for whomever one chooses."""

    form_targets: Sequence[str] = ()

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    @property
    def routes(self) -> Sequence[Route]:
        """Its pages."""
        return (
            Route("GET", LOGIN, EVERYBODY, self._show),
            Route("POST", LOGIN, EVERYBODY, self._choose),
            Route("POST", LOGOUT, EVERYBODY, self._end),
        )

    async def renewed(self, visit: PageRequest, session: Session) -> Session | None:  # noqa: ARG002
        """Return None: one chooses again."""
        return None

    async def _show(self, visit: PageRequest) -> Response:
        return await self._page(visit, visit.query.get("next"), visit.query.get("region"))

    async def _page(
        self, visit: PageRequest, target: str | None, region: str | None, form: Form | None = None
    ) -> Response:
        shown = region if region and region in labels.REGION else next(iter(labels.REGION))
        engineers = await self._engineers(visit, shown)
        page = LoginPage(
            path_of_ours(target),
            _SHOWN_CUSTOMERS,
            {code: visit.texts(text) for code, text in labels.REGION.items()},
            shown,
            engineers or (),
            engineers is not None,
            form or Form(),
        )
        return await visit.page("sign_in/development.html", page, 422 if form else 200)

    async def _engineers(self, visit: PageRequest, region: str) -> Sequence[Person] | None:
        """Return the engineers of a region, or None if the API does not tell."""
        try:
            api = await self._api(visit)
            query: Query = {"region": region, "active": "true", "limit": _MOST_ENGINEERS}
            found = (await api.get("/managementCenters/engineers", query))["items"]
        except (Problem, ApiAway):
            return None
        return [Person(Role.ENGINEER, one["engineerId"], one["name"]) for one in found]

    async def _api(self, visit: PageRequest) -> Api:
        """Return the API as the console itself, which looks up the names of engineers."""
        return visit.api_of(await self._token({"sub": "console", "roles": [Role.MANAGER]}))

    async def _token(self, claims: Mapping[str, Any]) -> str:
        return await asyncio.to_thread(development_issuer.token, self._data_dir, claims, _HOURS)

    async def _choose(self, visit: PageRequest) -> Response:
        fields = await visit.form()
        target = path_of_ours(fields.get("next"))
        chosen = fields.get("person") or f"{Role.CUSTOMER}:{fields.get('customer', '')}"
        role, _, subject = chosen.partition(":")
        if role not in SIGNED_IN or not _SUBJECT.fullmatch(subject):
            form = Form(fields, {"customer": visit.texts(_UNKNOWN_PERSON)}, visit.texts(_UNKNOWN_PERSON))
            return await self._page(visit, target, fields.get("region"), form)
        claims: dict[str, Any] = {"sub": subject, "roles": [role]}
        name = subject
        if role == Role.MANAGER:
            claims |= {"sub": f"manager-{subject}" if subject != _EVERY_REGION else "manager", "regions": [subject]}
            name = claims["sub"]
        elif role == Role.ENGINEER:
            name = await self._name_of(visit, subject)
        try:
            session = await session_of(visit, await self._token(claims), name)
        except Problem as problem:
            return visit.redirect(LOGIN, Flash(sentence(problem, visit.texts), "refused"))
        response = visit.redirect(target)
        visit.console.cookies.sign_in(response, session, visit.cookies)
        return response

    async def _end(self, visit: PageRequest) -> Response:
        response = visit.redirect(LOGIN)
        visit.console.cookies.end(response, visit.cookies)
        return response

    async def _name_of(self, visit: PageRequest, engineer_id: str) -> str:
        try:
            return str((await (await self._api(visit)).get(f"/managementCenters/engineers/{engineer_id}"))["name"])
        except (Problem, ApiAway):
            return engineer_id
