"""Route classes. Each authenticates and authorizes a request before it reads the query and the body."""

from collections.abc import Callable, Coroutine
from typing import Any, get_type_hints

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError

from api.http.bodies import JsonRequest, LargeJsonRequest
from api.security.authentication import authorized


class JsonRoute(APIRoute):
    """An authorized route that reads its body as a `JsonRequest`."""

    request_class = JsonRequest

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return FastAPI's handler, with the stricter request."""
        handle = super().get_route_handler()

        async def handle_json(request: Request) -> Response:
            return await handle(self.request_class(request.scope, request.receive))

        return authorized(self, handle_json)


class LargeJsonRoute(JsonRoute):
    """A route whose body is a `LargeJsonRequest`."""

    request_class = LargeJsonRequest


class DirectRoute(JsonRoute):
    """A route whose endpoint takes only its body and the request, and is called without dependency injection.

    FastAPI documents it like any other. Resolving dependencies would cost as much time as the rest of a request.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
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
