"""Dependencies of routes: path parameters, and the objects that the app has opened."""

from typing import Annotated, Any, TypeVar

from fastapi import Depends, Path, Request

from api.http.fields import ID

Opened = TypeVar("Opened")

OrderId = Annotated[str, Path(alias="orderId", pattern=ID)]


class Services:
    """The objects that the app has opened, one of each type. They live as long as the app runs."""

    def __init__(self, *opened: object) -> None:
        self._by_type: dict[type, Any] = {type(each): each for each in opened}
        if len(self._by_type) < len(opened):
            raise ValueError("two objects of one type: a look-up by type would be ambiguous")

    def get(self, kind: type[Opened]) -> Opened:
        """Return the object of a type.

        Raises:
            KeyError: the app has opened no such object.
        """
        found: Opened = self._by_type[kind]
        return found


def services_of(request: Request) -> Services:
    """Return the objects of the app that serves a request."""
    services: Services = request.app.state.services
    return services


AppServices = Annotated[Services, Depends(services_of)]


def provided(kind: type[Any]) -> Any:
    """Return a dependency on the object of a type, for the `Annotated` type of a route's parameter."""

    async def look_up(request: Request) -> Any:
        return services_of(request).get(kind)

    return Depends(look_up)
