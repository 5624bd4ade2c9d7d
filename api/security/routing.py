"""Route classes. Each authenticates and authorizes a request before it reads the query and the body."""

from collections.abc import Callable
from typing import Any, get_type_hints

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from starlette.routing import request_response

from api.http.bodies import JsonRequest, LargeBodies, LargeJsonRequest
from api.security.authentication import Handler, authorized


class JsonRoute(APIRoute):
    """An authorized route that reads its body as a `JsonRequest`."""

    request_class = JsonRequest

    def get_route_handler(self) -> Handler:
        """Return FastAPI's handler, with the stricter request."""
        handle = super().get_route_handler()

        async def handle_json(request: Request) -> Response:
            return await self.handle_request(handle, request)

        return authorized(self, handle_json)

    async def handle_request(self, handle: Handler, request: Request) -> Response:
        """Handle an authorized request."""
        return await handle(self.request_class(request.scope, request.receive))


class LargeJsonRoute(JsonRoute):
    """A route whose body is a `LargeJsonRequest`, of which only a few are handled at once."""

    request_class = LargeJsonRequest

    async def handle_request(self, handle: Handler, request: Request) -> Response:
        """Wait for the body's turn, then handle the request."""
        large: LargeBodies = request.app.state.large_bodies
        async with large.turn():
            return await super().handle_request(handle, request)


class DirectRoute(JsonRoute):
    """A route whose endpoint takes only its body and the request, and is called without dependency injection.

    FastAPI documents it like any other. Resolving dependencies would cost as much time as the rest of a request.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **given: Any) -> None:
        """Create the route as Starlette does, without FastAPI's stacks for dependencies."""
        super().__init__(path, endpoint, **given)
        self.app = request_response(self.get_route_handler())

    def get_route_handler(self) -> Handler:
        """Return a handler that reads the body and calls the endpoint."""
        model, *_ = get_type_hints(self.endpoint).values()
        body, endpoint = TypeAdapter(model), self.endpoint

        async def handle(request: Request) -> Response:
            content = await JsonRequest(request.scope, request.receive).json()
            try:
                given = body.validate_python(content)
            except ValidationError as invalid:
                found = invalid.errors(include_url=False, include_input=False)
                raise RequestValidationError([one | {"loc": ("body", *one["loc"])} for one in found]) from None
            answer: Response = await endpoint(given, request)
            return answer

        return authorized(self, handle)
