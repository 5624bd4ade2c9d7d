"""What a route can ask for: the parameters of its path, and what the app has opened."""

from typing import Annotated, Any, TypeVar

from fastapi import Depends, Path, Request

from api.http.fields import ID

Opened = TypeVar("Opened")

OrderId = Annotated[str, Path(alias="orderId", pattern=ID)]


class Services:
    """What the app has opened, for as long as it runs: one object of each type."""

    def __init__(self, *opened: object) -> None:
        self._by_type: dict[type, Any] = {type(each): each for each in opened}
        if len(self._by_type) < len(opened):
            raise ValueError("two objects of one type: nobody could tell which is meant")

    def get(self, kind: type[Opened]) -> Opened:
        """The object of a type.

        Raises:
            KeyError: the app has opened none.
        """
        found: Opened = self._by_type[kind]
        return found


def services_of(request: Request) -> Services:
    """What the app that serves a request has opened."""
    services: Services = request.app.state.services
    return services


Everything = Annotated[Services, Depends(services_of)]


def provided(kind: type[Any]) -> Any:
    """Make a dependency on the object of a type, for the `Annotated` type of a route's parameter."""

    async def look_up(request: Request) -> Any:
        return services_of(request).get(kind)

    return Depends(look_up)
