"""The header `Idempotency-Key`: a request that is repeated with the same key has one effect."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from fastapi import Request, Response
from pydantic_core import to_json
from starlette.exceptions import HTTPException

REPLAYED = {"Idempotent-Replayed": "true"}
"""The header of an answer that repeats an earlier one."""
REPLAYED_HEADERS = {"Idempotent-Replayed": {"schema": {"const": "true"}}}
"""The same in the OpenAPI document."""
_HEADER = "Idempotency-Key"
_PATTERN = r"^[\x21-\x7e]{1,200}$"


def parameter(creates: str) -> dict[str, Any]:
    """Return the description of the header for the OpenAPI document."""
    return {
        "name": _HEADER,
        "in": "header",
        "description": f"A request with the same key and body returns the same {creates}",
        "schema": {"type": "string", "pattern": _PATTERN},
    }


def replays(model: type, creates: str) -> dict[int | str, dict[str, Any]]:
    """Return the description of the answer to a repeated request for the OpenAPI document."""
    description = f"The {creates} that an earlier request with this key has added"
    return {200: {"model": model, "description": description, "headers": REPLAYED_HEADERS}}


def complete(response: Response, location: str, *, new: bool) -> None:
    """Complete the answer to a request that creates something: with its location, or as a repetition."""
    if new:
        response.headers["Location"] = location
    else:
        response.status_code = 200
        response.headers.update(REPLAYED)


def key_of(request: Request) -> str | None:
    """Return the key of a request, if it has one."""
    return request.headers.get(_HEADER)


def id_of(key: str | None, sender: str) -> str:
    """Return the id of what a request creates: the same for the same key of the same sender; without a key, a new one.

    Raises:
        HTTPException: this is not a key.
    """
    if key is None:
        return uuid4().hex
    if not re.fullmatch(_PATTERN, key):
        raise HTTPException(400, "an idempotency key has 1 to 200 visible characters")
    return hashlib.blake2b(f"{sender} {key}".encode(), digest_size=16).hexdigest()


def fingerprint_of(members: Mapping[str, Any]) -> str:
    """Return a hash of what a request asks for: equal only for the same members with the same values."""
    return hashlib.sha256(to_json(dict(sorted(members.items())))).hexdigest()
