"""What the rest of the console knows of how people sign in."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from console.page_request import PageRequest
from console.roles import Role
from console.routing import Route
from console.sessions import Session

LOGIN, LOGOUT = "/login", "/logout"


class SignIn(Protocol):
    """A way to sign in."""

    @property
    def form_targets(self) -> Sequence[str]:
        """Origins to which the answer to a form of ours may lead."""

    @property
    def routes(self) -> Sequence[Route]:
        """Its pages: `GET /login`, which takes the page to return to as `next`, `POST /logout`, and others."""

    async def renewed(self, visit: PageRequest, session: Session) -> Session | None:
        """Return the session with a newer token if it is time for one, or None to go on as it is. It never raises."""


async def session_of(visit: PageRequest, token: str, name: str | None = None, **more: Any) -> Session:
    """Return the session of a token, with what the API says of it.

    Raises:
        Problem: the API does not accept the token.
        ApiAway: the API does not answer.
    """
    told: Mapping[str, Any] = await visit.api_of(token).get("/whoami")
    roles = tuple(role for role in Role if role in told["roles"])
    issued = datetime.now().astimezone().timestamp()
    expires = datetime.fromisoformat(told["expiresAt"]).timestamp()
    limited = told["regions"] is not None
    return Session(token, roles, told["subject"], name or told["subject"], issued, expires, limited=limited, **more)
