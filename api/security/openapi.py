"""Completes `/openapi.json` with the problems that the routes can return, and the required tokens."""

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from api.http import problems
from api.http.problems import ProblemType
from api.http.windows import SlotResponse
from api.security.permissions import RULES
from api.security.tokens import Trust

Answers = dict[int | str, dict[str, Any]]
"""Responses by status, in FastAPI's format."""
CREATED: Answers = {201: {"headers": {"Location": {"schema": {"type": "string"}}}}}
"""The response of a route that has created something."""
_REF = "#/components/schemas/"
_READING = (
    ProblemType.MALFORMED_REQUEST,
    ProblemType.TOO_SLOW,
    ProblemType.TOO_LARGE,
    ProblemType.UNSUPPORTED_MEDIA_TYPE,
    ProblemType.INVALID_INPUT,
)


class InvalidMember(BaseModel):
    """What is wrong with one member of the body."""

    pointer: str = Field(description="JSON pointer (RFC 6901)")
    detail: str


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    model_config = ConfigDict(alias_generator=to_camel)

    type: str = Field(description="A URI reference that ends in the problem's slug")
    title: str
    status: int
    detail: str
    errors: list[InvalidMember] = Field(
        [], max_length=problems.MOST_ERRORS, description="With `invalid-input`, the first ones"
    )
    order_id: str = Field("", description="With `503`, the order that may have been placed")
    oldest: str = Field("", description="With `events-gone`, the first position after which no event is missing")
    slots: list[SlotResponse] = Field([], description="With `visit-unavailable`, the nearest free windows")


_ORDER = {"order": {"$ref": f"{_REF}OrderResponse", "description": "With `changed-meanwhile`, the order as it is now"}}
"""A member of `Problem` whose type belongs to a context that this package does not know."""


def problem_responses(*kinds: ProblemType, body: bool = False) -> Answers:
    """Return the descriptions of the problems that a route can return.

    Args:
        kinds: The problems of this route.
        body: Whether the route reads a body, and so can also return the problems of bodies.
    """
    described: Answers = {}
    for kind in (*(_READING if body else ()), *kinds):
        before = described.get(kind.status)
        described[kind.status] = {
            "description": f"{before['description']}, `{kind.slug}`" if before else f"`{kind.slug}`",
            "content": {problems.MEDIA_TYPE: {"schema": {"$ref": f"{_REF}{Problem.__name__}"}}},
        }
        if kind.status in (ProblemType.NO_ANSWER_IN_TIME.status, ProblemType.TOO_MANY_REQUESTS.status):
            described[kind.status]["headers"] = {"Retry-After": {"schema": {"type": "integer"}}}
    return described


class DescribedApi(FastAPI):
    """An app whose OpenAPI document contains the problems of this API instead of FastAPI's own errors."""

    trust: Trust
    """The trusted issuer."""
    requires_tokens = True
    """Whether each request needs a token."""

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        if self.openapi_schema is None:
            document = super().openapi()
            schemas = document["components"]["schemas"]
            for model in (Problem, InvalidMember):
                schemas[model.__name__] = model.model_json_schema(ref_template=_REF + "{model}")
                schemas[model.__name__].pop("$defs", None)
            schemas[Problem.__name__]["properties"] |= _ORDER
            for path in document["paths"].values():
                for operation in path.values():
                    _drop_validation_error(operation["responses"])
            _declare_limits(document)
            _declare_tokens(document, self.trust, required=self.requires_tokens)
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
        return super().openapi()


def _declare_limits(document: dict[str, Any]) -> None:
    """Describe the rate limit, for every route that requires authorization."""
    limited = {str(status): answer for status, answer in problem_responses(ProblemType.TOO_MANY_REQUESTS).items()}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if RULES[f"{method.upper()} {path}"] is not None:
                operation["responses"] |= limited


def _declare_tokens(document: dict[str, Any], trust: Trust, *, required: bool) -> None:
    """Describe how clients authenticate, and who may use each route."""
    schemes: dict[str, Any] = {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    if trust.discovery is not None:
        schemes["issuer"] = {"type": "openIdConnect", "openIdConnectUrl": trust.discovery}
    document["components"]["securitySchemes"] = schemes
    refusals = {
        str(status): answer
        for status, answer in problem_responses(ProblemType.UNAUTHENTICATED, ProblemType.FORBIDDEN).items()
    }
    refusals["401"]["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}}}
    silence = {str(status): answer for status, answer in problem_responses(ProblemType.NO_ANSWER_IN_TIME).items()}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if (rule := RULES[f"{method.upper()} {path}"]) is not None:
                operation["security"] = [*({name: []} for name in schemes), *(() if required else ({},))]
                operation["description"] = f"{operation.get('description', '')}\n\n{rule}".strip()
                operation["responses"] = silence | operation["responses"] | refusals


def _drop_validation_error(responses: dict[str, Any]) -> None:
    content = responses.get("422", {}).get("content", {})
    if content.get("application/json", {}).get("schema", {}).get("$ref") == f"{_REF}HTTPValidationError":
        del responses["422"]
