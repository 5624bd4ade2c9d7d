"""Forms: what was sent, and what there is to say about it. Whatever happens, what was entered is shown again."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

from console.problems import AWAY, field_sentence, sentence
from console.service import ApiAway, Problem
from console.texts import Texts

LARGEST = 64 * 1024
"""Bytes of a form, as of a body of the API."""
MOST_FIELDS = 200


@dataclass(frozen=True)
class Form:
    """The values of a form, and the sentences about them."""

    values: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    """Sentences by field."""
    summary: str | None = None
    """Sentence about the whole form."""
    retry_after: int | None = None
    """Seconds after which it may be sent again."""

    def value(self, name: str, default: str = "") -> str:
        """Return what was entered."""
        return self.values.get(name, default)


def form_key(values: Mapping[str, str]) -> str:
    """Return the key of a form, by which the API does what it asks for once, or a new key if it has none."""
    return values.get("key") or secrets.token_urlsafe(16)


def bounded(receive: Receive) -> Receive:
    """Return what receives a form, and raises an `HTTPException` (413) as soon as it is larger than the largest."""
    arrived = 0

    async def receive_bounded() -> Message:
        nonlocal arrived
        message = await receive()
        arrived += len(message.get("body", b""))
        if arrived > LARGEST:
            # What else the client sends is not read.
            raise HTTPException(413, headers={"Connection": "close"})
        return message

    return receive_bounded


def sent(data: FormData) -> dict[str, str]:
    """Return the fields of a form that are texts, without the blanks around them. Of several with a name, the last."""
    return {name: value.strip() for name, value in data.multi_items() if isinstance(value, str)}


def refused(error: Problem | ApiAway, values: Mapping[str, str], texts: Texts, fields: Mapping[str, str]) -> Form:
    """Return a form again, with what the API says about it.

    Args:
        error: The API's answer, or that there was none.
        values: What was entered.
        texts: The language.
        fields: Fields of the form by JSON pointer. What the API says of other members is said of the whole form.
    """
    if isinstance(error, ApiAway):
        return Form(values, summary=texts(AWAY), retry_after=1)
    errors: dict[str, str] = {}
    for pointer, detail in error.errors:
        if pointer in fields:
            errors.setdefault(fields[pointer], field_sentence(detail, texts))
    return Form(values, errors, sentence(error, texts), error.retry_after)


def missing(
    values: Mapping[str, str], names: Sequence[str], texts: Texts, *, choices: Sequence[str] = ()
) -> Form | None:
    """Return the form again if one of these fields is empty, or nothing is chosen in one of the choices."""
    errors = {name: texts("This is missing.") for name in names if not values.get(name)}
    errors |= {name: texts("Please choose one.") for name in choices if not values.get(name)}
    return Form(values, errors, texts("Some of what you entered cannot be accepted.")) if errors else None
