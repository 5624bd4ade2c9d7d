"""/whoami: what the token of a request says."""

from datetime import UTC, datetime

from fastapi import APIRouter, Request
from pydantic import Field

from api.http.fields import ResponseBody, Time
from api.security.authentication import identity_of
from api.security.principals import Identity, Role
from api.security.routing import JsonRoute

router = APIRouter(tags=["whoami"], route_class=JsonRoute)


class WhoamiResponse(ResponseBody):
    """The sender of a request."""

    roles: list[str] = Field(description="Roles of this API, the widest first. Empty without a token, too")
    subject: str | None = Field(description="Customer, engineer, manager, program or order. `null` without a token")
    regions: list[str] | None = Field(
        description="What a manager is limited to. `null`: no such limit, or another role, or no token"
    )
    expires_at: Time | None

    @classmethod
    def of(cls, identity: Identity) -> "WhoamiResponse":
        """Make the response from the claims of a token."""
        limited = Role.MANAGER in identity.roles and identity.regions is not None
        return cls(
            roles=[role for role in Role if role in identity.roles],
            subject=identity.subject,
            regions=sorted(identity.regions or ()) if limited else None,
            expires_at=datetime.fromtimestamp(identity.expires_at, UTC),
        )


@router.get("/whoami")
async def whoami(request: Request) -> WhoamiResponse:
    """Return who the token of the request is, and until when. Without a token, where none is required, nobody."""
    identity = identity_of(request)
    if identity is None:
        return WhoamiResponse(roles=[], subject=None, regions=None, expires_at=None)
    return WhoamiResponse.of(identity)
